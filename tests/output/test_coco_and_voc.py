"""COCO's and VOC's evaluation of boxes: pycocotools, and the definition as loops."""

from __future__ import annotations

import contextlib
import io
import time
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from kissipo.output.metrics.box_matching import box_overlaps, match_boxes
from kissipo.output.metrics.coco import (
    AREAS,
    COCO_THRESHOLDS,
    MAX_DETECTIONS,
    CocoEvaluation,
    coco_evaluation,
    coco_summary,
)
from kissipo.output.metrics.detection import average_precision
from kissipo.output.metrics.voc import voc_average_precision

SIDE, CLASSES = 256, 3


def random_boxes(generator: np.random.Generator, count: int) -> Any:
    """Corners in whole pixels; many boxes are equal, or differ by a few pixels."""
    sizes = generator.choice([8, 16, 32, 64, 96, 128], (count, 2))
    low = generator.integers(0, 8, (count, 2)) * 16
    low = np.minimum(low + generator.integers(0, 3, (count, 2)), SIDE - sizes)
    return np.concatenate([low, low + sizes], axis=1)


def random_case(seed: int, *, images: int = 6, max_detections: int = 12) -> tuple[Any, Any, Any]:
    """Detections with equal scores, targets with crowds, and images without either."""
    generator = np.random.default_rng(seed)
    targets, detections = np.zeros((images, 7, 5)), np.zeros((images, max_detections, 6))
    targets[..., 0] = detections[..., 0] = -1
    crowd = np.zeros((images, 7), dtype=bool)
    for image in range(images):
        boxes = random_boxes(generator, int(generator.integers(0, 8)))
        targets[image, : len(boxes), 0] = generator.integers(0, CLASSES, len(boxes))
        targets[image, : len(boxes), 1:] = boxes
        crowd[image, : len(boxes)] = generator.random(len(boxes)) < 0.2
        near = [
            [box[0], *(box[1:] + generator.integers(-6, 7, 4))]
            for box in targets[image, : len(boxes)]
            for _ in range(generator.integers(4))
        ]
        near += [[generator.integers(0, CLASSES), *box] for box in random_boxes(generator, 3)]
        rows = np.array(near, dtype=float)[generator.permutation(len(near))][:max_detections]
        rows = rows[: int(generator.integers(0, max_detections + 1))]
        scores = generator.integers(1, 8, len(rows)) / 8  # many are equal
        detections[image, : len(rows)] = np.column_stack([rows, scores])
    for some in (detections, targets):
        some[..., 1:5] = np.where(some[..., :1] < 0, 0, some[..., 1:5] / SIDE)
    return detections, targets, crowd


def pycocotools(
    detections: Any, targets: Any, crowd: Any, max_detections: Any
) -> tuple[CocoEvaluation, Any]:
    """What pycocotools measures, nan for a class without targets, and 12 numbers."""
    truth, number, boxes, predicted = COCO(), 0, [], []
    for image in range(len(targets)):
        for (label, *corners), is_crowd in zip(targets[image], crowd[image], strict=True):
            if label >= 0:
                number += 1
                left, top, right, bottom = np.array(corners) * SIDE
                corner = [left, top, right - left, bottom - top]
                box = {"id": number, "image_id": image, "category_id": int(label)}
                area = corner[2] * corner[3]
                boxes.append({**box, "bbox": corner, "area": area, "iscrowd": int(is_crowd)})
        for label, *corners, score in detections[image]:
            if label >= 0:
                left, top, right, bottom = np.array(corners) * SIDE
                corner = [left, top, right - left, bottom - top]
                box = {"image_id": image, "category_id": int(label)}
                predicted.append({**box, "bbox": corner, "score": score})
    truth.dataset = {
        "info": {},
        "images": [{"id": image} for image in range(len(targets))],
        "annotations": boxes,
        "categories": [{"id": label} for label in range(CLASSES)],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        results = truth.loadRes(predicted) if predicted else COCO()
        if not predicted:
            results.dataset = {**truth.dataset, "annotations": []}
            results.createIndex()
        evaluator = COCOeval(truth, results, "bbox")
        evaluator.params.maxDets = list(max_detections)
        evaluator.evaluate()
        evaluator.accumulate()
        stats = None
        if max_detections == MAX_DETECTIONS:
            evaluator.summarize()
            stats = np.where(evaluator.stats < 0, np.nan, evaluator.stats)
    precision, recall = evaluator.eval["precision"][..., -1], evaluator.eval["recall"]
    precision = np.where(precision < 0, np.nan, precision).mean(axis=1)
    return CocoEvaluation(precision, np.where(recall < 0, np.nan, recall)), stats


def assert_equals_pycocotools(seeds: range) -> None:
    """Compares random cases, half of them with other numbers of detections."""
    assert list(AREAS) == ["all", "small", "medium", "large"]
    measured = 0
    for seed in seeds:
        detections, targets, crowd = random_case(seed)
        counts = MAX_DETECTIONS if seed % 2 else (1, 2, 4)
        expected, stats = pycocotools(detections, targets, crowd, counts)
        result = coco_evaluation(
            detections,
            targets,
            num_classes=CLASSES,
            size=(SIDE, SIDE),
            crowd=crowd,
            max_detections=counts,
        )
        np.testing.assert_allclose(result.precision, expected.precision, atol=1e-6)
        np.testing.assert_allclose(result.recall, expected.recall, atol=1e-6)
        if stats is not None:
            np.testing.assert_allclose(list(coco_summary(result).values()), stats, atol=1e-6)
        measured += int((result.precision > 0).sum())
    assert measured > 20 * len(seeds)


def test_coco_equals_pycocotools() -> None:
    assert_equals_pycocotools(range(60))


@pytest.mark.slow
def test_coco_equals_pycocotools_on_1000_cases() -> None:
    assert_equals_pycocotools(range(1000, 2000))


def test_average_precision_is_cocos_without_crowds() -> None:
    for seed in range(10):
        detections, targets, _ = random_case(seed)
        detections[..., 3:5] = np.maximum(detections[..., 3:5], detections[..., 1:3])
        result = average_precision(
            detections, targets, num_classes=CLASSES, iou_thresholds=COCO_THRESHOLDS
        )
        full = coco_evaluation(detections, targets, num_classes=CLASSES, size=(SIDE, SIDE))
        np.testing.assert_array_equal(result, full.precision[..., 0])


def iou_of(one: Any, other: Any) -> float:
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0, across) * max(0, down)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return float(shared / (sum(areas) - shared))


def voc(detections: Any, targets: Any, difficult: Any, label: int, points: int | None) -> float:
    """VOCevaldet.m and VOCap.m for one class, as their loops stand there."""
    wanted, taken = 0, set()
    for image in range(len(targets)):
        for number, row in enumerate(targets[image]):
            wanted += row[0] == label and not difficult[image, number]
    rows = [
        (image, row)
        for image in range(len(detections))
        for row in detections[image]
        if row[0] == label
    ]
    rows.sort(key=lambda pair: -pair[1][5])
    true = false = 0
    curve = []
    for image, row in rows:
        overlap, best = -1.0, -1
        for number, target in enumerate(targets[image]):
            if target[0] == label and iou_of(row[1:5], target[1:]) > overlap:
                overlap, best = iou_of(row[1:5], target[1:]), number
        if overlap >= 0.5 and difficult[image, best]:
            continue
        if overlap >= 0.5 and (image, best) not in taken:
            taken.add((image, best))
            true += 1
        else:
            false += 1
        curve.append((true / wanted if wanted else np.nan, true / (true + false)))
    if not wanted:
        return float("nan")
    highest = [
        (recall, max(p for _, p in curve[place:])) for place, (recall, _) in enumerate(curve)
    ]
    if points == 11:
        places = [number / 10 for number in range(11)]
        return (
            sum(max((p for r, p in curve if r >= recall - 1e-9), default=0) for recall in places)
            / 11
        )
    area = before = 0.0
    for recall, precision in highest:
        area, before = area + (recall - before) * precision, recall
    return area


@pytest.mark.parametrize("points", [11, None])
def test_voc_equals_its_definition(points: Any) -> None:
    measured = 0
    for seed in range(150):
        detections, targets, difficult = random_case(seed)
        result = voc_average_precision(
            detections, targets, num_classes=CLASSES, points=points, ignored=difficult
        )
        expected = [voc(detections, targets, difficult, label, points) for label in range(CLASSES)]
        np.testing.assert_allclose(result, expected, atol=1e-12)
        measured += int((result > 0).sum())
    assert measured > 200


def test_both_maps_of_two_targets_worked_by_hand() -> None:
    """Hit, miss, hit: precision 1 up to recall 0.5, then 2/3.

    101 recalls: (51 + 50 · 2/3) / 101; 11 recalls: (6 + 5 · 2/3) / 11; area: 5/6.
    """
    targets = np.array([[[0, 0, 0, 0.2, 0.2], [0, 0.5, 0.5, 0.7, 0.7]]])
    detections = np.array(
        [[[0, 0, 0, 0.2, 0.2, 0.9], [0, 0, 0, 0.2, 0.2, 0.8], [0, 0.5, 0.5, 0.7, 0.7, 0.7]]]
    )
    coco = coco_evaluation(detections, targets, num_classes=1, size=(100, 200))
    assert coco_summary(coco)["map_50"] == pytest.approx((51 + 50 * 2 / 3) / 101, rel=1e-12)
    assert coco_summary(coco)["ar_1"] == 0.5 and coco_summary(coco)["ar_10"] == 1
    assert np.isnan(coco_summary(coco)["map_medium"])  # 20 x 40 pixels are small
    eleven = voc_average_precision(detections, targets, num_classes=1, points=11)
    assert eleven.item() == pytest.approx((6 + 5 * 2 / 3) / 11, rel=1e-12)
    area = voc_average_precision(detections, targets, num_classes=1)
    assert area.item() == pytest.approx(5 / 6, rel=1e-12)


def test_the_two_rules_differ_where_targets_overlap() -> None:
    """The second detection overlaps the first target more, which is taken: COCO gives
    it the second target, VOC calls it false."""
    targets = np.array([[[0, 0.0, 0, 0.5, 0.5], [0, 0.1, 0, 0.6, 0.5]]])
    detections = np.array([[[0, 0.0, 0, 0.5, 0.5, 0.9], [0, 0.02, 0, 0.52, 0.5, 0.8]]])
    coco = average_precision(detections, targets, num_classes=1, iou_thresholds=(0.5,))
    assert coco.item() == 1
    assert voc_average_precision(detections, targets, num_classes=1).item() == 0.5


def test_any_number_of_detections_may_lie_in_a_crowd() -> None:
    targets = np.array([[[0, 0, 0, 1, 1], [0, 0, 0, 0.25, 0.25]]])
    crowd = np.array([[True, False]])
    inside = [[0, 0.5, 0.5, 0.75, 0.75, 0.9], [0, 0.5, 0.5, 0.75, 0.75, 0.8]]
    detections = np.array([[*inside, [0, 0, 0, 0.25, 0.25, 0.7]]])
    assert box_overlaps(detections, targets, crowd)[0].tolist() == [[1, 0], [1, 0], [1, 1]]
    taken = match_boxes(detections, targets, iou_thresholds=(0.5,), crowd=crowd)
    assert taken[0, 0, 0].tolist() == [0, 0, 1]
    result = coco_evaluation(detections, targets, num_classes=1, size=(64, 64), crowd=crowd)
    assert coco_summary(result)["map_50_95"] == 1


def test_without_targets_or_detections() -> None:
    targets, nothing = np.full((2, 3, 5), -1.0), np.zeros((2, 0, 6))
    detections = np.array([[[0, 0, 0, 0.5, 0.5, 0.9]], [[1, 0, 0, 0.5, 0.5, 0.9]]])
    for some, truth in ((detections, targets), (nothing, targets), (nothing, targets[:, :0])):
        result = coco_evaluation(some, truth, num_classes=2, size=(64, 64))
        assert np.isnan(result.precision).all() and np.isnan(result.recall).all()
        assert np.isnan(voc_average_precision(some, truth, num_classes=2)).all()
    targets[0, 0] = [0, 0, 0, 0.5, 0.5]
    result = coco_evaluation(nothing, targets, num_classes=2, size=(64, 64))
    assert (result.precision[:, 0, 0] == 0).all() and np.isnan(result.precision[:, 1]).all()
    assert voc_average_precision(nothing, targets, num_classes=2)[0] == 0


def test_evaluation_of_72_images_takes_less_than_a_second() -> None:
    """100 detections and 20 boxes an image; measured: 0.05 CPU seconds."""
    detections, targets, _ = random_case(0, images=72, max_detections=100)
    generator = np.random.default_rng(1)
    boxes = random_boxes(generator, 72 * 20).reshape(72, 20, 4) / SIDE
    targets = np.concatenate([generator.integers(0, CLASSES, (72, 20, 1)), boxes], axis=2)
    near = np.repeat(targets, 5, axis=1)
    near[..., 1:] += generator.normal(0, 0.02, near[..., 1:].shape)
    detections = np.concatenate([near, generator.random((72, 100, 1))], axis=2)
    began = time.process_time()
    result = coco_evaluation(detections, targets, num_classes=CLASSES, size=(SIDE, SIDE))
    seconds = time.process_time() - began
    assert 0 < coco_summary(result)["map_50"] < 1
    assert seconds < 1

"""NMS and mAP: hand-worked cases, brute force, and COCO's algorithm written again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from kissipo.codec._boxes import (
    box_offsets,
    boxes_at,
    pairwise_iou,
    with_center,
    with_corners,
)
from kissipo.output.answers.boxes import Boxes, Decode, Options
from kissipo.output.decode.nms import MIN_SCORE, detect, nms
from kissipo.output.metrics.coco import COCO_THRESHOLDS
from kissipo.output.metrics.detection import (
    average_precision,
    count_matches,
    matched_iou,
    panoptic_quality,
)


def iou_of(one: Any, other: Any) -> float:
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0, across) * max(0, down)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return float(shared / (sum(areas) - shared))


def random_boxes(generator: np.random.Generator, count: int) -> Any:
    low = generator.uniform(0, 0.6, (count, 2))
    return np.concatenate([low, low + generator.uniform(0.1, 0.4, (count, 2))], axis=1)


def test_iou_equals_the_formula_and_counts_no_negative_area() -> None:
    generator = np.random.default_rng(0)
    one, other = random_boxes(generator, 30), random_boxes(generator, 20)
    overlaps = pairwise_iou(torch.from_numpy(one), torch.from_numpy(other))
    expected = [[iou_of(a, b) for b in other] for a in one]
    np.testing.assert_allclose(overlaps, expected, rtol=1e-12)
    apart = torch.tensor([[0.0, 0.0, 0.1, 0.1]]), torch.tensor([[0.5, 0.5, 0.7, 0.7]])
    assert pairwise_iou(*apart).item() == 0
    assert pairwise_iou(torch.zeros(1, 4), torch.zeros(1, 4)).item() == 0


def test_offsets_are_inverted_and_anchor_boxes_have_no_offset() -> None:
    generator = np.random.default_rng(1)
    corners = torch.from_numpy(random_boxes(generator, 50))
    boxes = with_center(corners)
    torch.testing.assert_close(with_corners(boxes), corners)
    torch.testing.assert_close(boxes[:, 2:], corners[:, 2:] - corners[:, :2])
    anchors = torch.from_numpy(generator.uniform(0.1, 0.9, (50, 4)))
    torch.testing.assert_close(boxes_at(box_offsets(boxes, anchors), anchors), boxes)
    offsets = box_offsets(anchors, anchors)
    torch.testing.assert_close(offsets, torch.zeros_like(offsets), atol=1e-12, rtol=0)
    for log in (-1e4, 1e4):  # no box is infinite, and none has no side
        sides = boxes_at(torch.tensor([0.0, 0, log, log]), torch.ones(4))[2:]
        assert (sides == torch.tensor(log / 1e4 * 8).exp()).all()


def greedy(boxes: Any, scores: Any, labels: Any, threshold: float) -> list[int]:
    """The algorithm of the lecture: B and S lose the chosen box together."""
    left, positions = list(range(len(boxes))), []
    while left:
        best = max(left, key=lambda number: scores[number])
        positions.append(best)
        left.remove(best)
        left = [
            number
            for number in left
            if labels[number] != labels[best] or iou_of(boxes[number], boxes[best]) < threshold
        ]
    return positions


@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.5, 0.9])
def test_nms_equals_the_greedy_algorithm(threshold: float) -> None:
    generator = np.random.default_rng(2)
    for count in (0, 1, 2, 40):
        boxes, scores = random_boxes(generator, count), generator.random(count)
        labels = generator.integers(0, 3, count)
        positions = nms(*map(torch.from_numpy, (boxes, scores, labels)), iou_threshold=threshold)
        assert positions == greedy(boxes, scores, labels, threshold)


def test_nms_of_two_classes_worked_by_hand() -> None:
    """Boxes of 10x10 in a row; the second overlaps the first with 8 / 12 = 0.67, the
    third the first with 5 / 15 = 0.33 and the second with 7 / 13 = 0.54."""
    boxes = torch.tensor([[0.0, 0, 10, 10], [2, 0, 12, 10], [5, 0, 15, 10]])
    scores, same = torch.tensor([0.9, 0.8, 0.7]), torch.zeros(3)
    assert nms(boxes, scores, same, iou_threshold=0.5) == [0, 2]  # 1 is removed, so 2 stays
    assert nms(boxes, scores, same, iou_threshold=0.3) == [0]
    assert nms(boxes, scores, same, iou_threshold=0.7) == [0, 1, 2]
    assert nms(boxes, scores, torch.tensor([0.0, 1, 0]), iou_threshold=0.5) == [0, 1, 2]
    assert nms(boxes, scores.flip(0), same, iou_threshold=0.5) == [2, 0]
    half = torch.tensor([[0.0, 0, 2, 1], [0.0, 0, 1, 1]])  # an IoU of exactly 0.5 is removed
    assert nms(half, torch.tensor([0.9, 0.8]), torch.zeros(2), iou_threshold=0.5) == [0]


def test_detections_are_padded_sorted_and_limited() -> None:
    """Two anchor boxes far apart, one twice; the logits give the scores."""
    outputs = torch.full((2, 3, 11), -9.0)
    outputs[..., :4] = torch.tensor(
        [[0.2, 0.2, 0.2, 0.2], [0.2, 0.2, 0.2, 0.2], [0.8] * 2 + [0.4] * 2]
    )
    outputs[..., 4:8] = outputs[..., :4]
    outputs[0, :, 8] = torch.tensor([1.0, 2.0, 0.0])
    outputs[0, :, 10] = torch.tensor([9.0, 9.0, -9.0])
    predicted = detect(outputs, iou_threshold=0.5, max_detections=4).numpy()
    sure = 1 / (1 + np.exp(-18.0))
    expected = np.zeros((2, 4, 6))
    expected[..., 0] = -1
    expected[0, 0] = [1, 0.1, 0.1, 0.3, 0.3, sure / (1 + np.exp(-2))]
    expected[0, 1] = [0, 0.6, 0.6, 1.0, 1.0, 0.25]
    np.testing.assert_allclose(predicted, expected, atol=1e-6)
    assert 1 / (1 + np.exp(9)) < MIN_SCORE
    assert detect(outputs, iou_threshold=0.5, max_detections=1).shape == (2, 1, 6)
    assert len(nms(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0), iou_threshold=0.5)) == 0


def coco_average_precision(detections: Any, targets: Any, label: int, threshold: float) -> float:
    """COCOeval's evaluateImg and accumulate for one class and all areas."""
    rows: list[tuple[float, bool]] = []
    wanted = 0
    for predicted, boxes in zip(detections, targets, strict=True):
        truth = [box[1:] for box in boxes if box[0] == label]
        guesses = sorted((box for box in predicted if box[0] == label), key=lambda box: -box[5])
        taken = [False] * len(truth)
        wanted += len(truth)
        for guess in guesses:
            best, match = min(threshold, 1 - 1e-10), -1
            for number, box in enumerate(truth):
                if not taken[number] and iou_of(guess[1:5], box) >= best:
                    best, match = iou_of(guess[1:5], box), number
            if match >= 0:
                taken[match] = True
            rows.append((guess[5], match >= 0))
    if not wanted:
        return float("nan")
    rows.sort(key=lambda row: -row[0])
    hits = precision_sum = 0.0
    curve = []
    for number, (_, hit) in enumerate(rows, 1):
        hits += hit
        curve.append((hits / wanted, hits / number))
    for recall in np.linspace(0, 1, 101):
        precision_sum += max((p for r, p in curve if r >= recall), default=0.0)
    return precision_sum / 101


def random_case(seed: int) -> tuple[Any, Any]:
    """Padded detections, many of which are near a target, and padded targets."""
    generator = np.random.default_rng(seed)
    targets, detections = np.zeros((25, 4, 5)), np.zeros((25, 7, 6))
    targets[..., 0] = detections[..., 0] = -1
    for row in range(25):
        boxes = random_boxes(generator, generator.integers(5))
        targets[row, : len(boxes), 0] = generator.integers(0, 3, len(boxes))
        targets[row, : len(boxes), 1:] = boxes
        near = [
            [box[0], *(box[1:] + generator.normal(0, 0.03, 4))]
            for box in targets[row, : len(boxes)]
            for _ in range(generator.integers(3))
        ][:7]
        near += [[generator.integers(0, 4), *box] for box in random_boxes(generator, 2)]
        near = near[:7]
        scores = np.sort(generator.random(len(near)))[::-1]
        detections[row, : len(near)] = np.column_stack([np.array(near), scores])
    return detections, targets


@pytest.mark.parametrize("seed", range(4))
def test_average_precision_equals_cocos(seed: int) -> None:
    detections, targets = random_case(seed)
    result = average_precision(detections, targets, num_classes=4, iou_thresholds=COCO_THRESHOLDS)
    expected = [
        [coco_average_precision(detections, targets, label, threshold) for label in range(4)]
        for threshold in COCO_THRESHOLDS
    ]
    np.testing.assert_allclose(result, expected, rtol=1e-9)
    assert np.isnan(result[:, 3]).all() and 0 < np.nanmean(result) < 1


def test_average_precision_worked_by_hand() -> None:
    """Two targets; hit, miss, hit: precision 1 up to recall 0.5, then 2/3.

    COCO's 101 recalls give (51 · 1 + 50 · 2/3) / 101; the area of VOC would be 5/6.
    """
    targets = np.array([[[0, 0, 0, 0.2, 0.2], [0, 0.5, 0.5, 0.7, 0.7]]])
    predicted = np.array([[
        [0, 0, 0, 0.2, 0.2, 0.9],
        [0, 0, 0, 0.2, 0.2, 0.8],  # a second detection of the same target is false
        [0, 0.5, 0.5, 0.7, 0.7, 0.7],
    ]])  # fmt: skip
    result = average_precision(predicted, targets, num_classes=1, iou_thresholds=(0.5,))
    assert result.item() == pytest.approx((51 + 50 * 2 / 3) / 101, rel=1e-12)
    nothing = np.full((1, 0, 6), 0.0)
    assert average_precision(nothing, targets, num_classes=1, iou_thresholds=(0.5,)).item() == 0
    perfect = np.concatenate([targets, np.ones((1, 2, 1))], axis=2)
    scores = average_precision(perfect, targets, num_classes=1, iou_thresholds=COCO_THRESHOLDS)
    assert (scores == 1).all()


def test_detection_takes_a_free_target_although_another_overlaps_more() -> None:
    """COCO's rule; VOC would count the second detection as false."""
    targets = np.array([[0, 0.0, 0, 0.5, 0.5], [0, 0.1, 0, 0.6, 0.5]])
    predicted = np.array([[0, 0.0, 0, 0.5, 0.5, 0.9], [0, 0.02, 0, 0.52, 0.5, 0.8]])
    overlaps = matched_iou(predicted, targets, (0.5,))[:, 0]
    assert overlaps == pytest.approx([1, iou_of(predicted[1, 1:5], targets[1, 1:])])


def test_precision_recall_and_quality_of_images_worked_by_hand() -> None:
    """One image: hit with an IoU of 0.8, wrong class, low score; another is empty."""
    targets = np.full((2, 2, 5), -1.0)
    targets[0] = [[0, 0, 0, 0.5, 0.5], [1, 0.6, 0.6, 0.9, 0.9]]
    predicted = np.full((2, 3, 6), -1.0)
    predicted[0] = [
        [0, 0, 0, 0.5, 0.4, 0.9],
        [0, 0.6, 0.6, 0.9, 0.9, 0.8],
        [1, 0.6, 0.6, 0.9, 0.9, 0.4],
    ]
    counts = count_matches(predicted, targets, min_score=0.5, iou_threshold=0.5)
    np.testing.assert_allclose(counts, [[1, 1, 1, 0.8], [0, 0, 0, 0]])
    np.testing.assert_allclose(panoptic_quality(counts), [0.4, 1])
    answer = Boxes("label", Options(Decode(threshold=0.5)), size=(20, 10))
    answer.codec.classes = ("bar", "dot")
    metrics = answer.evaluate(predicted, targets).metrics
    assert (metrics["precision"], metrics["recall"], metrics["f1"]) == (0.5, 0.5, 0.5)
    assert metrics["map_50"] == pytest.approx(1.0)  # the low score is the best one of its class
    (first, second) = answer.decode(predicted)
    assert first.boxes is not None
    assert [vars(box) for box in first.boxes] == [
        {"label": "bar", "confidence": 0.9, "x_min": 0, "y_min": 0, "x_max": 5, "y_max": 8},
        {"label": "bar", "confidence": 0.8, "x_min": 6, "y_min": 12, "x_max": 9, "y_max": 18},
    ]
    assert (first.value, second.value, second.boxes) == ("bar: 2", "nothing", ())


def random_detections(seed: int) -> tuple[Any, Any]:
    """Returns detections of which some are right, and three true boxes in each of ten
    images."""
    generator = np.random.default_rng(seed)
    corners = generator.uniform(0, 0.5, (10, 3, 2))
    truth = np.concatenate([np.zeros((10, 3, 1)), corners, corners + 0.3], axis=2)
    moved = truth + generator.normal(0, 0.04, truth.shape) * [0, 1, 1, 1, 1]
    scores = generator.integers(6, 99, (10, 3, 1)) / 100  # some are equal
    return np.concatenate([moved, scores], axis=2), truth


@pytest.mark.parametrize("seed", range(5))
def test_threshold_has_the_highest_f1_of_all(seed: int) -> None:
    detections, truth = random_detections(seed)

    def f1_at(threshold: float) -> float:
        counts = count_matches(detections, truth, min_score=threshold, iou_threshold=0.5)
        hits, false, missed, _ = counts.sum(axis=0)
        return float(2 * hits / (2 * hits + false + missed))

    answer = Boxes("label", size=(20, 10))
    answer.calibrate(lambda split: (detections, truth))
    best = max(f1_at(number / 1000) for number in range(1000))
    assert f1_at(answer.threshold) == pytest.approx(best, abs=1e-12)
    assert answer.threshold_reason == (
        f"the highest F1, {best:.3f}, on 10 images of the validation split"
    )
    assert round(answer.threshold, 3) == answer.threshold  # what is shown is what is used


def test_threshold_is_saved_and_only_chosen_where_it_can_be() -> None:
    detections, truth = random_detections(0)
    answer = Boxes("label", size=(20, 10))
    answer.codec.classes = ("cell",)
    assert (answer.threshold, answer.threshold_reason) == (0.5, "the usual value")
    answer.calibrate(lambda split: None)
    assert answer.threshold_reason == "the usual value, as there is no validation split"
    answer.calibrate(lambda split: (detections[:6], truth[:6]))
    assert answer.threshold == 0.5 and "(18, at least 20 are needed)" in answer.threshold_reason
    answer.calibrate(lambda split: (detections * [1, 1, 1, 0, 0, 1], truth))
    assert "no detection of the validation split is right" in answer.threshold_reason
    answer.calibrate(lambda split: (detections, truth))
    again = Boxes.from_state(answer.state())
    assert (again.threshold, again.threshold_reason) != (0.5, "the usual value")
    assert again.threshold == answer.threshold == again.limits.threshold
    assert again.threshold_reason == answer.threshold_reason
    baseline = answer.for_baselines()
    assert isinstance(baseline, Boxes) and baseline.threshold == 0.5
    fixed = Boxes("label", Options(Decode(threshold=0.3)), size=(20, 10))
    fixed.calibrate(lambda split: (detections, truth))
    assert (fixed.threshold, fixed.threshold_reason) == (0.3, "")
    assert fixed.for_baselines() is fixed

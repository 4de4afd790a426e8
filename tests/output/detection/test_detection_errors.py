"""The causes of missed boxes and false alarms: a case of each, the rules as loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from kissipo.core.description import DetectionErrors, DetectionInside, SuppressionStep
from kissipo.output.answers.boxes import Boxes, Decode, Options
from kissipo.output.decode.nms import candidates, detect, likely, nms, suppress
from kissipo.output.detection.detection_errors import (
    FALSE_ALARMS,
    MISSES,
    Limits,
    count_causes,
    false_alarm_causes,
    missed_causes,
)
from kissipo.output.detection.detection_inside import inside_section, suppression_steps
from kissipo.output.detection.detection_sections import ErrorReport, why_zero

LIMITS = Limits(0.5, 0.5, 100, 1000)
FAR = (0.9, 0.9, 0.1, 0.1)  # an anchor box that overlaps nothing of these cases


def candidate(box: Any, score: float, label: int, anchor: Any = None) -> list[float]:
    """A candidate with corners in percent, and its own box as its anchor box."""
    left, top, right, bottom = (side / 100 for side in box)
    own = [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top]
    classes = [30.0 * (number == label) for number in range(2)]
    logit = float(np.log(score) - np.log1p(-score))
    return [*(own if anchor is None else anchor), *own, logit, *classes]


def causes_of(some: Any, truth: Any, limits: Limits = LIMITS) -> list[Any]:
    """The cause of each true box, with its measure and what it names."""
    outputs = torch.tensor([some], dtype=torch.float32)
    targets = np.array([[[label, *(side / 100 for side in box)] for label, box in truth]])
    targets = targets.astype(np.float32)
    detections = detect(
        outputs,
        iou_threshold=limits.iou_threshold,
        max_detections=limits.max_detections,
        top_k=limits.top_k,
    ).numpy()
    rows = missed_causes(outputs, targets, detections, limits)[0].tolist()
    return [
        None if cause < 0 else (MISSES[int(cause)], round(measure, 3), int(which))
        for cause, measure, which in rows
    ]


def test_each_cause_of_a_missed_box() -> None:
    """Boxes of 20 x 20; a shift by 4 gives an IoU of 16 / 24, one by 8 of 12 / 28."""
    box, shifted, far = (0, 0, 20, 20), (4, 0, 24, 20), (8, 0, 28, 20)
    assert causes_of([candidate(box, 0.9, 0)], [(0, box)]) == [None]
    assert causes_of([candidate(box, 0.4, 0)], [(0, box)]) == [("low score", 0.4, -1)]
    assert causes_of([candidate(box, 0.8, 1)], [(0, box)]) == [("wrong class", 0.8, 0)]
    assert causes_of([candidate(far, 0.9, 0)], [(0, box)]) == [("poorly placed", 0.429, -1)]
    assert causes_of([candidate(box, 0.3, 0, FAR)], [(0, box)]) == [("no anchor", 0, -1)]
    # the detection of the neighbor does not reach the box, and removes what reaches it
    both = [candidate(far, 0.9, 0), candidate(shifted, 0.8, 0)]
    assert causes_of(both, [(0, box), (0, far)]) == [("suppressed", 0.667, 0), None]
    # one detection reaches two true boxes, and takes the one that it overlaps more
    alone = [candidate(shifted, 0.9, 0)]
    assert causes_of(alone, [(0, box), (0, shifted)]) == [("taken", 0.667, -1), None]
    more = [*alone, candidate(box, 0.7, 0)]
    assert causes_of(more, [(0, box), (0, shifted)]) == [("suppressed", 0.667, 0), None]
    two = [candidate((60, 60, 90, 90), 0.9, 0), candidate(box, 0.8, 0)]
    for limits in (LIMITS._replace(max_detections=1), LIMITS._replace(top_k=1)):
        assert causes_of(two, [(0, box)], limits) == [("cut off", 0.8, -1)]
    assert causes_of(two, [(0, box)], LIMITS._replace(threshold=0.85)) == [("low score", 0.8, -1)]


def test_each_cause_of_a_false_alarm() -> None:
    truth = np.array([[[0, 0, 0, 0.2, 0.2], [1, 0.6, 0.6, 0.9, 0.9]]])
    detections = np.full((1, 7, 6), -1.0)
    detections[0, :6] = [
        [0, 0, 0, 0.2, 0.2, 0.9],  # a true positive
        [0, 0.02, 0, 0.2, 0.2, 0.8],
        [0, 0.6, 0.6, 0.9, 0.85, 0.7],
        [1, 0.8, 0.6, 1.1, 0.9, 0.7],
        [0, 0.3, 0.3, 0.5, 0.5, 0.6],
        [1, 0, 0, 0.2, 0.2, 0.4],  # below the threshold
    ]
    rows = false_alarm_causes(detections, truth, threshold=0.5)[0]
    names = [None if cause < 0 else FALSE_ALARMS[int(cause)] for cause in rows[:, 0]]
    wrong = ["doubled", "wrong class", "poorly placed", "background"]
    assert names == [None, *wrong, None, None]
    np.testing.assert_allclose(rows[1:5, 1], [0.9, 5 / 6, 0.2, 0], atol=1e-6)
    assert rows[1:5, 2].tolist() == [0, 1, 1, -1]
    counts = count_causes(rows[None], detections[..., 0], FALSE_ALARMS, num_classes=2)
    assert counts == {
        "doubled": [1, 0],
        "wrong class": [1, 0],
        "poorly placed": [0, 1],
        "background": [1, 0],
    }
    nothing = false_alarm_causes(detections, truth[:, :0], threshold=0.5)[0, :, 0]
    assert nothing.tolist() == [FALSE_ALARMS.index("background")] * 5 + [-1, -1]


def iou_of(one: Any, other: Any) -> float:
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0, across) * max(0, down)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return float(shared / (sum(areas) - shared))


def rule(some: Any, truth: Any, limits: Limits) -> list[str | None]:
    """The rules of the docstring as loops over one image."""
    boxes, scores, labels = (part[0].tolist() for part in candidates(some))
    anchors = some[0, :, :4].tolist()
    order = sorted(range(len(boxes)), key=lambda number: -scores[number])
    left = [number for number in order if scores[number] >= 0.05][: limits.top_k]
    survivors, removed = [], {}
    while left:
        best = left.pop(0)
        survivors.append(best)
        for number in list(left):
            same = labels[number] == labels[best]
            if same and iou_of(boxes[number], boxes[best]) >= limits.iou_threshold:
                left.remove(number)
                removed[number] = best
    survivors = survivors[: limits.max_detections]
    decided = [number for number in survivors if scores[number] >= limits.threshold]
    taken = dict[int, int]()
    for number in decided:
        free = [
            (iou_of(boxes[number], box), place)
            for place, (label, *box) in enumerate(truth)
            if label == labels[number] and place not in taken.values()
        ]
        if free and max(free)[0] >= 0.5:
            taken[number] = max(free)[1]
    answers: list[str | None] = []
    for place, (label, *box) in enumerate(truth):
        own = [number for number in range(len(boxes)) if labels[number] == label]
        reach = [number for number in own if iou_of(boxes[number], box) >= 0.5]
        free = [number for number in reach if number not in decided]
        best = max(free, key=lambda number: scores[number], default=None)
        x = [
            (a - c / 2, b - d / 2, a + c / 2, b + d / 2) for a, b, c, d in anchors
        ]  # corners of the anchor boxes
        if place in taken.values():
            answers.append(None)
        elif best is not None and scores[best] >= limits.threshold:
            answers.append("suppressed" if removed.get(best) in survivors else "cut off")
        elif any(
            labels[number] != label and iou_of(boxes[number], box) >= 0.5 for number in decided
        ):
            answers.append("wrong class")
        elif max(iou_of(anchor, box) for anchor in x) < 0.3:
            answers.append("no anchor")
        else:
            answers.append("low score" if free else "taken" if reach else "poorly placed")
    return answers


def random_image(seed: int) -> tuple[Any, Any]:
    generator = np.random.default_rng(seed)
    low = generator.uniform(0, 60 if seed % 2 else 20, (4, 2))
    truth = np.concatenate([low, low + generator.uniform(15, 35, (4, 2))], axis=1)
    rows = []
    for box in truth[generator.integers(0, 4, 30 if seed % 2 else 5)]:
        moved = box + generator.normal(0, 4, 4)
        anchor = [*generator.uniform(0.2, 0.8, 2), 0.25, 0.25]
        score = float(generator.uniform(0.02, 0.98))
        label = int(generator.integers(0, 2))
        rows.append(candidate(moved, score, label, anchor if generator.random() < 0.9 else None))
    labels = generator.integers(0, 2, (4, 1))
    targets = np.concatenate([labels, truth / 100], axis=1)[None]
    return torch.tensor([rows], dtype=torch.float32), targets.astype(np.float32)


def test_causes_equal_the_rules_as_loops() -> None:
    names = set()
    for seed in range(160):
        outputs, targets = random_image(seed)
        limits = LIMITS if seed % 3 else Limits(0.5, 0.3, 4, 12)
        detections = detect(
            outputs,
            iou_threshold=limits.iou_threshold,
            max_detections=limits.max_detections,
            top_k=limits.top_k,
        ).numpy()
        rows = missed_causes(outputs, targets, detections, limits)[0]
        result = [None if row[0] < 0 else MISSES[int(row[0])] for row in rows]
        assert result == rule(outputs, targets[0].tolist(), limits), seed
        names |= {*result}
    assert names == {None, *MISSES}


def test_nms_says_who_removed_whom_and_takes_the_first_of_equal_scores() -> None:
    generator = np.random.default_rng(5)
    low = generator.integers(0, 40, (300, 2))
    boxes = np.concatenate([low, low + generator.integers(5, 25, (300, 2))], axis=1) / 64
    scores, labels = generator.integers(1, 20, 300) / 20, generator.integers(0, 2, 300)
    left, survivors, removers = list(range(300)), [], {}
    while left:
        best = max(left, key=lambda number: (scores[number], -number))
        survivors.append(best)
        left.remove(best)
        for number in list(left):
            same = labels[number] == labels[best]
            if same and iou_of(boxes[number], boxes[best]) >= 0.4:
                left.remove(number)
                removers[number] = best
    result = suppress(boxes, scores, labels, iou_threshold=0.4)
    assert result.survivors == survivors and len(survivors) < 150 < len(survivors) + len(removers)
    assert {n: int(r) for n, r in enumerate(result.remover) if r >= 0} == removers
    for number, remover in removers.items():
        iou = iou_of(boxes[number], boxes[remover])
        assert result.overlap[number] == pytest.approx(iou, rel=1e-12)


def test_the_cut_before_nms_takes_the_highest_scores() -> None:
    scores = np.array([0.3, 0.9, 0.04, 0.9, 0.5])
    assert likely(scores, 3).tolist() == [1, 3, 4] and likely(scores, 9).tolist() == [1, 3, 4, 0]
    rows = [candidate((10 * n, 0, 10 * n + 9, 9), 0.1 + 0.08 * n, 0) for n in range(9)]
    outputs = torch.tensor([rows])
    detections = detect(outputs, iou_threshold=0.5, max_detections=9, top_k=4)[0]
    np.testing.assert_allclose(detections[:5, 5], [0.74, 0.66, 0.58, 0.5, 0], atol=1e-6)


def answer() -> Boxes:
    boxes_answer = Boxes("label", Options(Decode()), size=(20, 10))
    boxes_answer.codec.classes = ("bar", "dot")
    return boxes_answer


def test_gathered_evaluation_counts_the_causes() -> None:
    box, other = (0, 0, 20, 20), (50, 50, 90, 90)
    outputs = torch.tensor([[candidate(box, 0.9, 0), candidate(other, 0.3, 1)]])
    targets = torch.tensor([[[0, 0, 0, 0.2, 0.2], [1, 0.5, 0.5, 0.9, 0.9], [-1, 0, 0, 0, 0]]])
    scores, truth = answer().gather(outputs, targets)
    assert truth.shape == (1, 3, 8)
    assert truth[0, :, 5].tolist() == [-1, MISSES.index("low score"), -1]
    evaluation, more = answer().evaluate(scores, truth), answer().extra_metrics(scores, truth)
    assert evaluation.metrics["map_50"] == pytest.approx(1)
    assert (
        more["errors"]["missed_boxes"]["of"] == 2 and more["errors"]["false_detections"]["of"] == 1
    )
    assert more["errors"]["missed_boxes"]["causes"]["low score"] == [0, 1]
    assert more["best_scores"] == {"detections": 2, "at_true_boxes": pytest.approx(0.3)}
    assert more["voc"] == {"area": pytest.approx(1), "eleven_points": pytest.approx(1)}
    plain = answer().extra_metrics(scores, truth[..., :5])
    assert "errors" not in plain and plain["coco"] == more["coco"]


@pytest.mark.parametrize(
    ("outputs", "targets", "message"),
    [
        ([candidate((0, 0, 20, 20), 0.02, 0)], [[0, 0, 0, 0.2, 0.2]], "no candidate has a score"),
        ([candidate((0, 0, 20, 20), 0.9, 0)], [[0, 0.6, 0.6, 0.9, 0.9]], "none of 1 detection"),
        ([candidate((0, 0, 20, 20), 0.9, 0)], [[-1, 0, 0, 0, 0]], "no evaluated image has a true"),
        ([candidate((0, 0, 20, 20), 0.9, 0)], [[0, 0, 0, 0.2, 0.2]], ""),
    ],
)
def test_a_map_of_0_comes_with_its_reason(outputs: Any, targets: Any, message: str) -> None:
    boxes_answer = answer()
    scores, truth = boxes_answer.gather(torch.tensor([outputs]), torch.tensor([targets]).float())
    evaluation = boxes_answer.evaluate(scores, truth)
    details = {**evaluation.details, **boxes_answer.extra_metrics(scores, truth)}
    texts = why_zero(details)
    assert len(texts) == (message != "") and all(message in text for text in texts)
    if "no candidate" in message:
        assert "true box is 0.02." in texts[0]


def test_outputs_that_are_not_numbers_are_refused() -> None:
    outputs = torch.tensor([[candidate((0, 0, 20, 20), 0.9, 0)] * 4])
    outputs[0, 1, 8] = float("nan")
    with pytest.raises(ValueError, match="gives NaN for 1 of 4 candidates"):
        answer().scores(outputs)


def test_report_shows_each_error_in_its_image() -> None:
    box, other = (0, 0, 20, 20), (50, 50, 90, 90)
    outputs = torch.tensor([
        [candidate(box, 0.9, 0), candidate(other, 0.3, 1)],
        [candidate(box, 0.8, 1), candidate(other, 0.7, 1)],
    ])  # fmt: skip
    targets = torch.tensor([[[0, 0, 0, 0.2, 0.2], [1, 0.5, 0.5, 0.9, 0.9]]] * 2)
    scores, truth = answer().gather(outputs, targets)
    section = ErrorReport(
        ("bar", "dot"), scores, truth, LIMITS, [0.5, 0.7],
        lambda samples: torch.zeros(len(samples), 1, 10, 20),
        lambda samples: [f"{sample}.png" for sample in samples],
    ).section()  # fmt: skip
    (record,) = [item for item in section.content if isinstance(item, DetectionErrors)]
    causes = {(item.group, item.name): item for item in record.causes}
    assert len(causes) == len(MISSES) + len(FALSE_ALARMS)
    marked = {}
    for key, item in causes.items():
        for image, mark in item.places:
            marked[key, record.images[image].name] = record.images[image].boxes[mark]
    assert sum(sum(item.counts) for item in record.causes) == 3
    low = marked[("missed box", "low score"), "0.png"]
    assert low.text == "dot, missed, low score: its best candidate has a score of 0.300, below 0.5"
    assert low.corners == pytest.approx((0.5, 0.5, 0.9, 0.9)) and low.is_target and low.is_error
    wrong = marked[("missed box", "wrong class"), "1.png"]
    assert wrong.text == "bar, missed, wrong class: it was found as dot, score 0.800"
    alarm = marked[("false alarm", "wrong class"), "1.png"]
    assert alarm.text.startswith("detection 1, dot, score 0.80, false alarm, wrong class: ")
    assert "IoU 1.000, is a bar" in alarm.text and not alarm.is_target
    points = record.curves["dot"]  # hit 0.7, miss 0.8, hit 0.3 in the order of scores
    assert [(p.rank, p.recall, p.precision) for p in points] == [
        (1, 0, 0), (2, 0.5, 0.5), (3, 1, pytest.approx(2 / 3)),
    ]  # fmt: skip
    for point in points:
        assert point.place is not None
        image, number = point.place
        assert record.images[image].boxes[number].text in point.text
    table = record.table()
    assert table.titles == ["", "cause", "bar", "dot", "all", "what to do"]
    assert table.rows[MISSES.index("low score")][2:5] == ["0", "1", "1"]


def test_inside_of_a_detector_without_a_grid() -> None:
    """Without a grid there is no cell, and the nearest anchor box is named."""
    box, shifted = (0, 0, 20, 20), (4, 0, 24, 20)
    rows = [candidate(shifted, 0.6, 0), candidate(box, 0.9, 0), candidate((50, 50, 90, 90), 0.3, 1)]
    outputs = torch.tensor([rows])
    targets = np.array([[0, 0, 0, 0.2, 0.2], [-1, 0, 0, 0, 0]], dtype=np.float32)
    net = torch.nn.Identity()
    section = inside_section(net, torch.zeros(1, 1, 9, 9), outputs, targets, ("bar", "dot"), LIMITS)
    (inside,) = section.content
    assert isinstance(inside, DetectionInside)
    (item,) = inside.objects
    assert item.cell is None and item.responsible.startswith("candidate 1 has the nearest anchor")
    assert [(some.number, some.fate) for some in item.candidates] == [
        (1, "kept: detection 1"),
        (0, "removed for detection 1, IoU 0.67"),
    ]
    assert [some.iou for some in item.candidates] == pytest.approx([1, 2 / 3], rel=1e-6)
    assert inside.steps == [
        SuppressionStep(0, [(1, pytest.approx(2 / 3, rel=1e-6))]),
        SuppressionStep(2, []),
    ]
    assert np.array(inside.overlaps)[:2, :2] == pytest.approx(np.array([[1, 2 / 3], [2 / 3, 1]]))
    assert suppression_steps(outputs, ("bar", "dot"), LIMITS) == [
        "step 1 keeps candidate 1, bar 0.90 and removes candidate 0, bar 0.60 (IoU 0.67)",
        "step 2 keeps candidate 2, dot 0.30 and removes nothing",
    ]
    own = inside_section(net, torch.zeros(1, 1, 9, 9), outputs, None, ("bar", "dot"), LIMITS)
    (inside,) = own.content
    assert [item.name for item in inside.objects] == ["bar, detection", "dot, detection"]
    assert nms(*(part[0] for part in candidates(outputs)), iou_threshold=0.5) == [1, 2]

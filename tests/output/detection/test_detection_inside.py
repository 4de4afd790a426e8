"""The inside of detectors with grids: the responsible candidate, and its numbers."""

from __future__ import annotations

import re
from math import exp
from typing import Any

import numpy as np
import pytest
import torch

from kissipo.core.description import DetectedObject, DetectionInside
from kissipo.core.tensor_spec import TensorSpec
from kissipo.output.detection.detection_errors import Limits
from kissipo.output.detection.detection_inside import inside_section
from kissipo.process.nets import grid_detector, yolo

LIMITS, NAMES = Limits(0.5, 0.5, 100, 1000), ("bar", "dot")
BOXES = TensorSpec("label", ("candidate", "feature"), (0, 11))
TERM = re.compile(r"= (-?[\d.e+-]+)\)?(?: · ([\d.e+-]+))?(?=$| [+·])")


def iou_of(one: Any, other: Any) -> float:
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0, across) * max(0, down)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return float(shared / (sum(areas) - shared))


def corners(box: Any) -> list[float]:
    x, y, w, h = box
    return [x - w / 2, y - h / 2, x + w / 2, y + h / 2]


def image_spec(side: int) -> TensorSpec:
    return TensorSpec("photo", ("channel", "height", "width"), (1, side, side))


def objects_of(net: Any, side: int, targets: Any) -> tuple[Any, tuple[DetectedObject, ...]]:
    """The outputs of a net for an image, and what is said of its true boxes."""
    image = torch.rand(1, 1, side, side, generator=torch.Generator().manual_seed(0))
    net = net.eval()
    with torch.no_grad():
        outputs = net(image)
        section = inside_section(net, image, outputs, targets, NAMES, LIMITS)
    *_, inside = section.content
    assert isinstance(inside, DetectionInside)
    return outputs[0].double().numpy(), tuple(inside.objects)


def assert_numbers(item: DetectedObject, candidate: Any, *, centers: str) -> None:
    """The terms of each number give it, and it is that of the candidate."""
    values = {name: float(value) for name, _, value in item.numbers.rows}
    expected = dict(
        zip(("b_x", "b_y", "b_w", "b_h", "logit of an object"), candidate[4:9], strict=True)
    )
    assert values == pytest.approx(expected, rel=1e-5)
    for name, terms, value in item.numbers.rows:
        factors = [(float(number), float(weight or 1)) for number, weight in TERM.findall(terms)]
        assert len(factors) == (1 if name == "logit of an object" else 2), terms
        parts = [number * weight for number, weight in factors]
        combined = parts[0] * parts[1] if name in ("b_w", "b_h") else sum(parts)
        assert combined == pytest.approx(float(value), rel=1e-3), (name, terms)
    assert centers in item.numbers.rows[0][1]


def test_candidate_of_a_grid_with_anchor_boxes() -> None:
    torch.manual_seed(3)
    options = grid_detector.Options(filters=(4, 4), anchors=(0.2, 0.5))
    net = grid_detector.build((image_spec(24),), (BOXES,), options)
    net.grid.weight.data.mul_(20)
    targets = np.array([[0, 0.1, 0.3, 0.32, 0.5], [1, 0.4, 0.35, 0.9, 0.95], [-1, 0, 0, 0, 0]])
    outputs, objects = objects_of(net, 24, targets.astype(np.float32))
    assert len(objects) == 2
    for item, (label, *box) in zip(objects, targets, strict=False):
        overlaps = [iou_of(corners(row[:4]), box) for row in outputs]
        best = int(np.argmax(overlaps))
        assert item.candidates[0].number == best
        assert item.anchor == pytest.approx(corners(outputs[best, :4]), abs=1e-6)
        row, column = divmod(best // 2, 6)
        assert item.cell == pytest.approx(
            [column / 6, row / 6, (column + 1) / 6, (row + 1) / 6], abs=1e-9
        )
        words = f"grid of 6x6, row {row + 1}, column {column + 1}, anchor box {best % 2 + 1} of 2"
        assert f"candidate {best} is responsible: {words}" in item.responsible
        assert item.name == f"{NAMES[int(label)]}, true box"
        assert_numbers(item, outputs[best], centers="x of the anchor box")
        near = [number for number, line in enumerate(outputs) if number != best
                and iou_of(np.clip(corners(line[4:8]), 0, 1), box) >= 0.2]  # fmt: skip
        scores = {some.number: some.score for some in item.candidates}
        assert set(scores) <= {best, *near} and len(scores) == min(12, 1 + len(near))
        for number, score in scores.items():
            odds = exp(-outputs[number, 8])
            shares = np.exp(outputs[number, 9:])
            assert score == pytest.approx(1 / (1 + odds) * shares.max() / shares.sum(), rel=1e-4)


def test_candidate_of_yolo_stays_in_its_cell() -> None:
    torch.manual_seed(4)
    anchors = [(5, 5), (8, 10), (12, 9), (16, 16), (20, 28), (30, 20), (50, 30), (40, 40), (60, 60)]
    options = yolo.Options(anchors=tuple(anchors))
    net = yolo.build((image_spec(64),), (BOXES,), options)
    targets = np.array([[0, 0.1, 0.3, 0.28, 0.46], [1, 0.3, 0.05, 0.93, 0.66]])
    outputs, objects = objects_of(net, 64, targets.astype(np.float32))
    assert len(outputs) == 3 * (4 + 16 + 64)
    for item, (_, left, top, right, bottom) in zip(objects, targets, strict=True):
        width, height = right - left, bottom - top

        def fit(pair: Any, width: float = width, height: float = height) -> float:
            w, h = pair[0] / 64, pair[1] / 64
            shared = min(w, width) * min(h, height)
            return shared / (w * h + width * height - shared)

        best = max(range(9), key=lambda number: fit(anchors[number]))
        cells = (8, 4, 2)[best // 3]
        row, column = int((top + bottom) / 2 * cells), int((left + right) / 2 * cells)
        first = {2: 0, 4: 12, 8: 60}[cells]
        number = first + (row * cells + column) * 3 + best % 3
        assert item.candidates[0].number == number
        words = f"grid of {cells}x{cells}, row {row + 1}, column {column + 1}"
        assert words in item.responsible
        assert item.cell is not None and item.cell[0] <= outputs[number, 4] <= item.cell[2]
        assert item.cell[1] <= outputs[number, 5] <= item.cell[3]
        assert_numbers(item, outputs[number], centers="sigmoid(t_x")

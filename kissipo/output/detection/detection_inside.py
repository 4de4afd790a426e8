"""What a detector does with one image: cells, anchor boxes, candidates, NMS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor, nn

from kissipo.core.description import (
    Candidate,
    DetectedObject,
    DetectionInside,
    Line,
    Section,
    SuppressionStep,
    Table,
)
from kissipo.core.numpy_array import NumpyArray
from kissipo.core.protocols import GridLayer, Source, assigns_candidates, is_grid_layer
from kissipo.output.decode.nms import MIN_SCORE, box_iou, likely
from kissipo.output.detection.detection_errors import FollowedImage, Limits, followed

_MAX_OBJECTS, _MAX_CANDIDATES, _MAX_COMPARED, _MAX_STEPS, _MAX_MATRIX = 24, 12, 120, 60, 12
_MAX_SENTENCES = 3  # of a decoding step
_NEAR = 0.2  # IoU from which a candidate is listed with an object
_FEATURES = {4: "b_x", 5: "b_y", 6: "b_w", 7: "b_h", 8: "logit of an object"}
_NAMES = {"input": "t", "exp(input)": "exp(t)", "anchor boxes": "p"}


@dataclass(frozen=True)
class Grid:
    """A grid of a net: its layer, what the layer read, and its first candidate."""

    layer: GridLayer
    read: Tensor
    first: int
    count: int


def inside_section(
    net: nn.Module,
    image: Tensor,
    outputs: Tensor,
    targets: NumpyArray | None,
    labels: Sequence[str],
    limits: Limits,
) -> Section:
    """Returns the inside of a detector for one image.

    image:    (1, channel, height, width)
    outputs:  (1, candidate, 9 + class)
    targets:  (box, 5) the true boxes; None where they are not known
    """
    track = followed(outputs[0], limits)
    grids = _grids(net, image, outputs)
    objects = (
        _detected(track, grids, outputs, labels)
        if targets is None
        else _true(net, track, grids, outputs, targets, labels)
    )
    inside = _inside(track, image[0], labels, objects, limits)
    return Section("Inside the detector", [*map(Line, _why_empty(track, labels)), inside])


def _why_empty(track: FollowedImage, labels: Sequence[str]) -> list[str]:
    """Returns why non-maximum suppression has nothing to compare, or nothing."""
    if track.scores.max() >= MIN_SCORE:
        return []
    best = int(track.scores.argmax())
    return [
        f"No candidate has a score of {MIN_SCORE:g} or more, so there is no detection. The "
        f"highest score is {track.scores[best]:.2g}: candidate {best:,}, "
        f"{labels[track.labels[best]]}."
    ]


def suppression_steps(outputs: Tensor, labels: Sequence[str], limits: Limits) -> list[str]:
    """Returns the first steps of NMS in words.

    outputs:  (1, candidate, 9 + class)
    """
    track = followed(outputs[0], limits)
    sentences = _inside(track, outputs, labels, (), limits).sentences()
    rest = len(sentences) - _MAX_SENTENCES
    listed = [text[0].lower() + text[1:] for text in sentences[:_MAX_SENTENCES]]
    return [*listed, f"{rest} steps more"] if rest > 0 else listed


def _inside(
    track: FollowedImage,
    pixels: Tensor,
    labels: Sequence[str],
    objects: Sequence[DetectedObject],
    limits: Limits,
) -> DetectionInside:
    """Returns the objects with the candidates that NMS compares, and its steps."""
    compared = likely(track.scores, limits.top_k)
    numbers = compared[:_MAX_COMPARED]
    listed = [
        [
            int(number),
            int(track.labels[number]),
            *track.boxes[number].tolist(),
            track.scores[number],
        ]
        for number in numbers
    ]
    first = track.boxes[compared[:_MAX_MATRIX]]
    steps, overlaps = _steps(track, numbers.tolist()), box_iou(first, first).tolist()
    return DetectionInside(pixels, labels, objects, listed, steps, overlaps)


def _true(
    net: nn.Module,
    track: FollowedImage,
    grids: Sequence[Grid],
    outputs: Tensor,
    targets: NumpyArray,
    labels: Sequence[str],
) -> list[DetectedObject]:
    """Returns the true boxes, each with the candidate that learns it."""
    wanted = targets[targets[:, 0] >= 0][:_MAX_OBJECTS]
    if not len(wanted):
        return []
    if assigns_candidates(net):
        padded = outputs.new_tensor(wanted)[None]
        numbers = net.responsible(outputs, padded)[0].tolist()
        how = "responsible"
    else:
        numbers = box_iou(track.anchors, wanted[:, 1:]).argmax(axis=0).tolist()
        how = "nearest"
    return [
        _object(f"{labels[int(row[0])]}, true box", row, number, how, track, grids, outputs)
        for row, number in zip(wanted, numbers, strict=True)
    ]


def _detected(
    track: FollowedImage, grids: Sequence[Grid], outputs: Tensor, labels: Sequence[str]
) -> list[DetectedObject]:
    """Returns the detections, each with the candidate that it is."""
    numbers = np.flatnonzero(track.place >= 0)
    numbers = numbers[np.argsort(track.place[numbers])][:_MAX_OBJECTS]
    rows = [np.array([track.labels[number], *track.boxes[number]]) for number in numbers]
    return [
        _object(f"{labels[int(row[0])]}, detection", row, number, "own", track, grids, outputs)
        for row, number in zip(rows, numbers.tolist(), strict=True)
    ]


def _object(
    name: str,
    row: NumpyArray,
    number: int,
    how: str,
    track: FollowedImage,
    grids: Sequence[Grid],
    outputs: Tensor,
) -> DetectedObject:
    """Returns one object.

    row:  its label and its corners
    how:  why the candidate is shown: it is responsible, the nearest one, or the object
    """
    iou = box_iou(track.boxes, row[None, 1:])[:, 0]
    near = np.flatnonzero(iou >= _NEAR)
    near = near[np.argsort(-track.scores[near], kind="stable")]
    order = [number, *(int(some) for some in near if some != number)][:_MAX_CANDIDATES]
    listed = [
        Candidate(
            some,
            int(track.labels[some]),
            track.boxes[some].tolist(),
            float(track.scores[some]),
            float(iou[some]),
            _fate(track, some),
        )
        for some in order
    ]
    grid = next((some for some in grids if some.first <= number < some.first + some.count), None)
    anchor = track.anchors[number].tolist()
    size = f"{outputs[0, number, 2]:.3f} x {outputs[0, number, 3]:.3f} of the image (p_w, p_h)"
    head = {
        "responsible": f"candidate {number:,} is responsible",
        "nearest": f"candidate {number:,} has the nearest anchor box or proposal",
        "own": f"it is candidate {number:,}",
    }[how]
    if grid is None:
        text, cell = f"{head}: anchor box, {size}", None
    else:
        where, cell = _cell(grid, number)
        text = f"{head}: {where}, {size}"
    return DetectedObject(
        name,
        int(row[0]),
        row[1:].tolist(),
        text,
        cell,
        anchor,
        listed,
        _numbers(grid, number, outputs[0, number]),
    )


def _fate(track: FollowedImage, number: int) -> str:
    """Returns what became of a candidate."""
    if track.place[number] >= 0:
        return f"kept: detection {track.place[number] + 1}"
    if track.remover[number] >= 0:
        return f"removed for detection {track.remover[number] + 1}, IoU {track.overlap[number]:.2f}"
    if track.scores[number] < MIN_SCORE:
        return f"left out: score below {MIN_SCORE:g}"
    return "cut off: after the largest number"


def _steps(track: FollowedImage, numbers: Sequence[int]) -> list[SuppressionStep]:
    """Returns the steps of NMS among the candidates that are shown."""
    place = {number: position for position, number in enumerate(numbers)}
    removed: dict[int, list[tuple[int, float]]] = {}
    for number in numbers:
        if track.remover[number] >= 0:
            pair = (place[number], float(track.overlap[number]))
            removed.setdefault(int(track.remover[number]), []).append(pair)
    survivors = [number for number in numbers if track.place[number] >= 0][:_MAX_STEPS]
    return [
        SuppressionStep(place[number], removed.get(int(track.place[number]), []))
        for number in survivors
    ]


def _grids(net: nn.Module, image: Tensor, outputs: Tensor) -> list[Grid]:
    """Returns the grids of a net in the order of its candidates; none where they do not
    add up to its output."""
    grids: list[Grid] = []

    def note(layer: nn.Module, read: tuple[Tensor, ...], output: Tensor) -> None:
        assert is_grid_layer(layer)
        first = grids[-1].first + grids[-1].count if grids else 0
        grids.append(Grid(layer, read[0].detach(), first, output.shape[1]))

    hooks = [layer.register_forward_hook(note) for layer in net.modules() if is_grid_layer(layer)]
    try:
        if hooks:
            net(image)
    finally:
        for hook in hooks:
            hook.remove()
    whole = grids[-1].first + grids[-1].count if grids else 0
    return grids if whole == outputs.shape[1] else []


def _cell(grid: Grid, number: int) -> tuple[str, list[float]]:
    """Returns the cell of a candidate in words, and its corners."""
    rows, columns = grid.read.shape[2:]
    per_cell = grid.count // (rows * columns)
    cell, anchor = divmod(number - grid.first, per_cell)
    row, column = divmod(cell, columns)
    text = (
        f"grid of {rows}x{columns}, row {row + 1}, column {column + 1}, anchor box {anchor + 1} "
        f"of {per_cell}"
    )
    corners = [column / columns, row / rows, (column + 1) / columns, (row + 1) / rows]
    return text, corners


def _numbers(grid: Grid | None, number: int, candidate: Tensor) -> Table:
    """Returns how each number of a candidate is computed from those of its cell."""
    rows = []
    for feature, name in _FEATURES.items():
        terms = ""
        if grid is not None:
            place = (0, number - grid.first, feature)
            sources, combined = grid.layer.explain(place, grid.read)
            sign = " · " if combined == "product" else " + "
            terms = sign.join(_term(source, name) for source in sources)
        rows.append([name, terms, f"{candidate[feature]:.6g}"])
    return Table(["number", "computed as", "value"], rows, numbers=(2,))


def _term(source: Source, name: str) -> str:
    """Returns one term with its number."""
    axis = name.removeprefix("b")
    own = source.of if source.of not in _NAMES else _NAMES[source.of].replace("t", f"t{axis}")
    if source.of == "anchor boxes":
        own = f"{axis[1:]} of the anchor box" if axis in ("_x", "_y") else f"p{axis}"
    if source.of == "input" and not name.startswith("b_"):
        own = name
    text = f"{own} = {float(source.value):.5g}"
    return text if source.weight == 1 else f"({text}) · {source.weight:.4g}"

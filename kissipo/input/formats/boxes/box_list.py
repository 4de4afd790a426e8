"""Lists of boxes: what a file or a folder of boxes says, before it meets its images.

Every format of boxes is read into this form, and written from it. So a list that is
written in one format and read in another is the same list.

Example:  >>> boxes = box_list([("a.jpg", None, [("cat", (1, 2, 3, 4))])], "a list")
          >>> boxes.labels, boxes.corners.tolist(), boxes.place(0)
          (('cat',), [[1.0, 2.0, 3.0, 4.0]], 'box 1 of a list')
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kissipo.core.errors import DataError
from kissipo.core.finding import Finding
from kissipo.core.inferred_option import InferredOption
from kissipo.core.text import list_some

Layout = Literal["xyxy", "xywh", "cxcywh"]
Unit = Literal["pixels", "fractions"]
Entry = tuple[str, tuple[int, int] | None, Sequence[tuple[str, Sequence[float]]]]
_NAMES = {
    "xyxy": "x_min, y_min, x_max, y_max",
    "xywh": "x_min, y_min, width, height",
    "cxcywh": "center x, center y, width, height",
}


@dataclass(frozen=True)
class BoxWords:
    """How the four numbers of a box are read; None is inferred from the data."""

    layout: Layout | None = None
    unit: Unit | None = None


@dataclass(frozen=True)
class BoxList:
    """Labeled boxes of several images.

    images:    the names of the images, those without boxes included
    sizes:     (image, 2) height and width as the file says them; 0 where it does not
    owners:    (box,) the position of the image of each box
    labels:    the labels that occur, and those that the file declares
    codes:     (box,) the position of the label of each box
    corners:   (box, 4) x_min, y_min, x_max, y_max in pixels, or as fractions
    unit:      of the corners
    origin:    the file or the folder, for messages
    place:     the place of a box in it, for messages
    is_crowd:  (box,) whether a box is around a crowd of objects
    scores:    (box,) of predicted boxes
    """

    images: tuple[str, ...]
    sizes: NDArray[np.int64]
    owners: NDArray[np.int64]
    labels: tuple[str, ...]
    codes: NDArray[np.int64]
    corners: NDArray[np.float64]
    unit: Unit
    origin: str
    place: Callable[[int], str]
    is_crowd: NDArray[np.bool_]
    scores: NDArray[np.float64] | None = None
    findings: tuple[Finding, ...] = ()
    inferred_options: tuple[InferredOption, ...] = field(default=())

    def take(self, keep: NDArray[np.bool_]) -> BoxList:
        """Returns the list with some of its boxes, and with all of its images."""
        places = np.flatnonzero(keep).tolist()
        place = self.place
        return replace(
            self,
            owners=self.owners[keep],
            codes=self.codes[keep],
            corners=self.corners[keep],
            is_crowd=self.is_crowd[keep],
            scores=None if self.scores is None else self.scores[keep],
            place=lambda number: place(places[number]),
        )

    def changed(self, corners: NDArray[np.float64], findings: tuple[Finding, ...] = ()) -> BoxList:
        """Returns the list with other corners, and with more findings."""
        return replace(self, corners=corners, findings=(*self.findings, *findings))

    def label(self, box: int) -> str:
        """Returns the label of a box."""
        return self.labels[self.codes[box]]

    def by_image(self) -> list[list[int]]:
        """Returns the positions of the boxes of each image, in their order."""
        order = np.argsort(self.owners, kind="stable")
        ends = np.cumsum(np.bincount(self.owners, minlength=len(self.images)))
        return [some.tolist() for some in np.split(order, ends[:-1])]

    def pixels(self, sizes: NDArray[np.int64]) -> NDArray[np.float64]:
        """Returns the corners in pixels.

        sizes:   (image, 2) height and width of the images
        """
        if self.unit == "pixels":
            return self.corners
        return self.corners * sizes[self.owners][:, [1, 0, 1, 0]]


def box_list(
    entries: Sequence[Entry],
    origin: str,
    *,
    unit: Unit = "pixels",
    labels: Sequence[str] = (),
    place: Callable[[int], str] | None = None,
    scores: Sequence[float] | None = None,
) -> BoxList:
    """Returns a list from the name, the size and the labeled corners of each image.

    labels:   those that come first; others follow in the order in which they appear
    """
    order = {label: number for number, label in enumerate(labels)}
    codes = [order.setdefault(label, len(order)) for _, _, some in entries for label, _ in some]
    corners = [box for _, _, some in entries for _, box in some]
    owners = np.repeat(np.arange(len(entries)), [len(some) for _, _, some in entries])
    return BoxList(
        images=tuple(name for name, _, _ in entries),
        sizes=np.array([size or (0, 0) for _, size, _ in entries], dtype=np.int64).reshape(-1, 2),
        owners=owners.astype(np.int64),
        labels=tuple(order),
        codes=np.array(codes, dtype=np.int64),
        corners=np.array(corners, dtype=np.float64).reshape(-1, 4),
        unit=unit,
        origin=origin,
        place=place or (lambda number: f"box {number + 1} of {origin}"),
        is_crowd=np.zeros(len(codes), dtype=bool),
        scores=None if scores is None else np.array(scores, dtype=np.float64),
    )


def to_corners(values: NDArray[np.float64], layout: Layout) -> NDArray[np.float64]:
    """Returns x_min, y_min, x_max, y_max of boxes in any layout.

    Example:  >>> to_corners(np.array([[2.0, 3, 4, 6]]), "cxcywh").tolist()
              [[0.0, 0.0, 4.0, 6.0]]
    """
    if layout == "xyxy":
        return values
    first, sides = values[:, :2], values[:, 2:]
    first = first - sides / 2 if layout == "cxcywh" else first
    return np.concatenate([first, first + sides], axis=1)


def describe_layout(layout: Layout, unit: Unit) -> str:
    """Returns a layout and its unit in words."""
    return f"{_NAMES[layout]} in {unit}" if unit == "pixels" else f"{_NAMES[layout]} as {unit}"


def infer_unit(values: NDArray[np.float64]) -> Unit:
    """Returns fractions where no number of a box is above 1, and pixels otherwise."""
    finite = values[np.isfinite(values)]
    return "fractions" if len(finite) and finite.max() <= 1 and finite.any() else "pixels"


def joined(lists: Sequence[BoxList], origin: str) -> BoxList:
    """Returns several lists as one.

    Raises:   DataError for lists in pixels beside lists of fractions.
    """
    if len(lists) == 1:
        return lists[0]
    units = {boxes.unit for boxes in lists if len(boxes.owners)}
    if len(units) > 1:
        raise DataError(
            f"some boxes of {origin} are in pixels and others are fractions",
            got=list_some([f"{boxes.unit} in {boxes.origin}" for boxes in lists], 3),
            do="Set input.box_unit=pixels or input.box_unit=fractions",
        )
    order: dict[str, int] = {}
    for boxes in lists:
        for label in boxes.labels:
            order.setdefault(label, len(order))
    tables = [np.array([order[label] for label in boxes.labels] or [0]) for boxes in lists]
    starts = np.cumsum([0, *(len(boxes.images) for boxes in lists)])
    counts = np.cumsum([0, *(len(boxes.owners) for boxes in lists)])

    def place(number: int) -> str:
        member = int(np.searchsorted(counts, number, side="right")) - 1
        return lists[member].place(number - int(counts[member]))

    return BoxList(
        images=tuple(name for boxes in lists for name in boxes.images),
        sizes=np.concatenate([boxes.sizes for boxes in lists]),
        owners=np.concatenate(
            [boxes.owners + start for boxes, start in zip(lists, starts, strict=False)]
        ),
        labels=tuple(order),
        codes=np.concatenate(
            [table[boxes.codes] for boxes, table in zip(lists, tables, strict=True)]
        ),
        corners=np.concatenate([boxes.corners for boxes in lists]),
        unit=next(iter(units), "pixels"),
        origin=origin,
        place=place,
        is_crowd=np.concatenate([boxes.is_crowd for boxes in lists]),
        findings=tuple(dict.fromkeys(item for boxes in lists for item in boxes.findings)),
        inferred_options=tuple(
            {option.place: option for boxes in lists for option in boxes.inferred_options}.values()
        ),
    )

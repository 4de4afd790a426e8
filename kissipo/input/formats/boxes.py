"""Boxes: a table of labeled boxes, one row per box, beside a folder of images.

Its columns are file, label, x_min, y_min, x_max and y_max. Corners are in pixels of the
upright image.

A file is named as below the folder of the images, or by its name alone. The corners are
edges: a box around the first pixel alone goes from 0 to 1. A row with a file alone says
that the image has no boxes.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kissipo.codec._image import size_of
from kissipo.codec.boxes import CORNERS, box_column, padded_boxes
from kissipo.codec.labels import as_strings
from kissipo.core.errors import DataError
from kissipo.core.finding import Finding, counted
from kissipo.core.frame import Frame
from kissipo.core.suggest import did_you_mean
from kissipo.core.text import list_some
from kissipo.input.formats.tables import FileWords, read_table
from kissipo.input.source_data import Reading

BOXES, DEFAULT_NAME = "boxes", "boxes.csv"
_COLUMNS = ("file", "label", *CORNERS)


def with_boxes(
    reading: Reading, table: object, root: Path, missing: Literal["empty", "left_out"] | None
) -> Reading:
    """Adds the boxes of each image of a folder.

    table:    a path, or a data frame
    missing:  how to treat images that the table does not name; None refuses them
    Raises:   DataError for a column that is missing, a file that is not an image of
              the folder, and a box that is incomplete, empty or outside of its image.
    """
    frame = reading.frame
    boxes, findings = read_table(table, FileWords())
    images = [Path(path) for path in frame["image"].values]
    rows, named, labels = _rows(boxes, images, root)
    values = padded_boxes(rows)
    absent = np.flatnonzero(~named)
    if len(absent):
        message = (
            f"{counted(len(absent), 'image')} of {len(images)} without a row in {boxes.origin}, "
            f"such as {images[absent[0]].name}"
        )
        if missing is None:
            raise DataError(
                message,
                do="Set input.missing_boxes=empty if they show no objects, "
                "else input.missing_boxes=left_out",
            )
        empty = missing == "empty"
        action = "they count as images without boxes" if empty else "left out"
        findings.append(Finding("PASS" if empty else "WARN", BOXES, message, action))
        if not empty:
            frame, values = frame.take(np.flatnonzero(named)), values[named]
    column = box_column(BOXES, values, labels)
    return Reading(frame.replaced(column), (*reading.findings, *findings), answer=reading.answer)


def _rows(
    boxes: Frame, images: Sequence[Path], root: Path
) -> tuple[list[list[tuple[float, ...]]], NDArray[np.bool_], tuple[str, ...]]:
    """Returns the boxes of each image, whether the table names it, and the labels."""
    absent = [name for name in _COLUMNS if name not in boxes]
    if absent:
        raise DataError(
            f"{boxes.origin} has no column '{absent[0]}'",
            got="the columns " + ", ".join(boxes.names),
            allowed=", ".join(_COLUMNS),
            do=f"Rename the column, or add it: one row per box, {', '.join(CORNERS)} in pixels",
        )
    positions = _positions(boxes, images, root)
    label = as_strings(boxes["label"])
    corners = np.stack([_numbers(boxes, name) for name in CORNERS], axis=1)
    result: list[list[tuple[float, ...]]] = [[] for _ in images]
    for row, position in enumerate(positions):
        text, place = label.show(row), f"row {boxes.rows[row]} of {boxes.origin}"
        if text is None and np.isnan(corners[row]).all():
            continue
        if text is None or np.isnan(corners[row]).any():
            raise DataError(
                f"{place} has no {'label' if text is None else 'complete corners'}",
                allowed="a label and four corners, or a file alone for an image without boxes",
            )
        try:
            height, width = size_of(str(images[position]))
        except DataError:  # the data check names the image
            continue
        _check_corners(corners[row], (width, height), place, images[position].name)
        sides = np.array([width, height, width, height])
        result[position].append((float(label.values[row]), *(corners[row] / sides).tolist()))
    named = np.zeros(len(images), dtype=bool)
    named[positions] = True
    return result, named, label.categories


def _check_corners(
    corners: NDArray[np.float64], size: tuple[int, int], place: str, file: str
) -> None:
    """Refuses a box without an area, or outside of its image."""
    got = ", ".join(f"{name} {value:g}" for name, value in zip(CORNERS, corners, strict=True))
    if not (corners[2:] > corners[:2]).all():
        raise DataError(
            f"the box in {place} has no area",
            got=got,
            allowed="x_min below x_max, and y_min below y_max",
        )
    if corners.min() < 0 or (corners[2:] > size).any():
        raise DataError(
            f"the box in {place} reaches outside of its image {file}",
            got=got,
            allowed=f"0 to {size[0]} for x, 0 to {size[1]} for y",
            do="Were the image rotated or resized after its boxes were drawn?",
        )


def _positions(boxes: Frame, images: Sequence[Path], root: Path) -> list[int]:
    """Returns for each row the position of its image."""
    by_path = {str(path.relative_to(root)): number for number, path in enumerate(images)}
    by_name: dict[str, list[int]] = {}
    for number, path in enumerate(images):
        by_name.setdefault(path.name, []).append(number)
    positions, unknown = [], []
    for row, text in enumerate(as_strings(boxes["file"]).texts()):
        place = f"row {boxes.rows[row]} of {boxes.origin}"
        if text is None:
            raise DataError(f"{place} has no file", do="Name the image of the box")
        near = [by_path[text]] if text in by_path else by_name.get(text, [])
        if len(near) > 1:
            raise DataError(
                f"{place} names '{text}', and {len(near)} images have that name",
                do=f"Name the file with its folder, such as '{images[near[0]].relative_to(root)}'",
            )
        positions += near
        unknown += [] if near else [(row, text)]
    if unknown:
        row, text = unknown[0]
        raise DataError(
            f"{boxes.origin} names {counted(len(unknown), 'file')} "
            f"that {root} does not contain as an image",
            got=f"'{text}' in row {boxes.rows[row]}",
            do=did_you_mean(text, list(by_path)),
        )
    return positions


def _numbers(boxes: Frame, name: str) -> NDArray[np.float64]:
    """Returns a column of numbers; missing cells are nan."""
    column = boxes[name]
    if column.kind == "number" and not column.odd:
        return column.values
    if column.kind == "string" and column.missing.all():
        return np.full(len(column), np.nan)
    cells = column.odd or tuple(
        (row + 1, str(text))
        for row, text in enumerate(map(column.show, range(len(column))))
        if text
    )
    row, text = cells[0]
    raise DataError(
        f"{boxes.origin}: '{name}' in row {row} is not a number",
        got=list_some([f"'{text}'"], 1),
        allowed="a number of pixels",
    )

"""Tables of boxes: one row per box, its columns matches by the names that are in use.

file, label, x_min, y_min, x_max, y_max      kissipo, and in other words many others
image, class, xmin, ymin, xmax, ymax         VOC as a table; filename, width, height ...
image_id, bbox                               "[x, y, width, height]" in one cell
ImageID, LabelName, XMin, XMax, YMin, YMax   Open Images, as fractions
a.jpg,10,20,40,60,cat                        without a header: file, corners, label

Corners are edges: a box around the first pixel alone goes from 0 to 1. A row with a
file alone says that the image has no boxes. Columns width and height beside four
corners are the size of the image; without x_max and y_max they are sides of the box.

Example:  >>> columns = ["image", "class", "left", "top", "width", "height"]
          >>> [find(columns, names) for names in (FILES, LABELS, X_MIN, WIDTHS)]
          ['image', 'class', 'left', 'width']
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kissipo.codec.boxes import CORNERS
from kissipo.codec.labels import as_strings
from kissipo.core.errors import DataError
from kissipo.core.finding import Finding
from kissipo.core.frame import Column, Frame
from kissipo.core.inferred_option import InferredOption
from kissipo.core.text import csv_text
from kissipo.input.formats.boxes.box_list import (
    BoxList,
    BoxWords,
    Layout,
    Unit,
    describe_layout,
    infer_unit,
    to_corners,
)
from kissipo.input.formats.tables import FileWords, read_table

NAME = "boxes.csv"
FILES = (
    "file filename image imagename imagefilename imagefile imagepath img imgname imgfile imgpath"
)
FILES += " path imageid imgid frame"
LABELS = "label class classname labelname category categoryname name object objectclass type tag"
LABELS += " classid categoryid labelid"
X_MIN, Y_MIN = "xmin x1 left x0 xtl minx bboxxmin bboxx1", "ymin y1 top y0 ytl miny bboxymin bboxy1"
X_MAX, Y_MAX = "xmax x2 right xbr maxx bboxxmax bboxx2", "ymax y2 bottom ybr maxy bboxymax bboxy2"
_X, _Y = f"{X_MIN} x bboxx boxx", f"{Y_MIN} y bboxy boxy"
_CENTER_X, _CENTER_Y = "xcenter xcentre cx centerx xc xmid", "ycenter ycentre cy centery yc ymid"
WIDTHS, HEIGHTS = (
    "w bboxwidth boxwidth bboxw boxw width",
    "h bboxheight boxheight bboxh boxh height",
)
_IMAGE_WIDTHS, _IMAGE_HEIGHTS = (
    f"imagewidth imgwidth imgw imagew {side}" for side in ("width", "height")
)
_CELLS = "bbox box boundingbox bboxes rectangle"
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_PIXELS = ("px", "pixel", "pixels")
_SUGGESTED = ("file", "label", *CORNERS)


def read_box_table(table: object, words: BoxWords) -> BoxList:
    """Reads a file, or a data frame, with one row per box.

    Raises:   DataError for a table without a column of files, labels or corners, and
              for a row that is incomplete.
    """
    frame, findings = read_table(table, FileWords())
    findings = [finding for finding in findings if not finding.shows_option]
    frame = _with_names(frame)
    names = frame.names
    files = _needed(frame, find(names, FILES), "file")
    label = _needed(frame, find(names, LABELS), "label")
    values, layout, used, reason = _four_numbers(frame)
    is_empty = np.asarray(np.isnan(values).all(axis=1))
    labels, images = as_strings(label), as_strings(files)
    _refuse_incomplete(frame, images, labels, values, is_empty)
    rows = np.flatnonzero(~is_empty)
    unit = words.unit or infer_unit(values[rows])
    corners = to_corners(values[rows], words.layout or layout)
    origin = frame.origin
    numbers = frame.rows[rows]
    inferred = _inferred(words, layout, unit, reason)
    message = f"{origin} is read as a table of {describe_layout(words.layout or layout, unit)}"
    action = "input.box_layout and input.box_unit change this"
    return BoxList(
        images=images.categories,
        sizes=_sizes(frame, images, used),
        owners=images.values[rows].astype(np.int64),
        labels=labels.categories,
        codes=labels.values[rows].astype(np.int64),
        corners=corners,
        unit=unit,
        origin=origin,
        place=lambda number: f"row {numbers[number]} of {origin}",
        is_crowd=np.zeros(len(rows), dtype=bool),
        findings=(*findings, Finding("PASS", "boxes", message, action)),
        inferred_options=inferred,
    )


def write_box_table(boxes: BoxList, path: Path, sizes: NDArray[np.int64]) -> None:
    """Writes the columns file, label and the corners in pixels; an image without boxes
    is a row with a file alone.

    sizes:   (image, 2) height and width of the images
    """
    corners = boxes.pixels(sizes)
    rows: list[Sequence[object]] = [_SUGGESTED]
    for image, own in zip(boxes.images, boxes.by_image(), strict=True):
        rows += [[image, boxes.label(box), *corners[box].tolist()] for box in own]
        rows += [] if own else [[image, *[""] * 5]]
    path.write_text(csv_text(rows), encoding="utf-8")


def find(names: Sequence[str], spellings: str) -> str | None:
    """Returns the column with one of these names, the most usual name first.

    Case, blanks, dashes and underscores do not count.
    """
    plain = {re.sub(r"[^a-z0-9]", "", name.lower()): name for name in reversed(names)}
    return next((plain[word] for word in spellings.split() if word in plain), None)


def _with_names(frame: Frame) -> Frame:
    """Returns a table without a header with names: file, four corners, label.

    Other tables stay as they are.
    """
    names = [f"column{number}" for number in range(1, 7)]
    kinds = [column.kind for column in frame.columns]
    if frame.names != names or kinds[1:5] != ["number"] * 4 or kinds[0] != "string":
        return frame
    usual = ("file", *CORNERS, "label")
    columns = zip(frame.columns, usual, strict=True)
    return replace(frame, columns=tuple(replace(column, name=name) for column, name in columns))


def _needed(frame: Frame, name: str | None, wanted: str) -> Column:
    if name is not None:
        return frame[name]
    raise DataError(
        f"{frame.origin} has no column '{wanted}'",
        got="the columns " + ", ".join(frame.names),
        do=f"Rename the column that holds it to '{wanted}'; a table of boxes has one row per box: "
        + ", ".join(_SUGGESTED),
    )


def _four_numbers(frame: Frame) -> tuple[NDArray[np.float64], Layout, tuple[str, ...], str]:
    """Returns the numbers of each box, their layout, their columns and the reason."""
    names = frame.names
    choices: tuple[tuple[Layout, tuple[str, ...]], ...] = (
        ("xyxy", (X_MIN, Y_MIN, X_MAX, Y_MAX)),
        ("cxcywh", (_CENTER_X, _CENTER_Y, WIDTHS, HEIGHTS)),
        ("xywh", (_X, _Y, WIDTHS, HEIGHTS)),
    )
    for layout, wanted in choices:
        matches = [find(names, spellings) for spellings in wanted]
        columns = tuple(name for name in matches if name is not None)
        if len(columns) == 4:
            values = np.stack([_numbers(frame, name) for name in columns], axis=1)
            return values, layout, columns, f"the columns {', '.join(columns)}"
    for name in _CELLS.split():  # lists of numbers in the cells of one column
        matches = [find(names, f"{name}{number}") for number in range(1, 5)]
        columns = tuple(name for name in matches if name is not None)
        if len(columns) == 4:
            values = np.stack([_numbers(frame, name) for name in columns], axis=1)
            return values, *_layout_of_cells(values, columns)
    cell = find(names, _CELLS)
    if cell is not None:
        values = _cells(frame, cell)
        return values, *_layout_of_cells(values, (cell,))
    for spellings, name in zip((X_MIN, Y_MIN, X_MAX, Y_MAX), CORNERS, strict=True):
        _needed(frame, find(names, spellings), name)
    raise AssertionError("four corners are a layout")


def _layout_of_cells(
    values: NDArray[np.float64], columns: tuple[str, ...]
) -> tuple[Layout, tuple[str, ...], str]:
    """Returns the layout of lists of four numbers, their columns and the reason.

    Two corners are likely where the last two numbers are never below the first two.
    """
    name = re.sub(r"[ _-]?1$", "", columns[0])
    some = values[~np.isnan(values).any(axis=1)]
    if len(some) and (some[:, 2:] > some[:, :2]).all():
        reason = f"the last two numbers of '{name}' are above the first two in every row"
        return "xyxy", columns, reason
    reason = f"the last two numbers of '{name}' are below the first two in some rows"
    return "xywh", columns, reason


def _cells(frame: Frame, name: str) -> NDArray[np.float64]:
    """Returns the four numbers in each cell of a column."""
    column = frame[name]
    if column.kind == "array" and column.values.ndim == 2 and column.values.shape[1] == 4:
        return column.values.astype(np.float64)
    values = np.full((len(column), 4), np.nan)
    for row, text in enumerate(as_strings(column).texts()):
        if text is None:
            continue
        numbers = [float(number) for number in _NUMBER.findall(text)]
        if len(numbers) != 4:
            raise DataError(
                f"{frame.origin}: '{name}' in row {frame.rows[row]} is not a box",
                got=f"'{text}'",
                allowed="four numbers such as [10, 20, 30, 40]",
            )
        values[row] = numbers
    return values


def _refuse_incomplete(
    frame: Frame,
    images: Column,
    labels: Column,
    values: NDArray[np.float64],
    is_empty: NDArray[np.bool_],
) -> None:
    """Refuses a row without a file, a box without a label and incomplete corners."""
    has_label = ~labels.missing
    wrong = {
        "has no file": images.missing,
        "has no label": ~has_label & ~is_empty,
        "has no complete corners": np.isnan(values).any(axis=1) & (~is_empty | has_label),
    }
    for what, rows in wrong.items():
        if rows.any():
            place = f"row {frame.rows[np.flatnonzero(rows)[0]]} of {frame.origin}"
            raise DataError(
                f"{place} {what}",
                allowed="a file, a label and four corners, or a file alone for an image "
                "without boxes",
            )


def _numbers(frame: Frame, name: str) -> NDArray[np.float64]:
    """Returns a column of numbers; missing cells are nan."""
    column = frame[name]
    if column.unit and column.unit.lower() not in _PIXELS:
        raise DataError(
            f"{frame.origin}: the numbers of '{name}' have the unit '{column.unit}'",
            allowed="plain numbers: pixels, or fractions from 0 to 1",
            do=f"Remove '{column.unit}' from the column",
        )
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
        f"{frame.origin}: '{name}' in row {row} is not a number",
        got=f"'{text}'",
        allowed="a number of pixels",
    )


def _sizes(frame: Frame, images: Column, used: Sequence[str]) -> NDArray[np.int64]:
    """Returns the size of each image, where columns beside the box say it."""
    sizes = np.zeros((len(images.categories), 2), dtype=np.int64)
    names = [name for name in frame.names if name not in used]
    for axis, spellings in enumerate((_IMAGE_HEIGHTS, _IMAGE_WIDTHS)):
        name = find(names, spellings)
        if name is not None and frame[name].kind == "number":
            values = np.nan_to_num(frame[name].values)
            rows = np.flatnonzero(images.values >= 0)
            sizes[images.values[rows], axis] = values[rows]
    sizes[(sizes <= 0).any(axis=1)] = 0
    return sizes


def _inferred(
    words: BoxWords, layout: Layout, unit: Unit, reason: str
) -> tuple[InferredOption, ...]:
    """Returns the options that the person did not set."""
    options = []
    if words.layout is None:
        options.append(InferredOption("input.box_layout", layout, reason))
    if words.unit is None:
        reason = "no number of a box is above 1" if unit == "fractions" else "numbers above 1"
        options.append(InferredOption("input.box_unit", unit, reason))
    return tuple(options)

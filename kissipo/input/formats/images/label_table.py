"""A table of the classes of images: one row per image, with its file and its class.

The column of files is the one whose cells name images: below the folder, by their name,
or without their ending. Images without a row are left out, as are rows without an
image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kissipo.codec.labels import as_strings
from kissipo.core.errors import DataError
from kissipo.core.finding import Finding, counted
from kissipo.core.frame import Column, Frame
from kissipo.core.text import list_some
from kissipo.input.formats.tables import FileWords, read_table
from kissipo.input.source_data import Reading

DEFAULT_NAME = "labels.csv"
_LABELS = ("label", "class", "category", "target", "labels", "classes")


def with_labels(reading: Reading, table: Path, root: Path) -> Reading:
    """Returns the images of a folder with the classes of a table.

    Raises:   DataError when no column names the images, and when several columns could
              be the class.
    """
    rows, findings = read_table(table, FileWords())
    images = [Path(path) for path in reading.frame["image"].values]
    places = _places(images, root)
    files = max(rows.columns, key=lambda column: _count_images(column, places))
    if not _count_images(files, places):
        raise DataError(
            f"no column of {table} names the images of {root}",
            got=f"the columns {', '.join(rows.names)}; images such as {images[0].name}",
            do="Give each row the file of its image",
        )
    label = _label_column(rows, files, table)
    classes = as_strings(label)
    codes = np.full(len(images), -1, dtype=np.int32)
    absent = 0
    for text, code in zip(as_strings(files).texts(), classes.values.tolist(), strict=True):
        place = places.get(str(text))
        absent += place is None
        if place is not None:
            codes[place] = code
    usable = np.flatnonzero(codes >= 0)
    message = f"{table.name} gives the class of {counted(len(usable), 'image')}: "
    message += f"'{label.name}' of each '{files.name}'"
    findings += [Finding("PASS", "labels", message, "input.labels=FILE names another table")]
    findings += _left_out(table, images, codes, absent)
    column = Column("class", "string", codes, classes.categories, value_type=classes.value_type)
    frame = reading.frame.replaced(column).take(usable)
    frame = replace(frame, rows=np.arange(1, len(frame) + 1))
    parts = reading.parts and _moved(reading.parts, usable, len(images))
    return Reading(frame, (*reading.findings, *findings), parts=parts, answer="class")


def _places(images: Sequence[Path], root: Path) -> dict[str, int]:
    """Returns the position of each image by the names that a table may give it."""
    places: dict[str, int] = {}
    for name in (lambda path: path.stem, lambda path: path.name, lambda path: str(path)):
        places |= {name(path): number for number, path in enumerate(images)}
    relative = {path.relative_to(root).as_posix(): n for n, path in enumerate(images)}
    return places | relative


def _count_images(column: Column, places: Mapping[str, int]) -> int:
    """Returns the number of different images that the cells of a column name."""
    if column.kind not in ("string", "number"):
        return 0
    return len({places[text] for text in as_strings(column).counts() if text in places})


def _label_column(rows: Frame, files: Column, table: Path) -> Column:
    others = [column for column in rows.columns if column.name != files.name]
    named = [column for name in _LABELS for column in others if column.name.lower() == name]
    if not named and len(others) != 1:
        raise DataError(
            f"which column of {table} is the class of an image?",
            got="the columns " + ", ".join(column.name for column in others),
            do="Call it label",
        )
    return (named or others)[0]


def _left_out(
    table: Path, images: Sequence[Path], codes: NDArray[np.int32], absent: int
) -> list[Finding]:
    findings = []
    without = np.flatnonzero(codes < 0)
    if len(without):
        names = list_some([images[place].name for place in without[:3]], 3)
        message = f"{counted(len(without), 'image')} of {len(images)} have no class in {table.name}"
        findings.append(Finding("WARN", "labels", f"{message}, such as {names}", "left out"))
    if absent:
        message = f"{counted(absent, 'row')} of {table.name} name no image of the folder"
        findings.append(Finding("WARN", "labels", message, "left out"))
    return findings


def _moved(
    parts: Mapping[str, NDArray[np.int64]], usable: NDArray[np.int64], count: int
) -> dict[str, NDArray[np.int64]] | None:
    """Returns the parts of the split among the images that are usable."""
    positions = np.full(count, -1)
    positions[usable] = np.arange(len(usable))
    moved = {name: positions[rows][positions[rows] >= 0] for name, rows in parts.items()}
    moved = {name: rows for name, rows in moved.items() if len(rows)}
    return moved if len(moved) > 1 and "train" in moved else None

"""Tables of images: a cell with all pixels of an image, its class, and its part.

emotion,pixels,Usage           3,70 80 82 ... 106,Training

A cell holds the gray values 0 to 255 of a square image, row after row. One column has a
few classes. Another may say to which part of the split each image belongs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kissipo.codec.labels import as_strings
from kissipo.core.finding import Finding
from kissipo.core.frame import Column, Frame, class_column, image_column
from kissipo.input.cells.vector_cells import VECTORS
from kissipo.input.formats.signals.signal_rows import are_classes, are_pixels, values_of
from kissipo.input.formats.split_folders import part_of
from kissipo.input.formats.tables import FileWords, is_table_file, table_reading
from kissipo.input.source_data import Reading

_MIN_SIDE = 8
_PIXEL = re.compile(r"(.+)_\d+")
_PIXEL_NAME = re.compile(r"(pixels?|px|pix)[_.]?\d+", re.IGNORECASE)


def pixel_cells(path: Path) -> Reading | None:
    """Returns the images of a table with their classes; None for another table."""
    if path.is_dir() or not is_table_file(path):
        return None
    reading = table_reading(path, FileWords())
    return pixel_images(reading.frame, reading.findings)


def pixel_images(frame: Frame, findings: tuple[Finding, ...]) -> Reading | None:
    """Returns the images of a table that was read; None for another table.

    findings:  they say whether a cell held several numbers
    """
    names = _pixel_names(frame, findings)
    if names is None:
        return None
    what, pixels = names
    others = [column for column in frame.columns if column.name not in set(pixels)]
    parts = {column.name: named for column in others if (named := _parts(column))}
    classes = [column for column in others if column.name not in parts and are_classes(column)]
    if len(classes) != 1 or len(classes) + len(parts) < len(others) or len(parts) > 1:
        return None
    arrays = _arrays(frame, pixels)
    if arrays is None:
        return None
    side = arrays.shape[1]
    images = image_column("image", arrays)
    label = classes[0]
    target = label if label.kind == "string" else class_column(label.name, _whole(label.values))
    message = f"{what} read as a gray image of {side}x{side}"
    remarks = [Finding("PASS", "pixels", message, f"the class is '{label.name}'")]
    split = next(iter(parts.values()), None)
    if split:
        counts = ", ".join(f"{part} {len(rows)}" for part, rows in split.items())
        message = f"'{next(iter(parts))}' is the split ({counts} images)"
        remarks.append(Finding("PASS", "split", message))
    return Reading(
        Frame((images, target), frame.origin), tuple(remarks), parts=split, answer=label.name
    )


def images_to_predict(path: Path) -> NDArray[np.uint8] | None:
    """Returns the images of a table, with or without their classes; None for another
    table."""
    if path.is_dir() or not is_table_file(path):
        return None
    reading = table_reading(path, FileWords(extra_rows="keep"))
    names = _pixel_names(reading.frame, reading.findings)
    return None if names is None else _arrays(reading.frame, names[1])


def _pixel_names(frame: Frame, findings: tuple[Finding, ...]) -> tuple[str, list[str]] | None:
    """Returns what the pixels are in words, and the columns that hold them."""
    in_cells = any(finding.check == VECTORS for finding in findings)
    pattern = _PIXEL if in_cells else _PIXEL_NAME
    matches = {name: match[1] for name in frame.names if (match := pattern.fullmatch(name))}
    if not matches:
        return None
    word = next(iter(matches.values()))
    names = [name for name, other in matches.items() if other == word]
    side = round(len(names) ** 0.5)
    if side < _MIN_SIDE or side * side != len(names):
        return None
    what = f"each cell of '{word}' is" if in_cells else f"'{names[0]}' to '{names[-1]}' are"
    return what, names


def _arrays(frame: Frame, names: list[str]) -> NDArray[np.uint8] | None:
    """Returns the images (row, y, x), None where the numbers are not pixels."""
    values, side = values_of(frame, names), round(len(names) ** 0.5)
    if np.isnan(values).any() or not are_pixels(values):
        return None
    return values.astype(np.uint8).reshape(-1, side, side)


def _whole(values: NDArray[np.float64]) -> NDArray[np.int64]:
    return values.astype(np.int64)


def _parts(column: Column) -> Mapping[str, NDArray[np.int64]] | None:
    """Returns the rows of each part of a split; None for another column.

    Where a competition has a public and a private test split, the public one is the
    validation split.
    """
    if column.kind != "string" or column.missing.any():
        return None
    names = as_strings(column).texts()
    part = {name: part_of(name) for name in set(names) if name}
    if not all(part.values()) or "train" not in part.values():
        return None
    tests = [name for name, value in part.items() if value == "test"]
    if "validation" not in part.values() and len(tests) == 2:
        part |= {name: "validation" for name in tests if "public" in name.lower()}
    rows = np.array([part[name] for name in names if name])
    present = [name for name in ("train", "validation", "test") if (rows == name).any()]
    return {name: np.flatnonzero(rows == name) for name in present} if len(present) > 1 else None

"""Tables with one signal per row and its class, and folders with a split of them.

label,v1,v2,...,v60      -1  0.62  0.71 ...      columns of numbers in order of time,
                                                 the class first or last
Coffee_TRAIN.tsv, Coffee_TEST.tsv                the UCR archive, also .txt, .ts, .arff
train/y_train.txt, train/Inertial Signals/*.txt  one file per channel, classes beside
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kissipo.core.frame import Column, Frame
from kissipo.core.text import is_number
from kissipo.input.formats.arff import SUFFIX as ARFF
from kissipo.input.formats.images.image_files import is_system, subfolders
from kissipo.input.formats.signals.signal_files import SUFFIX as TS
from kissipo.input.formats.split_folders import PARTS, part_of
from kissipo.input.step_columns import steps_in

_FILES = (TS, ".tsv", ".csv", ".txt", ".data", ARFF)
_MIN_STEPS, _MIN_ROWS, _MAX_CLASSES = 8, 6, 100
_SMOOTH = 0.5
_NEARER = 0.8  # the part of the unlikeness far apart that neighbors have at most
_LABELS = {"label", "labels", "class", "classes", "target", "y", "category", "classe", "klasse"}
_WORDS = {
    *("", "v", "x", "t", "c", "col", "column", "val", "value", "obs", "step", "time", "timestep"),
    *("timestamp", "att", "attr", "attribute", "sample", "signal", "point", "ts", "s", "d", "day"),
}  # fmt: skip
_HEAD, _LINES = 1 << 20, 5


@dataclass(frozen=True)
class SignalColumns:
    """The columns of a table with one signal per row.

    label:   the column of the classes
    steps:   the columns of the values, in order of time
    others:  columns that number or name the rows
    either:  whether the classes may be the last column as well as the first
    """

    label: str
    steps: tuple[str, ...]
    others: tuple[str, ...] = ()
    either: bool = False


@dataclass(frozen=True)
class SignalFolder:
    """A folder with a split of signals.

    parts:    the file of each part, or its folder
    others:   files beside them that are not read
    """

    parts: Mapping[str, Path]
    others: tuple[Path, ...] = ()


def find_signals(
    frame: Frame, label: str | None = None, *, is_asked: bool = False
) -> SignalColumns | None:
    """Returns the columns of signals and of their classes, if a table looks so: its
    columns are numbers in order, and neighbors in a row are like each other.

    label:     the column of the classes, where a person names it
    is_asked:  whether a person says that it is so; the numbers may be anything then
    """
    if not is_asked and (len(frame) < _MIN_ROWS or len(frame.columns) <= _MIN_STEPS):
        return None
    ends = [frame.columns[0], frame.columns[-1]]
    named = [column for column in frame.columns if is_label_name(column.name)]
    candidates = [frame[label]] if label is not None else [*named, *ends]
    candidates = [column for column in candidates if label is not None or are_classes(column)]
    for column in candidates:
        rest = [other for other in frame.columns if other.name != column.name]
        steps = _named_steps(rest)
        others = [other for other in rest if other.name not in set(steps)]
        if len(steps) < (2 if is_asked else _MIN_STEPS) or not all(map(_numbers_a_row, others)):
            continue
        values = values_of(frame, steps)
        if not is_asked and (
            _is_step(frame, column, steps, values)
            or are_pixels(values)
            or not _are_in_order(values)
        ):
            continue
        either = not named and label is None and column is ends[0] and are_classes(ends[1])
        return SignalColumns(
            column.name, tuple(steps), tuple(other.name for other in others), either
        )
    return None


def is_label_name(name: str) -> bool:
    """Whether a column is called as classes are."""
    return name.strip().lower() in _LABELS


def values_of(frame: Frame, names: Sequence[str]) -> NDArray[np.float64]:
    """Returns the values of columns of numbers, one row per signal."""
    return np.stack([frame[name].values for name in names], axis=1)


def _are_in_order(values: NDArray[np.float64]) -> bool:
    """Whether neighbors in a row are like each other, and more so than numbers far
    apart, which are as much alike where all columns measure one thing."""
    near = likeness(values)
    return near >= _SMOOTH and 1 - near < _NEARER * (1 - likeness(values, values.shape[1] // 3))


def likeness(values: NDArray[np.float64], apart: int = 1) -> float:
    """Returns how similar neighbors in a row are: the mean correlation between columns
    that stand beside each other, or so many columns apart. Each is scaled by itself, so
    that columns of different sizes do not look alike.

    Example:  >>> steps = np.arange(50)[:, None] * 0.1 + np.arange(40)[None] * 0.1
              >>> noise = np.random.default_rng(0).normal(size=(50, 40))
              >>> likeness(np.sin(steps)) > 0.9, likeness(noise) < 0.2
              (True, True)
    """
    sample = values[:2_000]
    counts = np.maximum((~np.isnan(sample)).sum(0), 1)
    centered = sample - np.nansum(sample, 0) / counts
    spread = np.sqrt(np.nansum(centered**2, 0) / counts)
    scaled = np.nan_to_num(centered / np.where(spread > 0, spread, 1.0))
    used = spread > 0
    pairs = (scaled[:, apart:] * scaled[:, :-apart]).mean(0)[used[apart:] & used[:-apart]]
    return float(pairs.mean()) if len(pairs) else 0.0


def is_signal_text(path: Path) -> bool:
    """Whether a text file has as many numbers in each of its first lines."""
    with path.open("rb") as file:
        head = file.read(_HEAD).decode("utf-8", "replace")
    lines = [line for line in head.splitlines(keepends=True) if line.strip()]
    complete = [line for line in lines if line.endswith(("\n", "\r"))][:_LINES]
    rows = [re.split(r"[,;\s]+", line.strip()) for line in complete]
    widths = {len(row) for row in rows[1:] or rows}
    return bool(rows) and len(widths) == 1 and min(widths) > _MIN_STEPS and _are_numbers(rows[-1])


def signal_folder(folder: Path) -> SignalFolder | None:
    """Returns the files or the folders of a split of signals, if a folder has them."""
    if not folder.is_dir():
        return None
    files = sorted(path for path in folder.iterdir() if path.is_file() and not is_system(path))
    for suffix in _FILES:
        of_kind = [path for path in files if path.suffix.lower() == suffix]
        parts = {path: part_of(path.stem) for path in of_kind}
        named = {part: path for path, part in parts.items() if part}
        is_one_each = len(named) == sum(map(bool, parts.values()))
        if is_one_each and {"train", "test"} <= named.keys():
            if suffix == ".txt" and not all(map(is_signal_text, named.values())):
                continue
            others = tuple(path for path in files if path not in named.values())
            return SignalFolder({part: named[part] for part in PARTS if part in named}, others)
    inside = {part_of(path.name): path for path in subfolders(folder) if part_of(path.name)}
    if "train" in inside and all(label_file(path) is not None for path in inside.values()):
        others = tuple(path for path in files if not path.name.startswith("activity_labels"))
        return SignalFolder({part: inside[part] for part in PARTS if part in inside}, others)
    return None


def label_file(folder: Path) -> Path | None:
    """Returns the file of the classes of a folder: y.txt, y_train.txt."""
    files = sorted(folder.glob("[yY]*.txt"))
    named = [path for path in files if re.fullmatch(r"[yY](?:[_-]\w+)?", path.stem)]
    return named[0] if named else None


def are_classes(column: Column) -> bool:
    """Whether a column can be the classes of its rows: a few values, several times."""
    if column.missing.any():
        return False
    distinct = np.unique(column.values)
    is_whole = column.kind == "string" or (
        column.kind == "number" and np.array_equal(distinct, np.floor(distinct))
    )
    return is_whole and 2 <= len(distinct) <= min(_MAX_CLASSES, len(column) // 2)


def _named_steps(columns: Sequence[Column]) -> list[str]:
    """Returns the columns whose names count steps: v1, v2, ... or 0, 1, ..."""
    groups = steps_in([column.name for column in columns if column.kind == "number"])
    if not groups or groups[0].part or groups[0].is_time:
        return []
    if groups[0].word.strip().lower() not in _WORDS:
        return []
    return list(groups[0].names)


def _is_step(
    frame: Frame, column: Column, steps: Sequence[str], values: NDArray[np.float64]
) -> bool:
    """Whether a column is one more step: its name goes on counting, and its values are
    like those of the steps. Without a header all names count."""
    if frame.names == [f"column{place}" for place in range(1, len(frame.names) + 1)]:
        return False
    together = [other for other in frame.columns if other.name in {column.name, *steps}]
    is_whole = bool(np.all((values == np.floor(values)) | np.isnan(values)))
    return is_whole and column.name in _named_steps(together)


def _numbers_a_row(column: Column) -> bool:
    """Whether a column numbers or names the rows."""
    return not column.missing.any() and len(np.unique(column.values)) == len(column)


def are_pixels(values: NDArray[np.float64]) -> bool:
    """Whether rows look like images: whole numbers from 0 to 255, as many as a
    square has pixels."""
    side = round(values.shape[1] ** 0.5)
    color = round((values.shape[1] / 3) ** 0.5)
    is_square = values.shape[1] in (side * side, 3 * color * color)
    return is_square and bool(
        np.nanmin(values) >= 0
        and np.nanmax(values) <= 255
        and np.array_equal(values, np.floor(values))
    )


def _are_numbers(cells: Sequence[str]) -> bool:
    """Whether all cells but the first or the last are numbers."""
    return all(map(is_number, cells[1:])) or all(map(is_number, cells[:-1]))

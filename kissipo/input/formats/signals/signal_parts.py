"""The signals of one part of a split: a file, or a folder with a file per channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kissipo.codec.labels import as_strings
from kissipo.core.errors import DataError
from kissipo.core.finding import Finding, counted
from kissipo.core.frame import Column, Frame, strings
from kissipo.core.inferred_option import InferredOption
from kissipo.core.text import list_ends, list_some
from kissipo.input.formats.files import open_text
from kissipo.input.formats.images.image_files import subfolders
from kissipo.input.formats.signals.signal_files import is_signal_file, read_signal_file
from kissipo.input.formats.signals.signal_rows import (
    SignalColumns,
    find_signals,
    is_label_name,
    label_file,
    values_of,
)
from kissipo.input.formats.tables import FileWords, table_reading

SIGNAL, CLASS, SUBJECT = "signal", "class", "subject"
_NAMES = "activity_labels.txt"


@dataclass(frozen=True)
class SignalPart:
    """The signals of one part.

    values:    (signal, step, channel), or (sample, feature)
    columns:   one value per signal: its class, the person that it is of
    part:      train, validation or test
    may_end:   whether a signal may have fewer steps than another one
    """

    values: NDArray[np.float64]
    columns: tuple[Column, ...] = ()
    findings: tuple[Finding, ...] = ()
    inferred: tuple[InferredOption, ...] = ()
    part: str = ""
    may_end: bool = True


def read_part(value: object, words: FileWords, label: str | None) -> SignalPart:
    """Reads the signals and the classes of a file, a data frame, or a folder of files.

    Raises:   DataError for data that are no signals with a class each.
    """
    path = Path(value) if isinstance(value, str | Path) else None
    if path is not None and path.is_dir():
        return _of_folder(path)
    if path is not None and is_signal_file(path):
        file = read_signal_file(path, CLASS)
        return SignalPart(file.values, () if file.target is None else (file.target,))
    reading = table_reading(value, words)
    frame = reading.frame
    layout = find_signals(frame, label, is_asked=True)
    if layout is None:
        raise _no_signals(frame, label)
    reason = _reason(layout)
    inferred = (
        () if label else (InferredOption("input.label", layout.label, reason, layout.either),)
    )
    replaced = ("natural answer", "no header")
    findings = [item for item in reading.findings if item.check not in replaced]
    findings.append(_finding(frame, layout))
    return SignalPart(
        values_of(frame, layout.steps)[..., None],
        (_classes(frame[layout.label]),),
        tuple(findings),
        (*reading.inferred_options, *inferred),
    )


def signals_to_predict(
    value: object, words: FileWords, label: str | None, shape: tuple[int, ...]
) -> NDArray[np.float64]:
    """Returns the signals of a file or a data frame, with or without classes."""
    path = Path(value) if isinstance(value, str | Path) else None
    if path is not None and path.is_dir():
        return _of_folder(path, needs_classes=False).values
    if path is not None and is_signal_file(path):
        return read_signal_file(path, CLASS).values
    frame = table_reading(value, words).frame
    names = frame.names
    if len(names) > shape[0]:
        names = [name for name in names if name != label]
    if len(names) > shape[0]:  # a file of another layout than that of the training
        layout = find_signals(frame, is_asked=True)
        named = [name for name in names if not is_label_name(name)]
        names = list(layout.steps) if layout else named
    texts = [name for name in names if frame[name].kind != "number"]
    if texts:
        raise DataError(
            f"the columns of {frame.origin} are not the steps of a signal alone",
            got=f"'{texts[0]}', which holds texts",
            allowed=f"{shape[0]} columns of numbers" + (f", and '{label}'" if label else ""),
        )
    return values_of(frame, names)[..., None]


def ended(values: NDArray[np.float64], steps: int) -> NDArray[np.float64]:
    """Returns signals with so many steps: NaN stands after the end of shorter ones.

    Example:  >>> ended(np.ones((1, 1, 1)), 3)[0, :, 0].tolist()
              [1.0, nan, nan]
    """
    if values.ndim < 3 or values.shape[1] == steps:
        return values
    longer = np.full((len(values), steps, values.shape[2]), np.nan)
    longer[:, : values.shape[1]] = values
    return longer


def gap_findings(values: NDArray[np.float64]) -> list[Finding]:
    """Reports signals that are shorter than the longest one, and missing values."""
    present: NDArray[np.bool_] = ~np.all(np.isnan(values), axis=2)
    steps = values.shape[1]
    lengths = steps - np.argmax(present[:, ::-1], axis=1)
    lengths = np.where(present.any(axis=1), lengths, 0)
    findings = []
    if short := int(np.sum(lengths < steps)):
        message = (
            f"{short} of {len(values)} signals {'is' if short == 1 else 'are'} shorter than the "
            f"longest one ({lengths.min()} to {steps} steps)"
        )
        action = "the steps after the end count as the mean of the training split"
        findings.append(Finding("WARN", "signal lengths", message, action))
    before = np.arange(steps)[None, :] < lengths[:, None]
    gaps = (np.isnan(values) & before[..., None]).any(axis=(1, 2))
    if count := int(gaps.sum()):
        first = int(np.flatnonzero(gaps)[0]) + 1
        message = (
            f"{counted(count, 'signal')} of {len(values)} {'has' if count == 1 else 'have'} "
            f"missing values, first in signal {first}"
        )
        action = "they count as the mean of the training split"
        findings.append(Finding("WARN", "missing steps", message, action))
    return findings


def _of_folder(folder: Path, *, needs_classes: bool = True) -> SignalPart:
    """Reads y.txt and the channels of a folder, or its features.

    Raises:   DataError for files with different numbers of rows.
    """
    labels = label_file(folder)
    channels = [path for inside in subfolders(folder) for path in sorted(inside.glob("*.txt"))]
    features = [path for path in sorted(folder.glob("[xX]*.txt")) if path != labels]
    files = channels or features[:1]
    if not files or (labels is None and needs_classes):
        raise DataError(
            f"{folder} has no signals",
            allowed="y_train.txt, and X_train.txt or a folder with a file per channel",
        )
    arrays = [_matrix(path) for path in files]
    sizes = [array.shape for array in arrays]
    texts = None if labels is None else _lines(labels)
    odd = next((path for path, size in zip(files, sizes, strict=True) if size != sizes[0]), None)
    if odd is not None or (texts is not None and len(texts) != sizes[0][0]):
        other = odd or labels
        got = f"{sizes[files.index(odd)]}" if odd else f"{len(texts or [])} rows"
        raise DataError(
            f"{other} does not fit {files[0]}",
            got=f"{got} and {sizes[0]}",
            allowed="as many rows in each file, and as many steps in each channel",
        )
    columns = [] if texts is None else [strings(CLASS, _named(texts, folder), value_type="text")]
    for path in sorted(folder.glob("subject*.txt"))[:1]:
        columns.append(strings(SUBJECT, _lines(path)))
    values = np.stack(arrays, axis=2) if channels else arrays[0]
    findings = _folder_findings(folder, files, values, columns)
    return SignalPart(values, tuple(columns), tuple(findings), may_end=False)


def _folder_findings(
    folder: Path, files: Sequence[Path], values: NDArray[np.float64], columns: Sequence[Column]
) -> list[Finding]:
    names = [path.stem.removesuffix(f"_{folder.name}") for path in files]
    message = f"each row of {files[0].name} is one sample of {values.shape[1]} features"
    if values.ndim == 3:
        message = (
            f"each row of the {len(files)} files in {files[0].parent.name} is one signal of "
            f"{values.shape[1]} steps; the channels are {list_ends(names, 3, 1)}"
        )
    beside = [path.name for path in sorted(folder.glob("[xX]*.txt")) if path not in files]
    action = f"not read: {list_some(beside, 3)}" if beside else ""
    findings = [Finding("PASS", "signals", message, action)]
    if any(column.name == SUBJECT for column in columns):
        message = f"subject_{folder.name}.txt names the person of each sample"
        action = "input.group=subject keeps the samples of one person in one split"
        findings.append(Finding("PASS", "subjects", message, action))
    return findings


def _named(texts: Sequence[str], folder: Path) -> list[str]:
    """Returns the names of classes, which a list beside the parts may give."""
    names = folder.parent / _NAMES
    if not names.is_file():
        return list(texts)
    pairs = [line.split(maxsplit=1) for line in _lines(names)]
    table = {pair[0]: pair[1] for pair in pairs if len(pair) == 2}
    return [table.get(text, text) for text in texts]


def _matrix(path: Path) -> NDArray[np.float64]:
    with open_text(path, "utf-8") as file:
        try:
            return np.loadtxt(file, ndmin=2, dtype=np.float64)
        except ValueError as error:
            raise DataError(
                f"{path} is not a table of numbers between blanks",
                got=str(error).partition(";")[0][:80],
                allowed="one signal per row, as many numbers in each",
            ) from None


def _lines(path: Path) -> list[str]:
    with open_text(path, "utf-8") as file:
        return [line.strip() for line in file if line.strip()]


def _classes(column: Column) -> Column:
    """Returns classes as texts: 1.0 as 1."""
    if column.kind == "number" and np.array_equal(column.values, np.floor(column.values)):
        texts = [str(int(value)) for value in column.values.tolist()]
        return strings(CLASS, texts, value_type="integer")
    return strings(CLASS, as_strings(column).texts(), value_type=column.value_type)


def _reason(layout: SignalColumns) -> str:
    if layout.either:
        return "the first column; the last one has few values, too"
    return "a few whole numbers or texts, beside columns that are alike"


def _finding(frame: Frame, layout: SignalColumns) -> Finding:
    steps = f"the columns '{layout.steps[0]}' to '{layout.steps[-1]}'"
    message = (
        f"each of {len(frame)} rows is one signal of {len(layout.steps)} steps, in {steps}; "
        f"'{layout.label}' is its class"
    )
    if layout.others:
        verb = "is" if len(layout.others) == 1 else "are"
        message += f"; {list_some(layout.others, 3)} {verb} left out"
    if frame.names[0] == "column1":
        message += "; there is no header"
    action = f"--output {layout.label} input.drop=[] reads each number as a column of its own"
    return Finding("PASS", "signals", message, action)


def _no_signals(frame: Frame, label: str | None) -> DataError:
    return DataError(
        f"the rows of {frame.origin} are not one signal and its class each",
        got="the columns " + list_ends(frame.names, 3, 1),
        allowed="columns of numbers that count steps, such as v1, v2, v3, and one of classes",
        do="" if label else "Name the column of the classes with input.label=COLUMN",
    )

"""Files .ts: signals with a class or a number each, as sktime and aeon write them.

@problemName Coffee
@univariate true
@classLabel true 0 1
@data
1.2,1.3,1.1:0              the channels, then the class, between colons
1.0,?,1.4:1                ? is a missing value
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kissipo.core.errors import DataError
from kissipo.core.frame import Column, numbers, strings
from kissipo.input.formats.files import open_text

SUFFIX = ".ts"
_FLAGS = ("@timestamps", "@classlabel", "@targetlabel")


@dataclass(frozen=True)
class SignalFile:
    """The signals of a file, with their targets if it has any.

    values:   (signal, step, channel); NaN where a value is missing, and after the end
              of a signal that is shorter than the longest one
    lengths:  the number of steps of each signal
    """

    values: NDArray[np.float64]
    lengths: NDArray[np.int64]
    target: Column | None = None


def is_signal_file(path: Path) -> bool:
    """Whether a file .ts holds signals, and not a program or a film."""
    if path.suffix.lower() != SUFFIX or not path.is_file():
        return False
    with path.open("rb") as file:
        lines = file.read(65_536).decode("utf-8", "replace").lower().splitlines()
    return any(line.strip().startswith(("@problemname", "@data", "@univariate")) for line in lines)


def read_signal_file(path: Path, name: str) -> SignalFile:
    """Reads signals, and their targets as a column of this name.

    Raises:   DataError for timestamps, for a row with another number of channels, and
              for a cell that is not a number.
    """
    rows: list[list[list[float]]] = []
    targets: list[str] = []
    with open_text(path, "utf-8") as file:
        lines = enumerate(file, 1)
        flags = _read_header(lines)
        if _is_true(flags, "@timestamps"):
            raise DataError(
                f"{path} has timestamps beside its values",
                allowed="@timeStamps false: values at even steps, 1.2,1.3,1.1:label",
                do="Bring the signals to even steps, and save them with sktime or aeon "
                "without timestamps",
            )
        is_class, is_target = _is_true(flags, "@classlabel"), _is_true(flags, "@targetlabel")
        for number, line in lines:
            text = line.strip()
            if not text or text.startswith(("#", "%")):
                continue
            parts = text.split(":")
            if is_class or is_target:
                targets.append(parts.pop().strip())
            rows.append([_numbers(part, number, path) for part in parts])
            if len(rows[-1]) != len(rows[0]) or not rows[-1]:
                raise DataError(
                    f"line {number} of {path} has {len(rows[-1])} channels, "
                    f"where the first signal has {len(rows[0])}",
                    do="Write a value, or ?, for each channel",
                )
    if not rows:
        raise DataError(f"{path} has no signals below @data", do="Give a file with signals")
    values, lengths = stacked(rows)
    if not targets:
        return SignalFile(values, lengths)
    target = _targets(name, targets, path) if is_target else strings(name, targets)
    return SignalFile(values, lengths, target)


def stacked(
    rows: Sequence[Sequence[Sequence[float]]],
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Returns signals in one array, with NaN after the end of the shorter ones.

    Example:  >>> stacked([[[1.0, 2.0]], [[3.0]]])[0][:, :, 0].tolist()
              [[1.0, 2.0], [3.0, nan]]
    """
    lengths = np.array([max(map(len, channels)) for channels in rows])
    values = np.full((len(rows), int(lengths.max()), len(rows[0])), np.nan)
    for row, channels in enumerate(rows):
        for channel, cells in enumerate(channels):
            values[row, : len(cells), channel] = cells
    return values, lengths


def _read_header(lines: Iterator[tuple[int, str]]) -> dict[str, str]:
    """Reads up to the line @data; returns the words that matter here."""
    flags: dict[str, str] = {}
    for _, line in lines:
        word, _, rest = line.strip().partition(" ")
        if word.lower() == "@data":
            break
        if word.lower() in _FLAGS:
            flags[word.lower()] = rest.strip().lower()
    return flags


def _is_true(flags: dict[str, str], word: str) -> bool:
    return flags.get(word, "").split(" ")[0] == "true"


def _numbers(text: str, number: int, path: Path) -> list[float]:
    cells = [cell.strip() for cell in text.split(",")]
    try:
        return [float("nan") if cell in ("?", "") else float(cell) for cell in cells]
    except ValueError:
        raise DataError(
            f"line {number} of {path} has a value that is not a number",
            got=text[:60],
            allowed="numbers between commas, and ? for a missing value",
        ) from None


def _targets(name: str, texts: Sequence[str], path: Path) -> Column:
    try:
        return numbers(name, [float(text) for text in texts])
    except ValueError:
        raise DataError(
            f"{path} says @targetLabel, and a target is not a number", got=texts[0][:40]
        ) from None

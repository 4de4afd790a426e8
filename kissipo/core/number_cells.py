"""Cells of columns of numbers that are not finite numbers."""

import re
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from kissipo.core.finding import Finding, format_rows
from kissipo.core.frame import Column, Frame
from kissipo.core.numpy_array import NumpyArray


def mixed_types(frame: Frame, names: Iterable[str]) -> list[Finding]:
    """Reports cells of numeric columns that are not numbers: '12,000' in row 7."""
    findings = []
    for column in (frame[name] for name in names):
        if not column.odd:
            continue
        row, text = column.odd[0]
        rows = [row for row, _ in column.odd]
        more = (
            f" ({column.odd_count} such cells: {format_rows(rows)})" if column.odd_count > 1 else ""
        )
        message = (
            f"'{text}' in row {row} of '{column.name}' is not a number, "
            f"most other cells there are{more}"
        )
        findings.append(
            Finding("FAIL", "mixed types", message, _advice(column, text), tuple(rows[:100]))
        )
    return findings


def _advice(column: Column, text: str) -> str:
    plain = text.strip().replace(" ", "")
    if any(letter.isdigit() for letter in plain) and set(plain) <= set("0123456789,.+-"):
        if "," in plain and "." not in plain.split(",")[-1] and len(plain.split(",")[-1]) == 3:
            return "write 12000 instead of 12,000, or set input.thousands=,"
        return "write it with a decimal point, or set input.decimal=,"
    return (
        "correct or empty the cell, or read the column as classes "
        f"with input.categorical=[{column.name}]"
    )


_PLACEHOLDER = re.compile(r"(9{2,}|8{2,}|7{2,})(\.\d+)?|1e\+(15|20|30|36)|9\.96921e\+36")
_MANY_NUMBERS = 12
_LIMITS = frozenset({32767.0, 32768.0, 65535.0, 2147483647.0, 2147483648.0})


def placeholders(frame: Frame, names: Iterable[str]) -> list[Finding]:
    """Reports numbers that seem to stand for a missing value: -9999 in many rows, far
    from all others."""
    findings = []
    for column in (frame[name] for name in names):
        far, negative = _placeholders_of(column.values), _only_negative(column.values)
        suspects = [("far from", *pair) for pair in far]
        for place, number, others in suspects or [("below", *pair) for pair in negative]:
            rows = frame.rows[column.values == number]
            text = f"{number:.12g}"
            findings.append(
                Finding(
                    "WARN",
                    "placeholders",
                    f"{text} stands {len(rows)} times in '{column.name}' ({format_rows(rows)}), "
                    f"{place} all other values ({others[0]:.6g} to {others[-1]:.6g})",
                    "used as a number; if it stands for a missing value, "
                    f"set input.missing_values=[{text}]",
                    tuple(int(row) for row in rows[:100]),
                )
            )
    return findings


def _only_negative(values: NumpyArray) -> Iterator[tuple[float, NDArray[np.float64]]]:
    """Yields -1 where it is the only number below 1 among many whole ones."""
    distinct, counts = np.unique(values[np.isfinite(values)], return_counts=True)
    if len(distinct) < _MANY_NUMBERS or distinct[0] != -1 or distinct[1] < 1:
        return
    if counts[0] >= 3:
        yield -1.0, distinct[1:]


def _placeholders_of(values: NumpyArray) -> Iterator[tuple[float, NDArray[np.float64]]]:
    """Yields the placeholders of a column, each with the sorted other values.

    Only the outermost values can be placeholders. 999 and -32768 are suspected where
    their distance exceeds the range of the others, any other number at ten times that.
    """
    distinct, counts = np.unique(values[np.isfinite(values)], return_counts=True)
    outer = {*range(min(4, len(distinct))), *range(max(0, len(distinct) - 4), len(distinct))}
    signs = {
        place
        for place in outer
        if _PLACEHOLDER.fullmatch(f"{abs(distinct[place]):.6g}") or abs(distinct[place]) in _LIMITS
    }
    for place in sorted(signs | {0, len(distinct) - 1} if len(distinct) else ()):
        others = np.delete(distinct, sorted(signs | {place}))
        if len(others) < (2 if place in signs else 10) or not distinct[place]:
            continue
        gap = float(np.abs(others - distinct[place]).min())
        width = float(others[-1] - others[0])
        is_far = gap > width * (1 if place in signs else 10)
        if is_far and counts[place] >= (2 if place in signs else 3):
            yield float(distinct[place]), others


def infinities(frame: Frame, names: Iterable[str]) -> list[Finding]:
    """Reports infinite numbers."""
    findings = []
    for column in (frame[name] for name in names):
        rows = frame.rows[np.isinf(column.values)]
        if len(rows):
            message = f"'{column.name}' is infinite in {format_rows(rows)}"
            findings.append(
                Finding(
                    "FAIL",
                    "infinite values",
                    message,
                    "write a number, or leave the cell empty",
                    tuple(int(row) for row in rows[:100]),
                )
            )
    return findings

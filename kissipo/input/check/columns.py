"""Columns by themselves: cells that are no numbers, infinite or missing values, columns without content, numbered rows."""

from collections.abc import Iterable

import numpy as np

from kissipo.core.finding import Finding, format_rows
from kissipo.core.frame import Column, Frame


def mixed_types(frame: Frame, names: Iterable[str]) -> list[Finding]:
    """Cells of number columns that are not numbers: '12,000' in row 7 of income."""
    findings = []
    for column in (frame[name] for name in names):
        if not column.odd:
            continue
        row, text = column.odd[0]
        rows = [row for row, _ in column.odd]
        more = (
            f" ({column.odd_count} such cells: {format_rows(rows)})" if column.odd_count > 1 else ""
        )
        message = f"'{text}' in row {row} of '{column.name}' is not a number, most other cells there are{more}"
        findings.append(
            Finding("FAIL", "mixed types", message, _advice(column, text), tuple(rows[:100]))
        )
    return findings


def _advice(column: Column, text: str) -> str:
    plain = text.strip().replace(" ", "")
    if any(letter.isdigit() for letter in plain) and set(plain) <= set("0123456789,.+-"):
        if "," in plain and "." not in plain.split(",")[-1] and len(plain.split(",")[-1]) == 3:
            return "write 12000 instead of 12,000, or say input.thousands=,"
        return "write it with a point as decimal mark, or say input.decimal=,"
    return f"correct or empty the cell, or read the column as levels with input.categorical=[{column.name}]"


def infinities(frame: Frame, names: Iterable[str]) -> list[Finding]:
    """Infinite numbers."""
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
                    _some(rows),
                )
            )
    return findings


def missing_values(frame: Frame, names: Iterable[str], *, fills: dict[str, str]) -> list[Finding]:
    """Cells without a value, and what stands in for them; `fills` says so for each column."""
    findings, whole = [], 0
    for column in (frame[name] for name in names):
        gaps = column.missing.copy()
        if column.odd:
            gaps[np.isin(frame.rows, [row for row, _ in column.odd])] = False
        count = int(gaps.sum())
        if count == 0:
            whole += 1
            continue
        rows = frame.rows[gaps]
        message = (
            f"'{column.name}' has no value in {count} of {len(frame)} rows ({format_rows(rows)})"
        )
        findings.append(
            Finding(
                "WARN",
                "missing values",
                message,
                fills.get(column.name, "read as missing"),
                _some(rows),
            )
        )
    if not findings:
        columns = "1 column" if whole == 1 else f"{whole} columns"
        findings.append(Finding("PASS", "missing values", f"no missing values in {columns}"))
    return findings


def constant_columns(frame: Frame, names: Iterable[str]) -> list[str]:
    """Names of the columns that hold at most one value."""
    return [name for name in names if _distinct(frame[name]) <= 1]


def numbered_rows(frame: Frame, names: Iterable[str]) -> list[str]:
    """Names of the columns that only number the rows, or hold another word in every row: nothing can be learned from them."""
    return [name for name in names if _is_id(frame[name])]


def _is_id(column: Column) -> bool:
    count = len(column)
    if count < 20 or column.missing.any():
        return False
    if column.kind == "number":
        steps = np.diff(column.values)
        return bool(np.all(steps == 1))
    if column.kind == "string":
        one_word = all(
            " " not in level.strip() and len(level) <= 64 for level in column.levels[:200]
        )
        return (
            one_word
            and len(column.levels) == count
            and any(any(c.isdigit() for c in level) for level in column.levels[:200])
        )
    return False


def _distinct(column: Column) -> int:
    present = column.values[~column.missing]
    if len(present) == 0:
        return 0
    return int(not np.all(present == present[0])) + 1


def _some(rows: np.ndarray) -> tuple[int, ...]:
    return tuple(int(row) for row in rows[:100])

"""Single columns: non-numeric cells, infinite and missing values, constants, IDs."""

from collections.abc import Iterable

import numpy as np

from kissipo.core.finding import Finding, format_rows
from kissipo.core.frame import Column, Frame


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
                    _first_rows(rows),
                )
            )
    return findings


def missing_values(
    frame: Frame, names: Iterable[str], *, imputation: dict[str, str]
) -> list[Finding]:
    """Reports missing values; `fills` says for each column how they are imputed."""
    findings, complete = [], 0
    for column in (frame[name] for name in names):
        gaps = column.missing.copy()
        if column.odd:
            gaps[np.isin(frame.rows, [row for row, _ in column.odd])] = False
        count = int(gaps.sum())
        if count == 0:
            complete += 1
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
                imputation.get(column.name, "read as missing"),
                _first_rows(rows),
            )
        )
    if not findings:
        columns = "1 column" if complete == 1 else f"{complete} columns"
        findings.append(Finding("PASS", "missing values", f"no missing values in {columns}"))
    return findings


def constant_columns(frame: Frame, names: Iterable[str]) -> list[str]:
    """Returns the names of the columns with at most one distinct value."""
    return [name for name in names if _distinct(frame[name]) <= 1]


def numbered_rows(frame: Frame, names: Iterable[str]) -> list[str]:
    """Returns the names of ID columns, from which nothing can be learned.

    They number the rows, or have another code in every row.
    """
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
            " " not in level.strip() and len(level) <= 64 for level in column.categories[:200]
        )
        return (
            one_word
            and len(column.categories) == count
            and any(any(c.isdigit() for c in level) for level in column.categories[:200])
        )
    return False


def _distinct(column: Column) -> int:
    present = column.values[~column.missing]
    if len(present) == 0:
        return 0
    return int(not np.all(present == present[0])) + 1


def _first_rows(rows: np.ndarray) -> tuple[int, ...]:
    return tuple(int(row) for row in rows[:100])

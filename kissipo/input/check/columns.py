"""Single columns: missing values, constants, IDs."""

from collections.abc import Iterable

import numpy as np

from kissipo.core.finding import Finding, format_rows
from kissipo.core.frame import Column, Frame


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

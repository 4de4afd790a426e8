"""Cells of columns of numbers that are not finite numbers."""

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
                    tuple(int(row) for row in rows[:100]),
                )
            )
    return findings

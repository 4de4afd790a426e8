"""The header of a sheet, and what stands above it.

Lines above the header have cells in at most half of the columns, and the header is a
row of texts below them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from kissipo.core.errors import DataError
from kissipo.core.finding import Finding, format_rows
from kissipo.input.formats.delimited import Layout
from kissipo.input.formats.header import (
    SAMPLE,
    column_names,
    lines_above_header,
    missing_header,
    sign_of_data,
)
from kissipo.input.formats.preamble import is_header_row
from kissipo.input.formats.sheet_cells import Cell, Rows, cell_text

_MIN_ROWS = 3
_MAX_LINES = 30


class SheetTable(NamedTuple):
    """The names of the columns of a sheet, its rows of data, and the findings."""

    names: list[str]
    rows: Rows
    findings: list[Finding]


def split_header(path: Path, rows: Rows, layout: Layout) -> SheetTable:
    """Splits the rows of a sheet into the names of its columns and its data.

    Raises:   DataError for a sheet without cells or rows of data, and for a wrong
              number of names.
    """
    if not rows:
        raise DataError(f"{path} has no cells", do="Give a sheet with a header and rows of data")
    findings: list[Finding] = []
    above = _rows_above(rows, layout)
    if above and layout.skip_lines is None:
        texts = [" ".join(filter(None, map(cell_text, row))) for _, row in above]
        findings.append(lines_above_header(path.name, texts, rows[len(above)][0]))
    rows = rows[len(above) :]
    blank = [line for line, row in rows if not any(map(cell_text, row))]
    rows = [(line, row) for line, row in rows if line not in set(blank)]
    if layout.names:
        names = list(layout.names)
    else:
        names, more, rows = _named(path, rows)
        findings += more
    if not rows:
        raise DataError(
            f"{path} has a header but no rows",
            got="the columns " + ", ".join(names),
            do="Add rows of data below the header",
        )
    if len(names) != len(rows[0][1]):
        raise DataError(
            f"input.header has {len(names)} names, and the sheet of {path} "
            f"{len(rows[0][1])} columns",
            do="Name every column",
        )
    if blank:
        where = format_rows(blank).replace("row", "line")
        message = f"{len(blank)} blank lines in {path.name} ({where})"
        findings.append(Finding("WARN", "blank lines", message, "left out"))
    return SheetTable(names, rows, findings)


def _named(path: Path, rows: Rows) -> tuple[list[str], list[Finding], Rows]:
    """Returns the names of the columns, what is to be reported, and the rows below."""
    header = [cell_text(cell) for cell in rows[0][1]] if rows else []
    sample = [list(map(cell_text, row)) for _, row in rows[1 : SAMPLE + 1]]
    sign = sign_of_data(header, sample)
    if sign:
        names, finding = missing_header(path.name, len(header), sign)
        return names, [finding], rows
    names, findings = column_names(header, path, line=" ".join(header))
    return names, findings, rows[1:]


def _rows_above(rows: Rows, layout: Layout) -> Rows:
    """Returns the rows above the header, or above the data where its names are set."""
    if layout.skip_lines is not None or layout.names:
        return [(line, row) for line, row in rows if line <= (layout.skip_lines or 0)]
    width = len(rows[0][1])
    above = list(takewhile(lambda numbered: 2 * _filled(numbered[1]) <= width, rows[:_MAX_LINES]))
    below = rows[len(above) :]
    if not above or len(below) <= _MIN_ROWS or not _is_header(below[0][1]):
        return []
    return above if width > 2 or _has_types([row for _, row in below[1:]]) else []


def _filled(row: Sequence[Cell]) -> int:
    return sum(bool(cell_text(cell)) for cell in row)


def _is_header(row: Sequence[Cell]) -> bool:
    return is_header_row(list(map(cell_text, row)))


def _has_types(rows: Sequence[Sequence[Cell]]) -> bool:
    """Whether a column holds something else than texts, as a header does not."""
    return any(
        not any(isinstance(cell, str) and cell for cell in cells)
        for cells in zip(*rows, strict=True)
    )

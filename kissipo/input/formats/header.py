"""The first line of a table: names of the columns, or already a row of data?

It counts as data only if two conditions hold. Every cell fits its column, and at least
one cell can hardly be a name:
- its value occurs again in the column,
- it is a date or a code in the format of the cells below,
- the numbers do not rise from left to right (years and counts in a header do).
In doubt the line is a header.
"""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from kissipo.core.errors import DataError
from kissipo.core.finding import Finding, counted
from kissipo.core.frame import Column, Frame
from kissipo.core.text import is_number, list_ends, list_some, shorten
from kissipo.input.cells.cell_blanks import BLANKS, restored
from kissipo.input.cells.cells import ColumnBuilder
from kissipo.input.cells.number_columns import CellOptions, type_cells
from kissipo.input.cells.number_texts import split_number, value
from kissipo.input.cells.sixties import split_sixties
from kissipo.input.cells.text_column import is_missing

SAMPLE = 1000
_PROSE, _MIN_COUNTED = 3, 4


def sign_of_data(first: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Returns why the first line must be a row of data, or '' if it may be a header.

    Example:  >>> rows = [["ham", "See you soon then"], ["spam", "Call now to win"]]
              >>> rows += [["ham", "Ok, good night"]]
              >>> sign_of_data(["ham", "I am home again"], rows)
              "'ham' occurs again in its column"
              >>> sign_of_data(["kind", "message"], rows)
              ''
    """
    rows = [row for row in rows if len(row) == len(first)]
    if not rows:
        return ""
    others = [row for row in rows if list(row) != list(first)]
    if 0 < len(others) < len(rows) and not any(
        cell in cells for cell, cells in zip(first, zip(*others, strict=True), strict=True)
    ):
        return ""  # a header that is repeated, as its cells stand nowhere else
    numbers, signs = [], []
    for cell, cells in zip(first, zip(*rows, strict=True), strict=True):
        cell = restored(cell.strip(BLANKS))
        builder = ColumnBuilder("", blanks=BLANKS)
        builder.add(cells)
        column = type_cells(Frame((builder.finish(),)), CellOptions()).frame.columns[0]
        if is_missing(cell):
            continue
        if column.kind == "number":
            number = split_number(cell) or split_sixties(cell)
            if number is None:
                return ""
            numbers.append(value(number, "," if number.evidence == "comma" else "."))
            continue
        sign = _sign_of_text(cell, column)
        if sign is None:
            return ""
        signs.append(sign)
    if any(right <= left for left, right in pairwise(numbers)):
        signs.append("its cells are numbers like those below, and in no order")
    return next(filter(None, signs), "")


def lines_above_header(name: str, above: Sequence[str], line: int) -> Finding:
    """Reports the lines above the header, which has this line number."""
    listed = list_some([f"'{shorten(text, 40)}'" for text in above if text], 3)
    return Finding(
        "WARN",
        "lines above the header",
        f"{name} has {counted(len(above), 'line')} above its header: {listed}",
        f"left out; the header is line {line}; "
        "set input.skip_lines=0 if the first line is the header",
    )


def second_line_of_header(line: int, cells: Sequence[str]) -> Finding:
    """Reports a second line that begins with #, as the header does."""
    listed = list_some([f"'{shorten(cell.strip(), 20)}'" for cell in cells], 4)
    message = f"line {line} begins with # as the header does: {listed}"
    return Finding("WARN", "header of two lines", message, "left out")


def missing_header(name: str, width: int, sign: str) -> tuple[list[str], Finding]:
    """Returns the column names of a file without a header, and the finding.

    sign:   why its first line must be a row of data
    """
    names = [f"column{position}" for position in range(1, width + 1)]
    finding = Finding(
        "WARN",
        "no header",
        f"{name} seems to have no header: its first line looks like a row of data ({sign})",
        f"read as row 1; the columns are called {list_ends(names, 2, 1)}; "
        "set their names with input.header=[name, name, ...]",
        (1,),
    )
    return names, finding


def _counts_columns(cells: Sequence[str]) -> bool:
    """Whether a header counts the columns, as pandas writes those without names."""
    counted_from = [[str(first + place) for place in range(len(cells))] for first in (0, 1)]
    return len(cells) >= _MIN_COUNTED and list(cells) in counted_from


def column_names(
    header: Sequence[str], path: Path, *, line: str
) -> tuple[list[str], list[Finding]]:
    """Returns the column names that a header gives, and reports those that it lacks.

    line:     the line of the header, for the error
    Raises:   DataError for a repeated name, and for a header of nothing but numbers.
    """
    written = [restored(cell).strip() for cell in header]
    names = [name or f"column{position}" for position, name in enumerate(written, 1)]
    unnamed = [name for name, cell in zip(names, written, strict=True) if not cell]
    findings = []
    if unnamed:
        findings.append(
            Finding(
                "WARN",
                "unnamed columns",
                f"{len(unnamed)} columns have no name in the header",
                "called " + ", ".join(unnamed),
            )
        )
    counts = Counter(names)
    repeated = sorted(name for name, count in counts.items() if count > 1)
    if repeated:
        raise DataError(
            f"{path} has the column '{repeated[0]}' {counts[repeated[0]]} times in its header",
            do="Give every column its own name",
        )
    if all(map(is_number, header)) and not _counts_columns(written):
        raise DataError(
            f"{path} seems to have no header: its first line has only numbers",
            got=line[:80],
            do="Put the names of the columns in the first line, "
            "or set them with input.header=[name, name, ...]",
        )
    return names, findings


def _sign_of_text(cell: str, column: Column) -> str | None:
    """Returns why a cell is not a name; '' if it is unclear, None if it is a name."""
    count = column.counts().get(cell, 0)
    if count >= max(2, len(column) / 100):
        return f"'{cell}' occurs again in its column"
    pattern = _format(cell)
    if pattern != cell and 2 * sum(_format(level) == pattern for level in column.categories) >= len(
        column.categories
    ):
        return f"'{cell}' has the format of the cells below it"
    prose = 2 * sum(_is_prose(level) for level in column.categories) >= len(column.categories)
    return "" if count or (prose and _is_prose(cell)) else None


def _format(cell: str) -> str:
    """Returns the format of a cell: each number is replaced by the same character."""
    return re.sub(r"\d+", "\0", cell)


def _is_prose(cell: str) -> bool:
    return len(cell.split()) >= _PROSE

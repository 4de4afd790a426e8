"""The first line of a table: names of the columns, or already a row of data?

It is taken for data only when every cell of it could stand in its column and at least one can hardly be a name: a level that
recurs below, a date or code written like the ones below, numbers that do not rise from left to right (years and counts in a
header do). Whatever can be doubted is a header.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

from kissipo.core.frame import Column
from kissipo.input.formats.cells import ColumnBuilder, NumberStyle, is_missing

SAMPLE = 1000
_PROSE = 3


def sign_of_data(first: Sequence[str], rows: Sequence[Sequence[str]], style: NumberStyle) -> str:
    """Why the first line must be a row of data like those below it, or '' when it may be a header.

    Example:  >>> rows = [["ham", "See you soon then"], ["spam", "Call now to win"], ["ham", "Ok, good night"]]
              >>> sign_of_data(["ham", "I am home again"], rows, NumberStyle())
              "'ham' recurs in its column below"
              >>> sign_of_data(["kind", "message"], rows, NumberStyle())
              ''
    """
    rows = [row for row in rows if len(row) == len(first)]
    if not rows:
        return ""
    numbers, signs = [], []
    for cell, cells in zip(first, zip(*rows, strict=True), strict=True):
        builder = ColumnBuilder("", style)
        builder.add(cells, 1)
        column = builder.finish()
        if is_missing(cell):
            continue
        if column.kind == "number":
            try:
                numbers.append(style.read(cell))
            except ValueError:
                return ""
            continue
        sign = _sign_of_text(cell, column)
        if sign is None:
            return ""
        signs.append(sign)
    if any(right <= left for left, right in pairwise(numbers)):
        signs.append("its numbers stand above numbers, and in no order")
    return next(filter(None, signs), "")


def _sign_of_text(cell: str, column: Column) -> str | None:
    """Why a cell is no name of its column; '' when it may be one or the other, None when it is one."""
    count = column.counts().get(cell, 0)
    if count >= max(2, len(column) / 100):
        return f"'{cell}' recurs in its column below"
    shape = _shape(cell)
    if shape != cell and 2 * sum(_shape(level) == shape for level in column.levels) >= len(
        column.levels
    ):
        return f"'{cell}' is written like the cells below it"
    prose = 2 * sum(_is_prose(level) for level in column.levels) >= len(column.levels)
    return "" if count or (prose and _is_prose(cell)) else None


def _shape(cell: str) -> str:
    """The cell with each number in it as the same mark: dates and codes of one style are equal."""
    return re.sub(r"\d+", "\0", cell)


def _is_prose(cell: str) -> bool:
    return len(cell.split()) >= _PROSE

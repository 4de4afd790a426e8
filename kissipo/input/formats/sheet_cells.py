"""Cells of a spreadsheet, which have types, as columns.

Numbers, dates and true/false stay what they are. A duration becomes seconds. A text
beside numbers is a number where it can be read in one way only (`12,5`); dates that
stand beside dates in words, or beside numbers, are refused: a program that took the day
for the month leaves such a column.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path

import numpy as np

from kissipo.core.errors import DataError
from kissipo.core.finding import Finding
from kissipo.core.frame import Column, strings, times
from kissipo.core.text import list_some
from kissipo.core.time.timestamps import looks_like_time
from kissipo.input.cells.cell_blanks import BLANKS
from kissipo.input.cells.cells import mixed
from kissipo.input.cells.number_texts import is_code, split_number, value
from kissipo.input.cells.text_column import is_missing

Cell = str | int | float | bool | datetime | date | time | timedelta | None
Rows = list[tuple[int, list[Cell]]]
Merge = tuple[tuple[int, int], tuple[int, int]]


def trimmed(rows: Rows) -> Rows:
    """Returns the rows from the first to the last that has a cell, without the columns
    that have none; each row has the number of its line."""
    filled = [place for place, (_, row) in enumerate(rows) if any(map(_is_filled, row))]
    if not filled:
        return []
    rows = rows[filled[0] : filled[-1] + 1]
    places = [
        place
        for place, cells in enumerate(zip(*(row for _, row in rows), strict=True))
        if any(map(_is_filled, cells))
    ]
    return [(line, [row[place] for place in places]) for line, row in rows]


def filled_merges(rows: Rows, merges: Sequence[Merge]) -> tuple[Rows, list[Finding]]:
    """Returns the rows with the value of merged cells in each row that they cover."""
    tall = [merge for merge in merges if merge[1][0] > merge[0][0]]
    for (first, column), (last, _) in tall:
        for line in range(first + 1, min(last + 1, len(rows))):
            rows[line][1][column] = rows[first][1][column]
    if not tall:
        return rows, []
    finding = Finding(
        "WARN",
        "merged cells",
        "cells are merged over several rows: " + list_some([_address(merge) for merge in tall], 5),
        "each of these rows has the value of its merged cell",
    )
    return rows, [finding]


def with_percent(rows: Rows, places: Collection[tuple[int, int]]) -> None:
    """Writes cells with a format of percent as a CSV file has them: 0.25 as 25%.

    In their columns, the other numbers become texts, too, so that one rule reads both.

    places:   line and column of the cells, from 1
    """
    columns = {column - 1 for _, column in places}
    for line, row in rows:
        for column in columns & set(range(len(row))):
            cell = row[column]
            if isinstance(cell, bool) or not isinstance(cell, int | float):
                continue
            is_percent = (line, column + 1) in places
            row[column] = _plain_text(100 * cell) + "%" if is_percent else _plain_text(cell)


def _plain_text(number: float) -> str:
    """Returns a number as a text without another reading: three digits behind the point
    get a zero.

    Example:  >>> _plain_text(7.000000000000001), _plain_text(1.234)
              ('7', '1.2340')
    """
    text = f"{number:.12g}"
    return text + "0" if len(text.partition(".")[2]) == 3 else text


def _address(merge: Merge) -> str:
    """Returns the range of merged cells as A2:A4."""
    names = []
    for row, column in merge:
        letters = ""
        column += 1
        while column:
            column, rest = divmod(column - 1, 26)
            letters = chr(65 + rest) + letters
        names.append(f"{letters}{row + 1}")
    return ":".join(names)


def cell_text(cell: Cell) -> str:
    """Returns a cell as it would stand in a CSV file.

    Example:  >>> cell_text(3.0), cell_text(True), cell_text(date(2024, 1, 31))
              ('3', 'true', '2024-01-31')
    """
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ")
    if isinstance(cell, date | time):
        return cell.isoformat()
    plain = _plain(cell)
    return "" if plain is None else str(plain).lower() if isinstance(plain, bool) else str(plain)


def sheet_column(name: str, cells: Sequence[Cell], path: Path) -> Column:
    """Returns the column of these cells.

    Raises:   DataError for dates beside numbers or dates in words, and for texts among
              numbers that are two numbers (1,234).
    """
    dates = [cell for cell in cells if isinstance(cell, date)]
    if not dates:
        plain = [cell if not isinstance(cell, time) else cell.isoformat() for cell in cells]
        return mixed(name, _read_numbers(name, [_plain(cell) for cell in plain], path))
    _refuse_half_dates(name, cells, path)
    if len(dates) < sum(map(_is_filled, cells)):
        return strings(name, [cell_text(cell) or None for cell in cells])
    return times(
        name,
        [np.datetime64(cell if isinstance(cell, date) else "NaT", "us") for cell in cells],
    )


def duration_finding(names: Sequence[str], rows: Rows) -> list[Finding]:
    """Reports columns of durations, which are read as seconds."""
    with_durations = [
        f"'{name}'"
        for place, name in enumerate(names)
        if any(isinstance(row[place], timedelta) for _, row in rows)
    ]
    if not with_durations:
        return []
    return [
        Finding(
            "PASS", "durations", f"{list_some(with_durations, 5)} has durations", "read as seconds"
        )
    ]


def _is_filled(cell: Cell) -> bool:
    return _plain(cell) is not None


def _plain(cell: Cell) -> Cell:
    """Returns a cell as a plain value: None where it is empty, 3 for 3.0."""
    if isinstance(cell, str):
        text = cell.strip(BLANKS + "\n\r")
        return None if is_missing(text) else text
    if isinstance(cell, timedelta):
        cell = cell.total_seconds()
    if isinstance(cell, float) and cell.is_integer():
        return int(cell)
    return cell


def _read_numbers(name: str, cells: list[Cell], path: Path) -> list[Cell]:
    """Returns cells in which texts among numbers are numbers."""
    if not any(isinstance(cell, int | float) and not isinstance(cell, bool) for cell in cells):
        return cells
    read: list[Cell] = []
    for row, cell in enumerate(cells, 1):
        part = split_number(cell) if isinstance(cell, str) and not is_code(cell) else None
        if part is None or part.mark:
            read.append(cell)
        elif part.evidence in ("point?", "comma?"):
            raise DataError(
                f"'{cell}' in row {row} of '{name}' of {path} is a text among numbers",
                got=f"{value(part, '.'):.12g} or {value(part, ','):.12g}",
                do="Write it as a number in the sheet",
            )
        else:
            read.append(value(part, "," if part.evidence == "comma" else "."))
    return read


def _refuse_half_dates(name: str, cells: Sequence[Cell], path: Path) -> None:
    """Raises DataError for a column in which only some of the dates are dates."""
    for row, cell in enumerate(cells, 1):
        plain = _plain(cell)
        is_text = isinstance(plain, str)
        is_date = isinstance(plain, date) or plain is None
        if not is_date and (not is_text or looks_like_time(strings(name, [str(plain)]))):
            kind = "a time" if isinstance(plain, time) else "a number"
            what = "a text" if is_text else kind
            raise DataError(
                f"'{cell_text(cell)}' in row {row} of '{name}' of {path} is {what}, "
                "where other cells of the column are dates",
                do="Make all of them dates in the sheet, and look whether days and months "
                "were swapped",
            )

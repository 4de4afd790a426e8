"""Lines above the header of a delimited file: a title, the station, the unit.

They are recognized by their few cells, where all lines below have the same number.

Example:  >>> lines = ["Station: Praha", "Unit: mm", "day;rain", "1;2", "2;0", "3;1"]
          >>> find_preamble(lines, ",;")
          (';', 2)
          >>> find_preamble(["day;rain", "1;2", "2;0", "3;1"], ",;") is None
          True
"""

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

from kissipo.input.cells.number_texts import split_number
from kissipo.input.formats.note_lines import is_note

_MIN_ROWS = 3
_MAX_LINES = 30


def find_preamble(lines: Sequence[str], separators: Iterable[str]) -> tuple[str, int] | None:
    """Returns the separator and the number of lines above the header, if there are
    any."""
    tables = {separator: _rows(lines, separator) for separator in separators}
    if any(map(_is_even, tables.values())):
        return None
    results = [
        (separator, count, width)
        for separator, rows in tables.items()
        for count, width in [_lines_above(rows)]
        if count
    ]
    if not results:
        return None
    separator, count, _ = max(results, key=lambda result: result[2])
    return separator, count


def _rows(lines: Sequence[str], separator: str) -> list[tuple[int, list[str]]]:
    """Returns the rows that are not blank, each with the number of its last line."""
    reader = csv.reader(lines, delimiter=separator)
    try:
        rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error:  # the reader of the whole file refuses it, with its line
        return []
    return _without_notes(rows)


def _without_notes(rows: list[tuple[int, list[str]]]) -> list[tuple[int, list[str]]]:
    """Returns the rows without notes at the end, and without comments below others."""
    width = max((len(row) for _, row in rows), default=0)
    while len(rows) > 1 and len(rows[-1][1]) < width and is_note(rows[-1][1]):
        rows = rows[:-1]
    first = next((n for n, (_, row) in enumerate(rows) if not row[0].startswith("#")), 0)
    return [
        pair
        for number, pair in enumerate(rows)
        if number < first or len(pair[1]) == width or not pair[1][0].startswith("#")
    ]


def _is_even(rows: Sequence[tuple[int, list[str]]]) -> bool:
    """Whether all rows have as many cells as the first, which can be a header."""
    widths = {len(row) for _, row in rows}
    return len(widths) == 1 and max(widths) > 1 and not _is_title(rows[0][1], max(widths))


def _lines_above(rows: Sequence[tuple[int, list[str]]]) -> tuple[int, int]:
    """Returns the number of lines above the header, and the number of columns."""
    if len(rows) < _MIN_ROWS:
        return 0, 0
    last = rows[-max(_MIN_ROWS, len(rows) // 4) :]
    width = Counter(len(row) for _, row in last).most_common(1)[0][0]
    above = 0
    while above < min(len(rows), _MAX_LINES) and _is_above(rows[above][1], width):
        above += 1
    body = [row for _, row in rows[above:]]
    if width < 2 or not above or len(body) < _MIN_ROWS or {len(row) for row in body} != {width}:
        return 0, 0
    is_header = is_header_row(body[0])
    return (rows[above][0] - 1, width) if is_header else (0, 0)


def is_header_row(row: Sequence[str]) -> bool:
    """Whether cells are names: texts, or whole numbers that follow each other, such as
    years behind a text. The last cells may be empty, as a separator at the end leaves
    them.

    Example:  >>> is_header_row(["x", "1960", "1961", "1962"])
              True
    """
    cells = [cell.strip() for cell in row]
    while len(cells) > 1 and not cells[-1]:
        cells.pop()
    if not all(cells) or split_number(cells[0]) is not None:
        return False
    numbers = [cell for cell in cells if split_number(cell) is not None]
    if not numbers:
        return len(cells) == len(row)
    if len(numbers) < _MIN_ROWS or not all(map(str.isdigit, numbers)):
        return False
    return {int(right) - int(left) for left, right in pairwise(numbers)} in ({1}, {-1})


def _is_above(row: Sequence[str], width: int) -> bool:
    """Whether a row has too few cells to be the header of so many columns."""
    is_comment = row[0].startswith("#") and len(row) != width
    return is_comment or 2 * len(row) <= width or _is_title(row, width)


def _is_title(row: Sequence[str], width: int) -> bool:
    """Whether only the first of several cells is filled."""
    return width > 2 and bool(row[0].strip()) and not any(cell.strip() for cell in row[1:])

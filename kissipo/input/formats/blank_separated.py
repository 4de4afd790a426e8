"""Tables whose cells are separated by one or several blanks, mostly of numbers.

Example:  >>> are_split_by_blanks(["  1.0  2.5 7", " 12.0  3.5 8"])
          True
          >>> are_split_by_blanks(["full name", "Ada Lovelace", "Alan Turing"])
          False
"""

import csv
from collections.abc import Iterable, Iterator, Sequence

from kissipo.input.cells.number_texts import split_number

_MIN_SHARE = 0.6


def are_split_by_blanks(lines: Sequence[str]) -> bool:
    """Whether lines without another separator are rows of numbers between blanks.

    Two words per line may be one cell: they must both be numbers, below a header of
    two words.
    """
    rows = list(csv.reader(single_blanks(lines), delimiter=" "))
    widths, body = {len(row) for row in rows}, [cell for row in rows[1:] for cell in row]
    if len(widths) != 1 or widths == {1} or not body:
        return False
    if widths == {2}:
        return all(split_number(cell) is not None for cell in body)
    digits = sum(any(map(str.isdigit, cell)) and not _has_letters(cell) for cell in body)
    return digits >= _MIN_SHARE * len(body)


def single_blanks(lines: Iterable[str]) -> Iterator[str]:
    """Yields the lines with one blank between two cells, and none around them."""
    for line in lines:
        yield " ".join(line.split()) + "\n"


def _has_letters(cell: str) -> bool:
    return any(letter.isalpha() and letter not in "eE" for letter in cell)

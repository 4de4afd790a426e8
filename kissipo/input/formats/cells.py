"""Cells: text cells become columns, chunk by chunk, so large files fit in memory.

A column is numeric as long as its cells are plain numbers or missing. All other columns
keep their distinct texts, from which `number_columns` reads numbers such as `12.345,6`.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kissipo.core.frame import Column, strings
from kissipo.input.formats.number_columns import ODD_SHARE
from kissipo.input.formats.number_texts import is_code

MISSING = frozenset({"", "na", "n/a", "nan", "null", "?", "#n/a", "<na>"})
BLANKS = " \t\u00a0\u2007\u2009\u202f\u3000"
PROTECTED = "".join(chr(0xE000 + position) for position in range(len(BLANKS)))
_NAN = dict.fromkeys(("", "NA", "N/A", "na", "n/a", "null", "NULL", "?", "#N/A", "<NA>"), "nan")
_SAMPLE = 1000
_EXACT = 2.0**53
_RESTORED = str.maketrans(PROTECTED, BLANKS)


def is_missing(cell: str) -> bool:
    """Whether a cell stands for a missing value.

    Example:  >>> is_missing(" NA "), is_missing("0"), is_missing("none")
              (True, False, False)
    """
    return cell.strip().lower() in MISSING


def restored(cell: str) -> str:
    """Returns a cell with the blanks that were protected inside its quotes."""
    return cell if cell.isascii() else cell.translate(_RESTORED)


def mixed(name: str, values: Sequence[Any]) -> Column:
    """Makes a column of typed values; a few texts among numbers become odd cells.

    Example:  >>> mixed("age", [31, None, *range(40), "old"]).odd
              ((43, 'old'),)
              >>> mixed("kind", [True, None, "a", 7]).texts()
              ['true', None, 'a', '7']
    """
    present = [value for value in values if value is not None]
    if any(isinstance(value, int) and is_code(str(value)) for value in present):
        return strings(name, [None if value is None else _text(value) for value in values])
    odd = sum(isinstance(value, str | bool) for value in present)
    if not present or odd > ODD_SHARE * len(present):
        texts = [None if value is None else _text(value) for value in values]
        texts = [None if text is None or is_missing(text) else text for text in texts]
        are_booleans = bool(present) and all(isinstance(value, bool) for value in present)
        return strings(name, texts, value_type="boolean" if are_booleans else None)
    numbers, odd_cells = np.full(len(values), np.nan), []
    for row, value in enumerate(values, 1):
        if isinstance(value, str | bool):
            odd_cells += [] if is_missing(str(value)) else [(row, _text(value))]
        elif value is not None:
            numbers[row - 1] = _number(value)
    return Column(name, "number", numbers, odd=tuple(odd_cells), odd_count=len(odd_cells))


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(value: int | float) -> float:
    try:
        return float(value)
    except OverflowError:  # an integer with more than 308 digits
        return float("inf") if value > 0 else float("-inf")


@dataclass
class ColumnBuilder:
    """A builder of one column, which grows by chunks of cells.

    points:   whether a point may stand in a plain number
    blanks:   characters around a cell that do not belong to its value
    values:   texts in lower case that are values here, although they are marks of a
              missing value elsewhere
    """

    name: str
    as_text: bool = False
    points: bool = True
    blanks: str = ""
    values: frozenset[str] = frozenset()
    sample: tuple[str, ...] = ()
    failed: bool = False
    _numbers: list[NDArray[np.float64]] = field(default_factory=list)
    _codes: list[NDArray[np.int32]] = field(default_factory=list)
    _classes: dict[str, int] = field(default_factory=dict)
    _codes_of: dict[str, int] = field(default_factory=dict)

    def add(self, cells: Sequence[str]) -> None:
        """Appends cells. Where plain numbers turn out to be texts, `failed` is set: the
        file must be read again, with this column as text."""
        if not self.as_text and not self._numbers and not self._codes:
            self.sample = tuple(cells[:_SAMPLE])
            self.as_text = self._plain_numbers(self.sample) is None or any(
                map(is_code, self.sample)
            )
        if self.as_text:
            self._add_texts(cells)
            return
        values = self._plain_numbers(cells)
        if values is not None:
            self._numbers.append(values)
        elif self._numbers:
            self.failed = True
        else:
            self.as_text = True
            self._add_texts(cells)

    def finish(self) -> Column:
        """Returns the finished column."""
        if self.as_text:
            codes = np.concatenate(self._codes) if self._codes else np.zeros(0, np.int32)
            return Column(self.name, "string", codes, tuple(self._classes))
        values = np.concatenate(self._numbers) if self._numbers else np.zeros(0)
        return Column(self.name, "number", values)

    @property
    def joined(self) -> list[str]:
        """The values that differ only in the blanks around their cells."""
        forms = Counter(self._codes_of.values())
        classes = list(self._classes)
        return [classes[code] for code, count in forms.items() if count > 1 and code >= 0]

    @property
    def null_texts(self) -> list[str]:
        """The texts that were read as missing values, such as NA."""
        cells = (cell.strip(self.blanks or None) for cell in self._absent_cells())
        return sorted({cell for cell in cells if cell})

    def _absent_cells(self) -> list[str]:
        return [cell for cell, code in self._codes_of.items() if code < 0]

    def _plain_numbers(self, cells: Sequence[str]) -> NDArray[np.float64] | None:
        """Returns the cells as plain numbers, or None if one of them is not."""
        text = "".join(cells)
        if "_" in text or not (self.points or "." not in text):
            return None
        try:
            values = np.array([float(cell) if cell else np.nan for cell in cells])
        except ValueError:
            try:
                values = np.array(
                    [np.nan if is_missing(cell) else float(cell) for cell in cells], np.float64
                )
            except ValueError:
                return None
        large = np.flatnonzero(np.abs(values) >= _EXACT).tolist()
        return None if any(is_code(cells[row]) for row in large) else values

    def _add_texts(self, cells: Sequence[str]) -> None:
        codes, classes = self._codes_of, self._classes
        for cell in dict.fromkeys(cells):
            if cell not in codes:
                text = restored(cell.strip(self.blanks)) if self.blanks else cell
                is_absent = is_missing(text) and text.lower() not in self.values
                codes[cell] = -1 if is_absent else classes.setdefault(text, len(classes))
        self._codes.append(np.fromiter(map(codes.__getitem__, cells), np.int32, len(cells)))

"""Cells: text cells become typed columns, chunk by chunk, so large files fit in memory.

A column is numeric as long as its cells are numbers or missing. A few other cells
(`12,000`) are kept with their rows for the data check. Where more than a tenth of the
cells are not numbers, the column is text.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kissipo.core.frame import Column, strings

MISSING = frozenset({"", "na", "n/a", "nan", "null", "?", "#n/a", "<na>"})
ODD_SHARE = 0.1
_NAN = dict.fromkeys(("", "NA", "N/A", "na", "n/a", "null", "NULL", "?", "#N/A", "<NA>"), "nan")
_MAX_ODD = 1000


def is_missing(cell: str) -> bool:
    """Whether a cell stands for a missing value.

    Example:  >>> is_missing(" NA "), is_missing("0"), is_missing("none")
              (True, False, False)
    """
    return cell.strip().lower() in MISSING


def mixed(name: str, values: Sequence[Any]) -> Column:
    """Makes a column of typed values; a few texts among numbers become odd cells.

    Example:  >>> mixed("age", [31, None, *range(40), "old"]).odd
              ((43, 'old'),)
              >>> mixed("kind", [True, None, "a", 7]).texts()
              ['true', None, 'a', '7']
    """
    present = [value for value in values if value is not None]
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


@dataclass(frozen=True)
class NumberStyle:
    """The style of numbers: decimal separator and thousands separator (none)."""

    decimal: str = "."
    thousands: str = ""

    @property
    def plain(self) -> bool:
        """Whether Python's own `float` reads this style."""
        return self.decimal == "." and not self.thousands

    def read(self, cell: str) -> float:
        """Reads one number.

        Raises:   ValueError when the cell is not a number in this style.
        Example:  >>> NumberStyle(decimal=",", thousands=".").read("12.000,5")
                  12000.5
        """
        if self.thousands:
            cell = cell.replace(self.thousands, "")
        if self.decimal != ".":
            if "." in cell:
                raise ValueError(cell)
            cell = cell.replace(self.decimal, ".")
        if "_" in cell:
            raise ValueError(cell)
        return float(cell)


@dataclass
class ColumnBuilder:
    """A builder of one column, which grows by chunks of cells."""

    name: str
    style: NumberStyle = NumberStyle()
    as_text: bool = False
    _numbers: list[NDArray[np.float64]] = field(default_factory=list)
    _codes: list[NDArray[np.int32]] = field(default_factory=list)
    _classes: dict[str, int] = field(default_factory=dict)
    _codes_of: dict[str, int] = field(default_factory=dict)
    _odd: list[tuple[int, str]] = field(default_factory=list)
    _odd_count: int = 0
    _present: int = 0

    def add(self, cells: Sequence[str], first_row: int) -> None:
        """Appends cells; `first_row` is the row number of the first cell."""
        if not self.as_text and first_row == 1 and self._is_text(cells[:1000]):
            self.as_text = True
        if self.as_text:
            self._add_texts(cells)
        else:
            self._add_numbers(cells, first_row)

    @property
    def must_be_text(self) -> bool:
        """Whether the column turned out to be text; the file must be read again."""
        return not self.as_text and self._odd_count > ODD_SHARE * max(1, self._present)

    def finish(self) -> Column:
        """Returns the finished column."""
        if self.as_text:
            codes = np.concatenate(self._codes) if self._codes else np.zeros(0, np.int32)
            return Column(self.name, "string", codes, tuple(self._classes))
        values = np.concatenate(self._numbers) if self._numbers else np.zeros(0)
        return Column(self.name, "number", values, odd=tuple(self._odd), odd_count=self._odd_count)

    def _is_text(self, cells: Sequence[str]) -> bool:
        """Whether the first rows are mostly not numbers, or have leading zeros."""
        present = [cell for cell in cells if not is_missing(cell)]
        if not present:
            return False
        odd = sum(not self._reads(cell) for cell in present)
        zeros = sum(len(cell) > 1 and cell[0] == "0" and cell.isdigit() for cell in present)
        return odd > ODD_SHARE * len(present) or zeros > 0

    def _reads(self, cell: str) -> bool:
        try:
            self.style.read(cell)
        except ValueError:
            return False
        return True

    def _add_numbers(self, cells: Sequence[str], first_row: int) -> None:
        if self.style.plain and "_" not in "".join(cells):
            try:
                values = np.fromiter(
                    map(float, [_NAN.get(cell, cell) for cell in cells]), np.float64, len(cells)
                )
            except ValueError:
                pass
            else:
                self._present += len(cells) - int(np.isnan(values).sum())
                self._numbers.append(values)
                return
        values = np.empty(len(cells))
        for position, cell in enumerate(cells):
            if is_missing(cell):
                values[position] = np.nan
                continue
            self._present += 1
            try:
                values[position] = self.style.read(cell)
            except ValueError:
                values[position] = np.nan
                self._odd_count += 1
                if len(self._odd) < _MAX_ODD:
                    self._odd.append((first_row + position, cell))
        self._numbers.append(values)

    def _add_texts(self, cells: Sequence[str]) -> None:
        codes = self._codes_of
        for cell in set(cells).difference(codes):
            if is_missing(cell):
                codes[cell] = -1
        classes = self._classes
        for cell in cells:
            if cell not in codes:
                codes[cell] = classes.setdefault(cell, len(classes))
        self._codes.append(np.fromiter(map(codes.__getitem__, cells), np.int32, len(cells)))

"""Cells: text cells become columns, chunk by chunk, so large files fit in memory.

A column is numeric as long as its cells are plain numbers or missing. All other columns
keep their distinct texts, from which `number_columns` reads numbers such as `12.345,6`.
"""

import re
from collections.abc import Sequence
from dataclasses import InitVar, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kissipo.core.frame import Column, strings
from kissipo.input.cells.cell_bytes import CellBytes
from kissipo.input.cells.digits import plain_numbers
from kissipo.input.cells.growing_array import GrowingArray
from kissipo.input.cells.number_columns import ODD_SHARE
from kissipo.input.cells.number_texts import find_codes, is_code
from kissipo.input.cells.text_column import TextColumn, is_missing

_SAMPLE = 1000
_EXACT = 2.0**53
_LEADING_ZERO = re.compile(r"(?:^|\n)\s*[-+]?0\d+\s*(?:\n|$)")


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
    blanks: InitVar[str] = ""
    values: InitVar[frozenset[str]] = frozenset()
    sample: tuple[str, ...] = ()
    failed: bool = False
    _begun: bool = False
    _numbers: GrowingArray[np.float64] = field(default_factory=lambda: GrowingArray(np.float64))
    _texts: TextColumn = field(init=False)

    def __post_init__(self, blanks: str, values: frozenset[str]) -> None:
        self._texts = TextColumn(blanks, values)

    def __len__(self) -> int:
        return len(self._texts if self.as_text else self._numbers)

    def add(self, cells: Sequence[str]) -> None:
        """Appends cells. Where plain numbers turn out to be texts, `failed` is set: the
        file must be read again, with this column as text."""
        if not self._begun:
            self._begin(cells)
        if self.as_text or not self._append(self._plain_numbers(cells)):
            self._texts.add(cells)

    def add_bytes(self, cells: CellBytes) -> None:
        """Appends cells of a block of bytes, as `add` appends texts."""
        if not self._begun:
            self._begin(cells.texts(slice(_SAMPLE)))
        if self.as_text or not self._append(self._numbers_of_bytes(cells)):
            self._texts.add_bytes(cells)

    def finish(self) -> Column:
        """Returns the finished column."""
        if self.as_text:
            codes, categories = self._texts.finish()
            return Column(self.name, "string", codes, categories)
        return Column(self.name, "number", self._numbers.finish())

    @property
    def joined(self) -> list[str]:
        """The values that differ only in the blanks around their cells."""
        return self._texts.joined

    @property
    def null_texts(self) -> list[str]:
        """The texts that were read as missing values, such as NA."""
        return self._texts.null_texts

    def _begin(self, cells: Sequence[str]) -> None:
        """Decides from the first cells whether the column is one of texts."""
        self._begun = True
        if not self.as_text:
            self.sample = tuple(cells[:_SAMPLE])
            self.as_text = self._plain_numbers(self.sample) is None or bool(
                find_codes(list(set(self.sample)))
            )

    def _append(self, values: NDArray[np.float64] | None) -> bool:
        """Appends plain numbers; False where the first cells are texts after all."""
        if values is not None:
            self._numbers.append(values)
        elif len(self._numbers):
            self.failed = True
        else:
            self.as_text = True
        return not self.as_text

    def _plain_numbers(self, cells: Sequence[str]) -> NDArray[np.float64] | None:
        """Returns the cells as plain numbers, or None if one of them is not."""
        text = "\n".join(cells)
        if "_" in text or not (self.points or "." not in text) or _LEADING_ZERO.search(text):
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

    def _numbers_of_bytes(self, cells: CellBytes) -> NDArray[np.float64] | None:
        """Returns the cells as plain numbers, as `_plain_numbers` reads them."""
        numbers = plain_numbers(cells)
        if numbers.has_code or (numbers.has_point and not self.points):
            return None
        if len(numbers.rest):
            rest = self._plain_numbers(cells.texts(numbers.rest))
            if rest is None:
                return None
            numbers.values[numbers.rest] = rest
        return numbers.values

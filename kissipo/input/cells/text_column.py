"""The texts of one column: each distinct text once, and one code per row.

The compiled reader finds the distinct texts where it was built. Else numpy does: a text
that repeats is found in a table by a hash of its bytes, and compared with the
bytes there. Where nearly all texts differ, they are kept as they come, and their hashes
are compared in the end. Everything else goes through a dictionary.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from kissipo.input.cells.cell_blanks import PROTECTED, restored
from kissipo.input.cells.cell_bytes import CellBytes, Words
from kissipo.input.cells.compiled import DistinctCells, library

Codes = NDArray[np.int32]
MISSING = frozenset({"", "na", "n/a", "nan", "null", "?", "#n/a", "<na>"})
_LONGEST_MARK = max(map(len, MISSING))
_ABSENT, _UNKNOWN = np.int32(-1), np.int32(-2)
_SPACE = 32
_PROTECTED = frozenset(PROTECTED)
_DISTINCT_SHARE = 0.9
_MAX_WORDS = 16
_FACTOR, _HALF = 0x9E3779B97F4A7C15, np.uint64(32)
_FACTORS: Words = np.array(
    [_FACTOR * (2 * place + 1) % 2**64 for place in range(_MAX_WORDS)], np.uint64
)


def is_missing(cell: str) -> bool:
    """Whether a cell stands for a missing value.

    Example:  >>> is_missing(" NA "), is_missing("0"), is_missing("none")
              (True, False, False)
    """
    return cell.strip().lower() in MISSING


class TextColumn:
    """The texts of a column, which grows by chunks of cells.

    blanks:   characters around a cell that do not belong to its value
    values:   texts in lower case that are values here, although they are marks of a
              missing value elsewhere
    """

    def __init__(self, blanks: str = "", values: frozenset[str] = frozenset()) -> None:
        self.blanks = blanks
        self.values = values
        self._codes: list[Codes] = []
        self._classes: dict[str, int] = {}
        self._codes_of: dict[str, int] = {}
        self._table: _Table | None = None
        self._distinct: _DistinctTexts | None = None
        self._compiled: DistinctCells | None = None
        self._finished: tuple[Codes, tuple[str, ...]] | None = None
        self._absent: set[str] = set()  # cells that the compiled reader read as missing

    def __len__(self) -> int:
        if self._finished is not None:
            return len(self._finished[0])
        parts = (*self._codes, self._distinct, self._compiled)
        return sum(len(part) for part in parts if part is not None)

    def add(self, cells: Sequence[str]) -> None:
        """Appends cells."""
        self._codes.append(self._codes_of_texts(cells))

    def add_bytes(self, cells: CellBytes) -> None:
        """Appends cells of a block of bytes."""
        compiled = library()
        if compiled is not None:
            if self._compiled is None:
                self._compiled = DistinctCells(compiled)
            self._compiled.add(cells.block.data, cells.starts, cells.ends)
            return
        is_first = self._table is None
        if self._table is None:
            self._table, self._distinct = _Table(len(cells)), _DistinctTexts(self._is_absent)
        if self._distinct is not None:
            if self._distinct.add(cells, is_first=is_first):
                return
            self._add_distinct(self._distinct)
        self._codes.append(self._table.codes(cells, self._codes_of_texts))

    def finish(self) -> tuple[Codes, tuple[str, ...]]:
        """Returns one code per row, and the distinct texts."""
        self._finish_compiled()
        if self._finished is not None:
            return self._finished
        if self._distinct is not None:
            result = self._distinct.finish()
            if result is not None:
                return result
            self._add_distinct(self._distinct)
        codes = np.concatenate(self._codes) if self._codes else np.zeros(0, np.int32)
        return codes, tuple(self._classes)

    @property
    def joined(self) -> list[str]:
        """The values that differ only in the blanks around their cells."""
        self._finish_compiled()
        if len(self._codes_of) == len(self._classes):
            return []
        forms = Counter(self._codes_of.values())
        classes = list(self._classes)
        return [classes[code] for code, count in forms.items() if count > 1 and code >= 0]

    @property
    def null_texts(self) -> list[str]:
        """The texts that were read as missing values, such as NA."""
        self._finish_compiled()
        texts = set(self._distinct.null_texts) if self._distinct else set(self._absent)
        texts.update(cell for cell, code in self._codes_of.items() if code < 0)
        return sorted({text.strip(self.blanks or None) for text in texts} - {""})

    def _finish_compiled(self) -> None:
        """Turns the texts of the compiled reader into classes and codes."""
        if self._compiled is None:
            return
        cells, self._compiled = self._compiled, None
        (texts, are_ascii), ids = cells.texts(), cells.ids()
        unusual = cells.unusual(_LONGEST_MARK)
        values = {code: self._value(texts[code]) for code in unusual}
        absent = [code for code, text in values.items() if self._is_absent(text)]
        is_class = np.ones(len(texts), bool)
        is_class[absent] = False
        if any(is_class[code] and text != texts[code] for code, text in values.items()) or not (
            are_ascii or _PROTECTED.isdisjoint("".join(texts))
        ):
            self._codes.append(self._codes_of_texts(texts)[ids])
            return
        codes = ids
        if absent:
            table = np.cumsum(is_class, dtype=np.int32) - np.int32(1)
            table[absent] = _ABSENT
            codes = table[ids]
            self._absent = {texts[code] for code in absent}
            texts = list(compress(texts, is_class.tolist()))
        self._finished = codes, tuple(texts)

    def _value(self, cell: str) -> str:
        """Returns a cell without the blanks around it."""
        return restored(cell.strip(self.blanks)) if self.blanks else cell

    def _is_absent(self, text: str) -> bool:
        return is_missing(text) and text.lower() not in self.values

    def _add_distinct(self, texts: "_DistinctTexts") -> None:
        """Appends texts that repeat after all."""
        self._distinct = None
        for chunk in texts.chunks:
            self.add(chunk)

    def _codes_of_texts(self, cells: Sequence[str]) -> Codes:
        """Returns the codes of texts, of which new ones become classes."""
        codes, classes = self._codes_of, self._classes
        for cell in dict.fromkeys(cells):
            if cell not in codes:
                text = self._value(cell)
                is_absent = self._is_absent(text)
                codes[cell] = -1 if is_absent else classes.setdefault(text, len(classes))
        return np.fromiter(map(codes.__getitem__, cells), np.int32, len(cells))


class _Table:
    """A table of texts, in which each has one place; a later text takes it over.

    rows:  the rows of one block
    """

    _MAX_BITS = 16
    _WORDS = 4

    def __init__(self, rows: int) -> None:
        self._bits = min(self._MAX_BITS, rows.bit_length() + 3)
        self._codes = np.full(1 << self._bits, _UNKNOWN)
        self._words: Words = np.zeros((0, 1 << self._bits), np.uint64)

    def codes(self, cells: CellBytes, read: Callable[[Sequence[str]], Codes]) -> Codes:
        """Returns the codes of cells; `read` returns those of new texts."""
        count = _num_words(cells)
        if count > self._WORDS:
            return read(cells.texts())
        if count > len(self._words):
            more = np.zeros((count - len(self._words), 1 << self._bits), np.uint64)
            self._words = np.concatenate([self._words, more])
        words = cells.words(len(self._words))
        places = (_hashes(words) >> np.uint64(64 - self._bits)).astype(np.intp)
        codes = self._codes[places]
        for stored, word in zip(self._words, words, strict=True):
            codes[stored[places] != word] = _UNKNOWN
        quoted = list(cells.quoted)
        codes[quoted] = _UNKNOWN
        new = np.flatnonzero(codes == _UNKNOWN)
        if not len(new):
            return codes
        codes[new] = read(cells.texts(new))
        new = np.setdiff1d(new, quoted)
        _, first = np.unique(places[new], return_index=True)
        new = new[first]
        self._words[:, places[new]] = words[:, new]
        self._codes[places[new]] = codes[new]
        return codes


class _DistinctTexts:
    """The texts of a column in which nearly all cells differ, in chunks.

    is_absent:  whether a text stands for a missing value
    null_texts: the texts that do
    """

    def __init__(self, is_absent: Callable[[str], bool]) -> None:
        self.is_absent = is_absent
        self.chunks: list[list[str]] = []
        self.null_texts: set[str] = set()
        self._hashes: list[Words] = []
        self._absent: list[NDArray[np.bool_]] = []

    def __len__(self) -> int:
        return sum(map(len, self.chunks))

    def add(self, cells: CellBytes, *, is_first: bool) -> bool:
        """Appends cells; False where they repeat, or are not read as they stand."""
        lengths = cells.ends - cells.starts
        data, count = cells.block.bytes, _num_words(cells)
        filled = lengths > 0
        outer = np.minimum(data[cells.starts], data[cells.ends - 1])
        if (
            cells.quoted
            or count > _MAX_WORDS
            or cells.block.has_wide_blanks
            or np.any(outer[filled] <= _SPACE)
        ):
            return False
        hashes = _hashes(cells.words(count))
        if is_first and len(np.unique(hashes[filled])) < _DISTINCT_SHARE * len(cells):
            return False
        absent = ~filled
        short = np.flatnonzero(filled & (lengths <= _LONGEST_MARK))
        short_texts = cells.texts(short)
        absent[short] = list(map(self.is_absent, short_texts))
        self.null_texts.update(compress(short_texts, absent[short].tolist()))
        self.chunks.append(cells.texts())
        self._hashes.append(hashes)
        self._absent.append(absent)
        return True

    def finish(self) -> tuple[Codes, tuple[str, ...]] | None:
        """Returns the codes and the distinct texts; None where the hashes of two texts
        are equal."""
        texts = [text for chunk in self.chunks for text in chunk]
        absent = np.concatenate(self._absent)
        present = np.flatnonzero(~absent)
        hashes = np.concatenate(self._hashes)[present]
        order = np.argsort(hashes)
        begins = np.flatnonzero(np.diff(hashes[order], prepend=~hashes[order[:1]]))
        rows = present[order]
        first = np.minimum.reduceat(rows, begins) if len(rows) else rows
        earlier = np.repeat(first, np.diff(begins, append=len(rows)))
        repeated = np.flatnonzero(rows != earlier)
        pairs = zip(rows[repeated].tolist(), earlier[repeated].tolist(), strict=True)
        if any(texts[row] != texts[before] for row, before in pairs):
            return None
        is_class = np.zeros(len(texts), bool)
        is_class[first] = True
        codes = np.cumsum(is_class, dtype=np.int32) - np.int32(1)
        codes[rows[repeated]] = codes[earlier[repeated]]
        codes[absent] = _ABSENT
        classes = texts if is_class.all() else compress(texts, is_class.tolist())
        return codes, tuple(classes)


def _num_words(cells: CellBytes) -> int:
    """Returns how many words of eight bytes the longest cell takes."""
    return -(-int((cells.ends - cells.starts).max(initial=1)) // 8)


def _hashes(words: Words) -> Words:
    """Returns a hash of the bytes of each cell."""
    total = np.zeros(words.shape[1], np.uint64)
    for word, factor in zip(words, _FACTORS, strict=False):
        mixed = word * factor
        total += (mixed ^ (mixed >> _HALF)) * factor
    return (total ^ (total >> _HALF)) * _FACTORS[0]

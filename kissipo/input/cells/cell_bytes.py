"""Cells of a delimited file as places in its bytes: numpy finds them all at once.

Only files of a clear layout are split here: every line has the same number of cells, no
line is blank, and quotes enclose whole cells. `UnclearLayoutError` hands all others to
the reader that goes cell by cell, which reads or refuses them with the line.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from kissipo.input.cells.compiled import CellFinder, Places, library

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]
BLOCK = 1 << 20
_LONGEST_ROW = 1 << 25
PADDING = 32  # bytes before the first cell, so that eight bytes can be read everywhere
_NEW_LINE, _RETURN, _QUOTE, _POINT = b'\n\r".'
_WIDE_BLANKS = re.compile(r"[^\S\x00-\x7f]|[\ue000-\ue0ff]")
_BLANKS = np.frombuffer(b" \t", np.uint8)
_FIRST_BYTES: Words = np.array([(1 << 8 * count) - 1 for count in range(9)], np.uint64)


class UnclearLayoutError(Exception):
    """The bytes of a file do not show clearly where its cells begin and end."""


@dataclass(frozen=True)
class Block:
    """Whole lines of a file, with padding before and after them.

    protect:  turns a quoted cell into the text that stands for it
    """

    data: bytes
    separator: str
    quoting: bool
    protect: Callable[[str], str]

    @cached_property
    def bytes(self) -> Bytes:
        """The bytes as an array."""
        return np.frombuffer(self.data, np.uint8)

    @cached_property
    def words(self) -> Words:
        """Eight bytes from every place on, as one integer."""
        return np.ndarray((len(self.data) - 7,), "<u8", self.data, strides=(1,))

    @cached_property
    def text(self) -> str | None:
        """The bytes as a text, if they are ASCII."""
        return self.data.decode("ascii") if self.data.isascii() else None

    @cached_property
    def has_wide_blanks(self) -> bool:
        """Whether there are blanks that are not ASCII, or letters in their place."""
        return self.text is None and bool(_WIDE_BLANKS.search(self.data.decode()))


@dataclass(frozen=True)
class CellBytes:
    """The cells of one column in a block.

    starts, ends:  first byte of each cell, and the one behind its last
    points:        the place of the only point in a cell, its end where it has none, or
                   -1 where it has several; empty where the compiled reader found the
                   cells, as it does not need them
    quoted:        texts of quoted cells that are not equal to their bytes, by row
    """

    block: Block
    starts: Places
    ends: Places
    points: Places
    quoted: dict[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.starts)

    def texts(self, rows: Places | slice = slice(None)) -> list[str]:
        """Returns the cells of some rows as texts."""
        places = zip(self.starts[rows].tolist(), self.ends[rows].tolist(), strict=True)
        text = self.block.text
        if text is not None:
            texts = [text[start:end] for start, end in places]
        else:
            data = self.block.data
            texts = [data[start:end].decode() for start, end in places]
        if self.quoted:
            numbers = np.arange(len(self))[rows].tolist()
            texts = [self.quoted.get(row, text) for row, text in zip(numbers, texts, strict=True)]
        return texts

    def words(self, count: int) -> Words:
        """Returns the first bytes of each cell as integers (word, row), zero behind its
        end."""
        lengths, words = self.ends - self.starts, self.block.words
        return np.stack(
            [
                words[np.minimum(self.starts + 8 * place, len(words) - 1)]
                & _FIRST_BYTES[np.clip(lengths - 8 * place, 0, 8)]
                for place in range(count)
            ]
        )


def split_cells(
    file: TextIO, separator: str, width: int, *, quoting: bool, protect: Callable[[str], str]
) -> Iterator[list[CellBytes]]:
    """Yields the columns of one block of lines after the other. Those of a block are
    valid until the next.

    Raises:   UnclearLayoutError where the cells must be split one by one.
    """
    if width < 2 or not separator.isascii() or separator.isalnum() or separator in '.+-"\r\n':
        raise UnclearLayoutError
    size = max(BLOCK, width << 11)  # some rows also of wide tables
    compiled = library()
    finder = compiled and CellFinder(compiled, separator, quoting, width)
    rest, is_last = b"", False
    while not is_last:
        text = file.read(size)
        is_last = not text
        lines = text.encode()
        if is_last and rest and not rest.endswith(b"\n"):
            lines = b"\n"
        length = len(rest) + len(lines)
        padding = bytes(PADDING)
        block = Block(b"".join([padding, rest, lines, padding]), separator, quoting, protect)
        columns, end = _find(block, finder, length) if finder else _split(block, width, length)
        rest = block.data[PADDING + end : PADDING + length]
        if (is_last and rest) or len(rest) > min(8 * size, _LONGEST_ROW):
            raise UnclearLayoutError
        if columns:
            yield columns


def _find(block: Block, finder: CellFinder, size: int) -> tuple[list[CellBytes], int]:
    """Returns what `_split` returns. The texts of quoted cells that are not equal to
    their bytes stand behind the lines."""
    data, width = block.data, finder.width
    places = finder.find(data, PADDING, PADDING + size)
    if places is None:
        raise UnclearLayoutError
    starts, ends, end, quoted = places
    texts = []
    place = len(data)
    for cell in quoted:
        row, column = divmod(cell, width)
        text = data[starts[column, row] : ends[column, row]].decode().replace('""', '"')
        texts.append(block.protect(text).encode())
        starts[column, row], ends[column, row] = place, place + len(texts[-1])
        place += len(texts[-1])
    if texts:
        block = replace(block, data=b"".join([data, *texts, bytes(PADDING)]))
    no_points = np.zeros(0, np.int64)
    columns = [CellBytes(block, *places, no_points) for places in zip(starts, ends, strict=True)]
    return columns if len(starts[0]) else [], end - PADDING


def _split(block: Block, width: int, size: int) -> tuple[list[CellBytes], int]:
    """Returns the columns of the whole lines, and the number of their bytes."""
    data, quotes = block.bytes, b'"' in block.data and block.quoting
    ends = (data == ord(block.separator)) | (data == _NEW_LINE)
    if quotes:
        ends &= ~np.bitwise_xor.accumulate(data == _QUOTE)
    places = np.flatnonzero(ends | (data == _POINT))
    is_end = ends[places]
    lines = np.flatnonzero(is_end & (data[places] == _NEW_LINE))
    if not len(lines):
        return [], 0
    last = int(places[lines[-1]])
    end_numbers = np.flatnonzero(is_end[: lines[-1] + 1])
    if len(end_numbers) != width * len(lines) or b"\0" in block.data[PADDING : PADDING + size]:
        raise UnclearLayoutError
    cell_ends = places[end_numbers]
    if not np.array_equal(cell_ends[width - 1 :: width], places[lines]):
        raise UnclearLayoutError
    starts = np.concatenate([[PADDING], cell_ends[:-1] + 1])
    _without_returns(data[: last + 1], cell_ends[width - 1 :: width])
    quoted: list[dict[int, str]] = [{} for _ in range(width)]
    if quotes:
        for cell, text in _unquote(block, starts, cell_ends, last).items():
            quoted[cell % width][cell // width] = text
    num_points = np.diff(end_numbers, prepend=-1) - 1
    points = np.where(num_points == 0, cell_ends, places[end_numbers - 1])
    points[num_points > 1] = -1
    tables = (
        np.ascontiguousarray(flat.reshape(-1, width).T) for flat in (starts, cell_ends, points)
    )
    return list(map(partial(CellBytes, block), *tables, quoted)), last + 1 - PADDING


def _without_returns(data: Bytes, line_ends: Places) -> None:
    """Moves the ends of lines before their carriage returns, in place."""
    count = int(np.count_nonzero(data == _RETURN))
    if not count:
        return
    if count != len(line_ends) or not np.all(data[line_ends - 1] == _RETURN):
        raise UnclearLayoutError
    line_ends -= 1


def _unquote(block: Block, starts: Places, ends: Places, last: int) -> dict[int, str]:
    """Moves the places of quoted cells inside their quotes, in place; returns those
    whose text is not equal to their bytes."""
    data = block.bytes
    quotes = np.flatnonzero(data[: last + 1] == _QUOTE)
    opening, closing = quotes[::2], quotes[1::2]
    limits = np.array([0, ord(block.separator), _NEW_LINE, _QUOTE], np.uint8)
    if len(quotes) % 2 or not (
        np.isin(data[opening - 1], limits).all()
        and np.isin(data[closing + 1], np.append(limits, np.uint8(_RETURN))).all()
    ):
        raise UnclearLayoutError
    is_quoted = data[starts] == _QUOTE
    starts += is_quoted
    ends -= is_quoted
    first, final = data[starts], data[ends - 1]
    odd = is_quoted & ((first >= 128) | (final >= 128))
    odd |= is_quoted & (np.isin(first, _BLANKS) | np.isin(final, _BLANKS))
    doubled = closing[data[closing + 1] == _QUOTE]
    cells = {*np.flatnonzero(odd).tolist(), *np.searchsorted(ends, doubled).tolist()}
    return {
        cell: block.protect(block.data[starts[cell] : ends[cell]].decode().replace('""', '"'))
        for cell in sorted(cells)
    }

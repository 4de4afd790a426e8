"""The compiled reader of cells: the same results as numpy's in `cell_bytes`, `digits`
and `text_column`, faster.

The library has plain C functions (native/cells.cpp), built when kissipo is installed.
Where there was no compiler, `library()` is None, and numpy reads the cells.
"""

import ctypes
import sys
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kissipo.input.cells.growing_array import GrowingArray

_FILE = Path(__file__).parent / ("_cells.dll" if sys.platform == "win32" else "_cells.so")
_LONG, _POINTER = ctypes.c_int64, ctypes.c_void_p
_CHUNK = 1 << 18
Places = NDArray[np.int32] | NDArray[np.int64]


@cache
def library() -> ctypes.CDLL | None:
    """Returns the compiled functions, or None where they were not built."""
    if not _FILE.exists():
        return None
    compiled = ctypes.CDLL(str(_FILE))
    compiled.kissipo_split_cells.argtypes = [ctypes.c_char_p, *[_LONG] * 6, *[_POINTER] * 5]
    compiled.kissipo_split_cells.restype = _LONG
    compiled.kissipo_plain_numbers.argtypes = [
        ctypes.c_char_p,
        *[_POINTER] * 2,
        _LONG,
        *[_POINTER] * 3,
    ]
    compiled.kissipo_plain_numbers.restype = _LONG
    compiled.kissipo_texts_new.argtypes = []
    compiled.kissipo_texts_new.restype = _POINTER
    compiled.kissipo_texts_free.argtypes = [_POINTER]
    compiled.kissipo_texts_free.restype = None
    compiled.kissipo_texts_add.argtypes = [
        _POINTER,
        ctypes.c_char_p,
        *[_POINTER] * 2,
        _LONG,
        _POINTER,
    ]
    compiled.kissipo_texts_add.restype = _LONG
    compiled.kissipo_texts_bytes.argtypes = [_POINTER, _POINTER]
    compiled.kissipo_texts_bytes.restype = _POINTER
    compiled.kissipo_texts_unusual.argtypes = [_POINTER, _LONG, _POINTER]
    compiled.kissipo_texts_unusual.restype = _LONG
    return compiled


class CellFinder:
    """Finds the cells of one block after the other.

    The places of a block are written over those of the block before.
    """

    def __init__(self, compiled: ctypes.CDLL, separator: str, quoting: bool, width: int) -> None:
        self._library, self.width = compiled, width
        self._separator, self._quoting = ord(separator), quoting
        self._places: NDArray[np.int32] = np.zeros((2, width, 0), np.int32)

    def find(
        self, data: bytes, begin: int, end: int
    ) -> tuple[Places, Places, int, list[int]] | None:
        """Finds the cells of the whole lines; None where they are not clear.

        Returns:  starts and ends (column, line), the place behind the last whole line,
                  and the cells (line * width + column) in quotes whose text is not
                  equal to their bytes.
        """
        capacity = (end - begin) // self.width + 1  # a cell has at least its separator
        if capacity > self._places.shape[2]:
            self._places = np.empty((2, self.width, capacity), np.int32)
        starts, ends = self._places
        has_quotes = self._quoting and b'"' in data
        odd = np.empty(data.count(b'"') // 2 if has_quotes else 0, np.int64)
        consumed, num_odd = _LONG(), _LONG()
        count = self._library.kissipo_split_cells(
            data,
            begin,
            end,
            self._separator,
            self._quoting,
            self.width,
            self._places.shape[2],
            starts.ctypes.data,
            ends.ctypes.data,
            ctypes.byref(consumed),
            odd.ctypes.data,
            ctypes.byref(num_odd),
        )
        if count < 0:
            return None
        cells = odd[: num_odd.value].tolist()
        return starts[:, :count], ends[:, :count], consumed.value, cells


def find_numbers(
    compiled: ctypes.CDLL, data: bytes, starts: Places, ends: Places
) -> tuple[NDArray[np.float64], NDArray[np.int64], bool, bool]:
    """Returns the values of cells, the rows that are neither empty nor read, whether a
    cell is a code such as 007, and whether one has a decimal point."""
    values = np.empty(len(starts))
    rest = np.empty(len(starts), np.int64)
    num_rest = _LONG()
    signs = compiled.kissipo_plain_numbers(
        data,
        starts.ctypes.data,
        ends.ctypes.data,
        len(starts),
        values.ctypes.data,
        rest.ctypes.data,
        ctypes.byref(num_rest),
    )
    return values, rest[: num_rest.value].copy(), bool(signs & 1), bool(signs & 2)


class DistinctCells:
    """The cells of one column as numbers of distinct texts, in the order of their first
    cells."""

    def __init__(self, compiled: ctypes.CDLL) -> None:
        self._library, self._count = compiled, 0
        self._handle: int = compiled.kissipo_texts_new()
        self._ids = GrowingArray(np.int32)

    def __del__(self) -> None:
        self._library.kissipo_texts_free(self._handle)

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, data: bytes, starts: Places, ends: Places) -> None:
        """Appends cells."""
        ids = np.empty(len(starts), np.int32)
        self._count = self._library.kissipo_texts_add(
            self._handle,
            data,
            starts.ctypes.data,
            ends.ctypes.data,
            len(starts),
            ids.ctypes.data,
        )
        self._ids.append(ids)

    def ids(self) -> NDArray[np.int32]:
        """Returns the number of the text of each cell."""
        return self._ids.finish()

    def texts(self) -> tuple[list[str], bool]:
        """Returns the distinct texts, and whether all of them are ASCII."""
        size = _LONG()
        address = self._library.kissipo_texts_bytes(self._handle, ctypes.byref(size))
        data = memoryview((ctypes.c_char * size.value).from_address(address)).cast("B")
        texts: list[str] = []
        rest, are_ascii = b"", True
        for begin in range(0, len(data), _CHUNK):  # small parts stay in the cache
            part = rest + bytes(data[begin : begin + _CHUNK])
            end = part.rfind(b"\0") + 1
            texts += part[:end].decode().split("\0")[:-1]
            rest, are_ascii = part[end:], are_ascii and part.isascii()
        return texts, are_ascii

    def unusual(self, longest: int) -> list[int]:
        """Returns the numbers of the texts with at most so many bytes, and of those
        that begin or end with a blank or a character that is not ASCII."""
        ids = np.empty(self._count, np.int32)
        count = self._library.kissipo_texts_unusual(self._handle, longest, ids.ctypes.data)
        return ids[:count].tolist()

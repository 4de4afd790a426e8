"""The numbers of plain words, looked up for many texts at once by their bytes.

A word of up to eight bytes is one integer, which has one place in a table; a later word
takes the place over. Only longer words, and those that are not in the table, are read
one by one.

Example:  >>> numbers = {"red": 0, "blue": 1, "green": 2}
          >>> WordTable(numbers.__getitem__).read(b"red  green red ").tolist()
          [0, 2, 0]
"""

from collections.abc import Callable
from string import ascii_letters, digits

import numpy as np
from numpy.typing import NDArray

PLAIN = f"{ascii_letters}{digits} ".encode()
_BLANK, _WORD = ord(" "), 8
_BITS, _UNREAD = 16, -2
_FACTOR, _HALF, _SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(32), np.uint64(64 - _BITS)
_FIRST_BYTES = np.array([(1 << 8 * count) - 1 for count in range(_WORD + 1)], np.uint64)


class WordTable:
    """A table of words and their numbers, which grows by the words that are read.

    number:  returns the number of a word, at least -1
    """

    def __init__(self, number: Callable[[str], int]) -> None:
        self._number = number
        self._words = np.zeros(1 << _BITS, np.uint64)
        self._numbers = np.full(1 << _BITS, _UNREAD)

    def read(self, text: bytes) -> NDArray[np.int64]:
        """Returns the number of each word of a text of the bytes in PLAIN."""
        data = b" " + text + bytes(_WORD)
        is_blank = np.frombuffer(data, np.uint8)[: len(text) + 2] <= _BLANK
        starts, ends = (
            np.flatnonzero(is_blank[:-1] & ~is_blank[1:]) + 1,
            np.flatnonzero(~is_blank[:-1] & is_blank[1:]) + 1,
        )
        sizes = ends - starts
        words: NDArray[np.uint64] = np.ndarray((len(data) - 7,), "<u8", data, strides=(1,))[starts]
        words &= _FIRST_BYTES[np.minimum(sizes, _WORD)]
        places = (((words ^ (words >> _HALF)) * _FACTOR) >> _SHIFT).astype(np.intp)
        numbers = self._numbers[places]
        numbers[(self._words[places] != words) | (sizes > _WORD)] = _UNREAD
        new = np.flatnonzero(numbers == _UNREAD)
        spans = zip(starts[new].tolist(), ends[new].tolist(), strict=True)
        numbers[new] = [self._number(data[start:end].decode()) for start, end in spans]
        short = new[sizes[new] <= _WORD]
        _, last = np.unique(places[short], return_index=True)
        short = short[last]
        self._words[places[short]], self._numbers[places[short]] = words[short], numbers[short]
        return numbers

"""The n-grams of many texts at once: words, pairs of words, and pieces of words.

Words are those of `split_words`. Pieces are n-grams of characters inside each word
between blanks, with a blank before and after it, as scikit-learn's `char_wb`. Each
distinct word is cut once, so a long text costs a few operations of numpy.

A piece is written with a dot where its word begins or ends, and with three dots where
the word continues: `·fre…` begins a word, `…ee·` ends one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kissipo.codec.tokens import split_words

Numbers = NDArray[np.int64]
PIECES = (2, 5)  # characters
_INSIDE, _END = "\N{HORIZONTAL ELLIPSIS}", "\N{MIDDLE DOT}"


def pieces_of(word: str, sizes: tuple[int, int] = PIECES) -> list[str]:
    """Returns the n-grams of characters of a word; a short word is one of them once.

    sizes:   the smallest and the largest number of characters

    Example:  >>> pieces_of("an")
              [' a', 'an', 'n ', ' an', 'an ', ' an ']
    """
    padded = f" {word} "
    return [
        padded[start : start + size]
        for size in range(sizes[0], min(sizes[1], len(padded)) + 1)
        for start in range(len(padded) - size + 1)
    ]


def readable_piece(piece: str) -> str:
    """Returns a piece as a person reads it; no two pieces read alike.

    Example:  >>> readable_piece(" fre"), readable_piece("ee "), readable_piece(" an ")
              ('·fre…', '…ee·', '·an·')
    """
    begins, ends = piece[0] == " ", piece[-1] == " "
    middle = piece[int(begins) : len(piece) - int(ends)]
    return f"{_END if begins else _INSIDE}{middle}{_END if ends else _INSIDE}"


@dataclass
class WordNumbers:
    """The numbers of words and of their pieces, which grow as words are read.

    sizes:     the smallest and the largest number of characters of a piece
    is_fixed:  unknown words and pieces get the number -1
    """

    words: dict[str, int] = field(default_factory=dict)
    pieces: dict[str, int] = field(default_factory=dict)
    sizes: tuple[int, int] = PIECES
    is_fixed: bool = False
    _places: dict[str, int] = field(default_factory=dict, init=False)
    _cut: list[NDArray[np.int32]] = field(default_factory=list, init=False)

    def read_words(self, texts: Sequence[str]) -> tuple[Numbers, Numbers]:
        """Returns the numbers of all words, one text after the other, and the number of
        words per text."""
        rows = [[self._number(word) for word in split_words(text)] for text in texts]
        return _joined(rows), np.array([len(row) for row in rows], dtype=np.int64)

    def read_pieces(self, texts: Sequence[str]) -> tuple[Numbers, Numbers]:
        """Returns the numbers of all pieces, and their number per text."""
        rows = [[self._place(word) for word in text.split()] for text in texts]
        places = _joined(rows)
        counts = np.array([len(row) for row in rows], dtype=np.int64)
        if not len(places):
            return places, counts
        used, inverse = np.unique(places, return_inverse=True)
        sizes = np.array([len(self._cut[place]) for place in used.tolist()], dtype=np.int64)
        table = np.concatenate([self._cut[place] for place in used.tolist()]).astype(np.int64)
        starts = np.cumsum(sizes) - sizes
        lengths = sizes[inverse]
        ends = np.cumsum(lengths)
        inside = np.arange(ends[-1]) - np.repeat(ends - lengths, lengths)
        numbers = table[np.repeat(starts[inverse], lengths) + inside]
        totals = np.bincount(np.repeat(np.arange(len(texts)), counts), lengths, len(texts))
        return numbers, totals.astype(np.int64)

    def _number(self, word: str) -> int:
        number = self.words.get(word)
        if number is None:
            number = -1 if self.is_fixed else self.words.setdefault(word, len(self.words))
        return number

    def _place(self, word: str) -> int:
        """Returns the place of a word between blanks in the list of words that are
        cut."""
        place = self._places.get(word)
        if place is None:
            place = self._places[word] = len(self._cut)
            pieces, by_piece = pieces_of(word, self.sizes), self.pieces
            if self.is_fixed:
                numbers = [by_piece.get(piece, -1) for piece in pieces]
            else:
                numbers = [by_piece.setdefault(piece, len(by_piece)) for piece in pieces]
            self._cut.append(np.array(numbers, dtype=np.int32))
        return place


def pairs(words: Numbers, sizes: Numbers) -> tuple[Numbers, Numbers]:
    """Returns pairs of neighboring words as one number each, and the text of each pair.

    Pairs of an unknown word are left out.

    Example:  >>> keys, text = pairs(np.array([3, 5, 7, 7]), np.array([3, 1]))
              >>> [divmod(key, 1 << 32) for key in keys.tolist()], text.tolist()
              ([(3, 5), (5, 7)], [0, 0])
    """
    text = np.repeat(np.arange(len(sizes)), sizes)
    is_pair = (text[1:] == text[:-1]) & (words[1:] >= 0) & (words[:-1] >= 0)
    keys = (words[:-1] << 32) | words[1:]
    return keys[is_pair], text[:-1][is_pair]


def counted(ids: Numbers, text: Numbers, size: int) -> tuple[Numbers, Numbers, Numbers]:
    """Returns the distinct ids of each text with their counts, in order of text and id.

    size:     larger than every id; ids below 0 are left out
    Returns:  ids, texts and counts
    Example:  >>> ids, text = np.array([4, 2, 4]), np.array([0, 0, 0])
              >>> [x.tolist() for x in counted(ids, text, 9)]
              [[2, 4], [0, 0], [1, 2]]
    """
    keys = (text * size + ids)[ids >= 0]
    if len(text) and (int(text[-1]) + 1) * size < 1 << 31:
        keys = keys.astype(np.int32)  # is sorted in half the time
    keys.sort()
    first = np.flatnonzero(np.diff(keys, prepend=-1))
    counts = np.diff(first, append=len(keys))
    distinct = keys[first].astype(np.int64)
    return distinct % size, distinct // size, counts


def _joined(rows: Sequence[list[int]]) -> Numbers:
    return np.array([number for row in rows for number in row], dtype=np.int64)

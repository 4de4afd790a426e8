"""Sentence pairs: texts A and B that follow each other, or do not, from a corpus.

A is some sentences of a document. In half of the pairs B is what follows them, in the
other half it begins with a sentence of another document of the same split. Both times B
fills the row or ends with its document, so that no length gives the label away. The
sentence that is cut off begins the next pair. A sentence that is alone is divided in
its middle.

Without pairs a text is as much of a document as there is room for, and the next text
goes on from there.

A row of the table is one sample: the first piece of A, its number of pieces, the same
two numbers of B, and its label: NEXT, OTHER, or ALONE where there is no B.

Source:   Devlin et al., BERT, 2019, appendix A.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from kissipo.input.piece_corpus import PieceCorpus

ALONE, OTHER, NEXT = 0, 1, 2
COLUMNS = ("first", "length", "second", "second_length", "label")
MIN_PIECES = 4  # of a sentence that is divided
_TRIES = 20

Table = NDArray[np.int64]


@dataclass
class PairMaker:
    """Makes the samples of one split.

    room:       the pieces that a sample has room for, without the special ones
    sentences:  the sentences from which the other documents are drawn
    left_out:   sentences that were too short to be divided
    """

    corpus: PieceCorpus
    room: int
    generator: Generator
    sentences: NDArray[np.int64]
    left_out: int = 0

    def pairs(self) -> Table:
        """Returns the pairs of all documents of the split."""
        return _table(row for ends in self._documents() for row in self._pairs(*ends))

    def texts(self) -> Table:
        """Returns the texts of all documents, each alone."""
        return _table(row for ends in self._documents() for row in self._texts(*ends))

    def _documents(self) -> Iterator[tuple[int, int]]:
        """Yields the first sentence of each document, and the one after its last."""
        if not len(self.sentences):
            return
        numbers = self.corpus.documents[self.sentences]
        borders = np.flatnonzero(np.diff(numbers)) + 1
        for part in np.split(self.sentences, borders):
            yield int(part[0]), int(part[-1]) + 1

    def _texts(self, first: int, end: int) -> Iterator[tuple[int, ...]]:
        place, last = (int(self.corpus.sentences[number]) for number in (first, end))
        for start in range(place, last, self.room):
            yield (start, min(self.room, last - start), 0, 0, ALONE)

    def _pairs(self, first: int, end: int) -> Iterator[tuple[int, ...]]:
        while first < end:
            if first == end - 1:
                yield from self._divided(first)
                return
            window = min(self._complete(first, end, self.room), end - 1)
            middle = first + 1 + int(self.generator.integers(max(1, window - first - 1)))
            room = self.room - min(self.room // 2, self._span(middle, middle + 1, self.room)[1])
            a = self._span(first, middle, room)
            if self.generator.random() < 0.5:
                yield (*a, *self._span(middle, end, self.room - a[1]), NEXT)
                first = self._complete(middle, end, self.room - a[1])
            else:
                yield (*a, *self._other(first, self.room - a[1]), OTHER)
                first = middle

    def _divided(self, sentence: int) -> Iterator[tuple[int, ...]]:
        """Yields a sentence that is alone, in two halves."""
        first, length = self._span(sentence, sentence + 1, self.room)
        if length < MIN_PIECES:
            self.left_out += 1
            return
        half = length // 2
        if self.generator.random() < 0.5:
            yield (first, half, first + half, length - half, NEXT)
        else:
            yield (first, half, *self._other(sentence, length - half), OTHER)

    def _other(self, sentence: int, room: int) -> tuple[int, int]:
        """Returns sentences of another document.

        Where a split is one document, they are sentences elsewhere in it.
        """
        documents = self.corpus.documents
        drawn = sentence
        for _ in range(_TRIES):
            drawn = int(self.generator.choice(self.sentences))
            if documents[drawn] != documents[sentence]:
                break
        end = int(np.searchsorted(documents, documents[drawn], side="right"))
        return self._span(drawn, end, room)

    def _complete(self, first: int, end: int, room: int) -> int:
        """Returns the sentence after those that have room as a whole; at least one is
        taken."""
        starts = self.corpus.sentences
        limit = starts[first] + room
        after = int(np.searchsorted(starts[first : end + 1], limit, side="right")) + first - 1
        return min(max(after, first + 1), end)

    def _span(self, first: int, after: int, room: int) -> tuple[int, int]:
        """Returns the first piece of some sentences, and how many there is room for."""
        starts = self.corpus.sentences
        return int(starts[first]), int(min(starts[after] - starts[first], room))


def _table(rows: Iterable[tuple[int, ...]]) -> Table:
    """Returns the rows as an array, without a list of all of them."""
    return np.fromiter(chain.from_iterable(rows), np.int64).reshape(-1, len(COLUMNS))

"""Piece corpus: the pieces of all sentences of large texts as one array of ids.

Ids take two bytes where the vocabulary allows it. They are in memory, or in a temporary
file where there are many, which the operating system reads as it is needed. So a corpus
is never in memory as texts.

Example:  >>> sentences = [(0, "a bc"), (0, "def"), (1, "g")]
          >>> lengths = lambda texts: [list(map(len, text.split())) for text in texts]
          >>> corpus = encode_pieces(sentences, lengths, vocab_size=9)
          >>> corpus.pieces.tolist(), corpus.sentences.tolist()
          ([1, 2, 3, 1], [0, 2, 3, 4])
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from kissipo.core.errors import MachineError
from kissipo.core.numpy_array import NumpyArray

_TEXTS = 20_000  # that are encoded at once
_BYTES_IN_MEMORY = 200_000_000
_SHORT_IDS = 1 << 16


@dataclass(frozen=True)
class PieceCorpus:
    """The pieces of a corpus.

    pieces:     the ids of all sentences, one after another
    sentences:  the first piece of each sentence, and the number of all pieces
    documents:  the number of the document of each sentence
    """

    pieces: NumpyArray
    sentences: NDArray[np.int64]
    documents: NDArray[np.int32]


def encode_pieces(
    sentences: Iterable[tuple[int, str]],
    encode: Callable[[list[str]], Sequence[Sequence[int]]],
    *,
    vocab_size: int,
) -> PieceCorpus:
    """Returns the pieces of all sentences; those without a piece are left out.

    sentences:  the number of the document of each sentence, and its text
    Raises:     MachineError when the temporary file cannot be written.
    """
    writer = _Writer(np.dtype(np.uint16 if vocab_size <= _SHORT_IDS else np.int32))
    lengths: list[NDArray[np.int64]] = []
    documents: list[NDArray[np.int32]] = []
    for some in _portions(sentences):
        rows = encode([text for _, text in some])
        sizes = np.array([len(row) for row in rows], dtype=np.int64)
        writer.add([number for row in rows for number in row])
        lengths.append(sizes[sizes > 0])
        documents.append(np.array([number for number, _ in some], dtype=np.int32)[sizes > 0])
    every = np.concatenate([np.zeros(1, np.int64), *lengths])
    return PieceCorpus(
        writer.finished(), every.cumsum(), np.concatenate([np.zeros(0, np.int32), *documents])
    )


class _Writer:
    """Collects ids in memory, and in a temporary file once they are many."""

    def __init__(self, dtype: np.dtype[np.generic]) -> None:
        self.dtype = dtype
        self.parts: list[NumpyArray] = []
        self.size = 0
        self.file: BinaryIO | None = None

    def add(self, ids: list[int]) -> None:
        """Adds ids at the end."""
        self.parts.append(np.array(ids, dtype=self.dtype))
        self.size += self.parts[-1].nbytes
        if self.file is None and self.size > _BYTES_IN_MEMORY:
            self.file = tempfile.TemporaryFile(prefix="kissipo-pieces-")
        if self.file is not None:
            self._write()

    def finished(self) -> NumpyArray:
        """Returns all ids as one array."""
        if self.file is None:
            return np.concatenate([np.zeros(0, self.dtype), *self.parts])
        self.file.flush()
        return np.memmap(self.file, dtype=self.dtype, mode="r")

    def _write(self) -> None:
        assert self.file is not None
        try:
            for part in self.parts:
                self.file.write(part.tobytes())
        except OSError as error:
            raise MachineError(
                f"the pieces of the corpus cannot be written to a temporary file: {error.strerror}",
                do="Set TMPDIR to a folder with free space: 2 bytes per piece are needed",
            ) from None
        self.parts = []


def _portions(sentences: Iterable[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    stream = iter(sentences)
    while some := list(islice(stream, _TEXTS)):
        yield some

"""Vectors: texts or words as vectors, whose nearest neighbors have a similar meaning.

`vectors: documents` is a vector per document (`vectors/document_vectors.py`), and
`vectors: words` one per word (`vectors/word_vectors.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from kissipo.core.errors import TaskError
from kissipo.core.schema import option
from kissipo.output.answer import Answer
from kissipo.output.vectors.document_vectors import DocumentVectors
from kissipo.output.vectors.word_vectors import WordVectors

KINDS: dict[str, type[Answer]] = {"documents": DocumentVectors, "words": WordVectors}


@dataclass(frozen=True)
class Decode:
    """The options of the search for neighbors."""

    SHORT: ClassVar[str] = "top_k"
    top_k: int = option(5, "number of nearest neighbors that a prediction shows", minimum=1)


@dataclass(frozen=True)
class Options:
    """The options of vectors."""

    decode: Decode = option(Decode(), "how neighbors are searched")


class Vectors(Answer):
    """The word `vectors`; what it means depends on its value."""

    WORD = "vectors"
    NAMES_COLUMN = False
    SOURCES = ("text", "table")
    BASELINES = tuple(dict.fromkeys(name for kind in KINDS.values() for name in kind.BASELINES))

    @classmethod
    def variant(cls, value: object) -> type[Answer]:
        """Returns the class for documents, or for another kind of vectors."""
        kind = KINDS.get(str(value or "documents"))
        if kind is not None:
            return kind
        raise TaskError(
            "output.vectors says what has vectors", got=repr(value), allowed=" or ".join(KINDS)
        )


ANSWER = Vectors

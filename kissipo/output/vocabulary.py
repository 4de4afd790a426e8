"""Vocabulary: the tokens of a text that an answer continues, such as a language model.

Example:  >>> from kissipo.codec.index import Index
          >>> index = Index("text").fit(Frame((strings("text", ["a", "b", "a"]),)))
          >>> vocabulary = Vocabulary(index, "characters")
          >>> units, frame = vocabulary.split("ab?")
          >>> units, vocabulary.codec.encode(frame).tolist(), vocabulary.labels[1:]
          (['a', 'b', '?'], [1, 2, 0], ('a', 'b'))
"""

from __future__ import annotations

from dataclasses import dataclass

from kissipo.core.codec import Codec
from kissipo.core.frame import Frame, strings

MAX_UNITS = 20_000  # tokens of one text that is read at once


@dataclass(frozen=True)
class Vocabulary:
    """How a text becomes tokens, and tokens become text.

    codec:  tokens <-> ids
    unit:   characters or words
    """

    codec: Codec
    unit: str

    @property
    def labels(self) -> tuple[str, ...]:
        """The tokens by id, for display; id 0 stands for unknown tokens."""
        return ("\N{REPLACEMENT CHARACTER}", *self.codec.spec.labels[1:])

    def split(self, text: str) -> tuple[list[str], Frame]:
        """Splits a text into tokens; returns them as a list and as a column."""
        units = list(text) if self.unit == "characters" else text.split()
        return units, Frame((strings(self.codec.column, units),), origin="the text")

    def continuation(self, token: int) -> str:
        """Returns the text that a token appends."""
        return ("" if self.unit == "characters" else " ") + self.codec.spec.labels[token]

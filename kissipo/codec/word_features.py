"""Word features: each word <-> ids of its form, its beginning, its end and its shape.

Words stand between blanks.
Paris ->  paris   P...   ...ris   Xxxx

The lower-cased word says what it means; its first letter, its last three letters and
its shape (X an upper-case letter, x another letter, d a digit, at most three equal ones
in a row) say something about words that were never seen, and keep the case of letters.
A net adds the embeddings of the four ids. Id 0 is padding, id 1 stands for a feature
that occurs fewer than `min_count` times in the training split. By default, `min_count`
is 2, and 1 for fewer than 200 texts. By default, the length is that of the longest
training text, without a few that are much longer, and at least 128 words. `decode`
returns the lower-cased words.

Shapes:   column (row) -> ids (row, time, feature)
Source:   the embeddings of spaCy (Honnibal and Montani 2017: norm, prefix, suffix,
          shape), without its hash table.
Example:  >>> from kissipo.core.frame import Frame, strings
          >>> frame = Frame((strings("text", ["Paris is in Paris", "is"]),))
          >>> codec = WordFeatures("text", length=4).fit(frame)
          >>> codec.encode(frame)[1].tolist()
          [[2, 5, 7, 10], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
          >>> first = codec.encode(frame)[0, 0].tolist()
          >>> [codec.spec.labels[number] for number in first]
          ['paris', 'P...', '...ris', 'shape Xxxx']
          >>> codec.decode(codec.encode(frame))["text"].texts()
          ['paris is in paris', 'is']
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import chain, groupby
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from kissipo.codec._text_remarks import text_remarks
from kissipo.codec.tokens import PADDING, UNKNOWN, longest
from kissipo.core.codec import Codec, refuse_unfitted
from kissipo.core.frame import Frame, strings
from kissipo.core.tensor_spec import TensorSpec

_SPECIAL = ("(padding)", "(unknown)")
_LABELS = ("{}", "{}...", "...{}", "shape {}")
_MANY_TEXTS = 200
_RUN, _LONGEST_SHAPE = 3, 8
_MIN_LENGTH = 128  # a recurrent net skips the padding, which costs no time


def shape(word: str) -> str:
    """Returns the shape of a word: what kind each of its letters is.

    Example:  >>> shape("McDonald's"), shape("WNUT2017"), shape(":-)")
              ("XxXxxx'x", 'XXXddd', ':-)')
    """
    letters = (
        "d" if sign.isdigit() else "X" if sign.isupper() else "x" if sign.isalpha() else sign
        for sign in word
    )
    runs = ("".join(list(run)[:_RUN]) for _, run in groupby(letters))
    return "".join(runs)[:_LONGEST_SHAPE]


def features(word: str) -> tuple[str, str, str, str]:
    """Returns the form, the beginning, the end and the shape of a word.

    Example:  >>> features("Paris")
              ('paris', 'P', 'ris', 'Xxxx')
    """
    lower = word.lower()
    return lower, word[:1], lower[-3:], shape(word)


class WordFeatures(Codec):
    """Encodes the features of each word."""

    KIND: ClassVar[str] = "word_features"
    FIELDS: ClassVar[tuple[str, ...]] = (
        "column",
        "length",
        "vocab_size",
        "min_count",
        "vocabulary",
    )

    def __init__(
        self,
        column: str,
        *,
        length: int | None = None,
        vocab_size: int = 20_000,
        min_count: int | None = None,
    ) -> None:
        self.column, self.length = column, length
        self.vocab_size, self.min_count = vocab_size, min_count
        self.vocabulary: tuple[tuple[str, ...], ...] | None = None
        self._ids: tuple[dict[str, int], ...] = ()

    @property
    def spec(self) -> TensorSpec:
        labels = [
            label.format(text)
            for label, texts in zip(_LABELS, self.vocabulary or ((),) * len(_LABELS), strict=True)
            for text in texts
        ]
        return TensorSpec(
            self.column,
            ("time", "feature"),
            (self.length or 0, len(_LABELS)),
            len(_SPECIAL) + len(labels),
            (*_SPECIAL, *labels),
            padded=True,
            unit="words",
        )

    def fit(self, frame: Frame) -> Self:
        texts = [self.split_words(text) for text in frame[self.column].texts()]
        if self.length is None:
            self.length = max(_MIN_LENGTH, longest(np.array([len(words) for words in texts])))
        if self.min_count is None:
            self.min_count = 2 if len(texts) >= _MANY_TEXTS else 1
        counts = Counter(chain.from_iterable(texts))
        tables: list[Counter[str]] = [Counter() for _ in _LABELS]
        for word, count in counts.items():
            for table, text in zip(tables, features(word), strict=True):
                table[text] += count
        self.vocabulary = tuple(self._frequent(table) for table in tables)
        self._set_ids()
        return self

    def encode(self, frame: Frame) -> Tensor:
        refuse_unfitted(self.vocabulary, self)
        table = np.full((len(frame), self.length or 1, len(_LABELS)), PADDING, dtype=np.int64)
        ids_by_word: dict[str, list[int]] = {}
        for row, text in enumerate(frame[self.column].texts()):
            for place, word in enumerate(self.split_tokens(text or "")):
                if word not in ids_by_word:
                    ids_by_word[word] = list(self._ids_of(word))
                table[row, place] = ids_by_word[word]
        return torch.from_numpy(table)

    def decode(self, tensor: Tensor) -> Frame:
        refuse_unfitted(self.vocabulary, self)
        labels = self.spec.labels
        texts = [
            " ".join(labels[number] for number in row if number != PADDING)
            for row in tensor[:, :, 0].tolist()
        ]
        return Frame((strings(self.column, texts),))

    def split_words(self, text: str | None) -> list[str]:
        """Returns all words of a text."""
        return (text or "").split()

    def split_tokens(self, text: str) -> list[str]:
        return self.split_words(text)[: self.length]

    def word_steps(self, frame: Frame) -> list[list[int]]:
        length = self.length or 1
        sizes = (len(self.split_words(text)) for text in frame[self.column].texts())
        return [[place if place < length else -1 for place in range(size)] for size in sizes]

    def remarks(self, frame: Frame) -> list[str]:
        unknown: Counter[str] = Counter()
        truncated = empty = 0
        for text in frame[self.column].texts():
            words = self.split_words(text)
            truncated += len(words) > (self.length or 1)
            empty += not words
            unknown.update(word for word in words if word.lower() not in self._ids[0])
        listed = ", ".join(f"'{word}'" for word, _ in unknown.most_common(3))
        rare = (
            f"{unknown.total()} words of '{self.column}' rare or never seen in training "
            f"({listed}), read by their beginning, end and shape"
        )
        return text_remarks(
            self.column,
            "words",
            texts=len(frame),
            length=self.length or 1,
            truncated=truncated,
            empty=empty,
            unknown=rare if unknown else "",
        )

    @classmethod
    def from_state(cls, state: dict[str, object]) -> Self:
        codec = super().from_state(state)
        codec._set_ids()
        return codec

    def describe(self) -> str:
        words = len((self.vocabulary or ((),))[0])
        return f"words -> ids of form, beginning, end and shape, {words} known, {self.length} each"

    def _frequent(self, counts: Counter[str]) -> tuple[str, ...]:
        frequent = [text for text, count in counts.items() if count >= (self.min_count or 1)]
        return tuple(sorted(frequent, key=lambda text: (-counts[text], text))[: self.vocab_size])

    def _set_ids(self) -> None:
        first, tables = len(_SPECIAL), []
        for texts in self.vocabulary or ():
            tables.append({text: number for number, text in enumerate(texts, first)})
            first += len(texts)
        self._ids = tuple(tables)

    def _ids_of(self, word: str) -> Iterator[int]:
        for table, text in zip(self._ids, features(word), strict=True):
            yield table.get(text, UNKNOWN)


CODEC = WordFeatures

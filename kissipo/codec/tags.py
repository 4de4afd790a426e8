"""Tags: a BIO tag per word of a text <-> ids at the first token of each word.

The codec of the text says where its words stand: of a word in several pieces only the
first has a tag. Id 0 is padding: other pieces, marks such as [CLS], and the end. Id 1
is O, then each kind of name has an id for B and one for I.

A net cannot find a name when one of its words is truncated or has no token, or when its
kind is not in the training split. Then all words of the name get id 0, and `lost`
returns its kind. Other words without a token count as O.

Shapes:   columns (row) -> ids (row, time)
Raises:   DataError when a row has another number of tags than of words.
Example:  >>> from kissipo.codec.word_features import WordFeatures
          >>> from kissipo.core.frame import Frame, strings
          >>> text = strings("text", ["Anna flew to Hong Kong", "Anna slept"])
          >>> tags = strings("tags", ["B-person O O B-place I-place", "B-person O"])
          >>> frame = Frame((text, tags))
          >>> codec = Tags("tags", WordFeatures("text", length=5).fit(frame)).fit(frame)
          >>> codec.spec.labels
          ('(padding)', 'O', 'B-person', 'I-person', 'B-place', 'I-place')
          >>> codec.encode(frame).tolist()
          [[2, 1, 1, 4, 5], [2, 1, 0, 0, 0]]
          >>> codec.decode(codec.encode(frame))["tags"].texts()
          ['B-person O O B-place I-place', 'B-person O']
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from kissipo.codec._bio_tags import OUTSIDE, Span, spans, to_bio
from kissipo.codec.tokens import PADDING
from kissipo.core.codec import Codec, refuse_unfitted
from kissipo.core.errors import DataError
from kissipo.core.frame import Frame, strings
from kissipo.core.tensor_spec import TensorSpec

_PADDING = "(padding)"
_MARK = ","  # that is a word of its own in texts whose words were separated


class Tags(Codec):
    """Encodes the tags of the words of a text.

    text:          the codec of the text
    kinds:         the kinds of names in the training split, the most frequent first
    is_separated:  whether punctuation marks are words of the training texts
    """

    KIND: ClassVar[str] = "tags"
    FIELDS: ClassVar[tuple[str, ...]] = ("column", "text", "kinds", "is_separated")

    def __init__(self, column: str, text: Codec | None = None) -> None:
        self.column, self.text = column, text
        self.kinds: tuple[str, ...] | None = None
        self.is_separated = True

    @property
    def labels(self) -> tuple[str, ...]:
        """The tags by their ids."""
        tags = (f"{letter}-{kind}" for kind in self.kinds or () for letter in "BI")
        return (_PADDING, OUTSIDE, *tags)

    @property
    def spec(self) -> TensorSpec:
        length = 0 if self.text is None else self.text.spec.shape[0]
        return TensorSpec(
            self.column, ("time",), (length,), len(self.labels), self.labels, padded=True
        )

    def fit(self, frame: Frame) -> Self:
        counts: Counter[str] = Counter()
        separated = attached = 0  # marks
        for words, tags, _ in self._rows(frame):
            counts.update(span.kind for span in spans(tags))
            separated += words.count(_MARK)
            attached += sum(word.endswith(_MARK) and word != _MARK for word in words)
        self.kinds = tuple(sorted(counts, key=lambda kind: (-counts[kind], kind)))
        self.is_separated = separated >= attached
        return self

    def encode(self, frame: Frame) -> Tensor:
        refuse_unfitted(self.kinds, self)
        ids = {label: number for number, label in enumerate(self.labels)}
        table = np.full((len(frame), *self.spec.shape), PADDING, dtype=np.int64)
        for row, (_, tags, steps) in enumerate(self._rows(frame)):
            numbers = [ids.get(tag, PADDING) for tag in tags]
            for span in self._lost(tags, steps):
                numbers[span.start : span.end] = [PADDING] * (span.end - span.start)
            for step, number in zip(steps, numbers, strict=True):
                if step >= 0:
                    table[row, step] = number
        return torch.from_numpy(table)

    def decode(self, tensor: Tensor) -> Frame:
        refuse_unfitted(self.kinds, self)
        texts = [
            " ".join(self.labels[number] for number in row if number != PADDING)
            for row in tensor.tolist()
        ]
        return Frame((strings(self.column, texts),))

    def lost(self, frame: Frame) -> list[list[str]]:
        """Returns for each row the kinds of its names that cannot be found."""
        return [
            [span.kind for span in self._lost(tags, steps)] for _, tags, steps in self._rows(frame)
        ]

    def words(self, frame: Frame) -> Iterator[tuple[list[str], list[int]]]:
        """Yields for each row its words, and the step of the first token of each."""
        assert self.text is not None
        steps = self.text.word_steps(frame)
        assert steps is not None
        for text, places in zip(frame[self.text.columns[0]].texts(), steps, strict=True):
            yield (text or "").split(), places

    def describe(self) -> str:
        return f"a tag per word -> ids, {len(self.kinds or ())} kinds of names"

    def _rows(self, frame: Frame) -> Iterator[tuple[list[str], list[str], list[int]]]:
        """Yields the words, the tags and the steps of each row."""
        tags_of_rows = frame[self.column].texts()
        for row, (words, steps) in enumerate(self.words(frame)):
            tags = to_bio((tags_of_rows[row] or "").split())[0]
            if len(tags) != len(words):
                raise DataError(
                    f"row {frame.rows[row]} of {frame.origin} has {len(words)} words and "
                    f"{len(tags)} tags in '{self.column}'",
                    got=f"'{' '.join(words)[:60]}' and '{' '.join(tags)[:60]}'",
                    allowed="one tag per word; both separated by blanks",
                )
            yield words, tags, steps

    def _lost(self, tags: list[str], steps: list[int]) -> list[Span]:
        """Returns the names that cannot be found."""
        kinds = self.kinds or ()
        return [
            span
            for span in spans(tags)
            if span.kind not in kinds or min(steps[span.start : span.end]) < 0
        ]


CODEC = Tags

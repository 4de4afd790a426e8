"""Option pairs: a text with each of its options <-> ids of word pieces, for BERT.

one text    [CLS] text [SEP] option [SEP]               a row per option
two texts   [CLS] text [SEP] second text option [SEP]   a paragraph and a question

An empty option does not count: its ids are all 0. The vocabulary, the length and the
truncation are those of the codec of word pieces, for all pairs of the training split.

Shapes:   columns (row) -> ids (row, option, time)
Choices:  `decode` returns what word pieces return; the second text is the words with
          which all options begin, since it stands before each of them.
Source:   Devlin et al. 2019, section 4.4 (SWAG); two texts as for RACE (Lai et al.
          2017).
Raises:   DataError for fewer than two options.
Example:  >>> from kissipo.core.frame import Frame, strings
          >>> texts = {"start": ["we sing", "they sang"], "a": ["a song", "a song"],
          ...          "b": ["a sea", ""]}
          >>> frame = Frame(tuple(strings(name, text) for name, text in texts.items()))
          >>> codec = OptionPairs(("start",), options=("a", "b"), vocab_size=60)
          >>> ids = codec.fit(frame).encode(frame)
          >>> ids.shape[:2], int(ids[1, 1].sum())
          (torch.Size([2, 2]), 0)
          >>> codec.decode(ids)["b"].texts()
          ['a sea', '']
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from kissipo.codec.word_pieces import WordPieces
from kissipo.core.codec import Codec
from kissipo.core.errors import DataError
from kissipo.core.frame import Frame, strings
from kissipo.core.inferred_option import InferredOption
from kissipo.core.json_object import JsonObject
from kissipo.core.tensor_spec import TensorSpec

_PAIR = ("text", "option")


class OptionPairs(Codec):
    """Encodes a text, or two, with each of its options.

    texts:       the columns of the text, and of a text that stands before each option
    options:     the columns of the options
    pieces:      the codec of a pair; when omitted, it is made from its own options,
                 such as vocab_size and length
    """

    KIND: ClassVar[str] = "option_pairs"
    FIELDS: ClassVar[tuple[str, ...]] = ("texts", "options", "pieces")

    def __init__(
        self,
        texts: tuple[str, ...],
        *,
        options: tuple[str, ...],
        pieces: WordPieces | None = None,
        length: int | None = None,
        vocab_size: int = 8_000,
        lowercase: bool = True,
        model: JsonObject | None = None,
    ) -> None:
        if len(options) < 2:
            raise DataError(
                "a choice needs at least two options",
                got=", ".join(options) or "none",
                do="Name the columns of the options: output.options=[COLUMN, COLUMN]",
            )
        self.texts, self.options = texts, options
        self.pieces = pieces or WordPieces(
            _PAIR, length=length, vocab_size=vocab_size, lowercase=lowercase, model=model
        )

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.texts, *self.options)

    @property
    def spec(self) -> TensorSpec:
        pair = self.pieces.spec
        shape, labels = (len(self.options), *pair.shape), pair.labels
        name = " and ".join(self.texts)
        return TensorSpec(
            name, ("option", "time"), shape, pair.vocab_size, labels, padded=True, unit=pair.unit
        )

    def fit(self, frame: Frame) -> Self:
        self.pieces.fit(self._pairs(frame))
        return self

    def encode(self, frame: Frame) -> Tensor:
        pairs = self._pairs(frame)
        ids = self.pieces.encode(pairs)
        is_option = torch.tensor([bool(text) for text in self._options(frame)], dtype=torch.bool)
        ids[~is_option] = 0
        return ids.unflatten(0, (len(frame), len(self.options)))

    def decode(self, tensor: Tensor) -> Frame:
        pairs = self.pieces.decode(tensor.flatten(0, 1))
        first, options = (
            _in_rows([text or "" for text in pairs[name].texts()], len(self.options))
            for name in _PAIR
        )
        columns = [[max(row, key=len) for row in first]]
        if len(self.texts) == 2:
            shared = [_shared_words([text for text in row if text]) for row in options]
            columns.append(shared)
            options = [
                [text[len(words) :].strip() for text in row]
                for words, row in zip(shared, options, strict=True)
            ]
        columns += [list(texts) for texts in zip(*options, strict=True)]
        names = zip(self.columns, columns, strict=True)
        return Frame(tuple(strings(name, texts) for name, texts in names))

    def tokens_of(self, texts: Sequence[str]) -> list[str]:
        """Returns the tokens of the first pair of a row."""
        if not texts:
            return []
        frame = Frame(
            tuple(strings(name, [text]) for name, text in zip(self.columns, texts, strict=True))
        )
        pairs = self._pairs(frame)
        return self.pieces.tokens_of([pairs[name].texts()[0] or "" for name in _PAIR])

    def remarks(self, frame: Frame) -> list[str]:
        is_option = np.array([bool(text) for text in self._options(frame)])
        return self.pieces.remarks(self._pairs(frame).take(np.flatnonzero(is_option)))

    def fitted_options(self) -> tuple[InferredOption, ...]:
        return self.pieces.fitted_options()

    def suggested_net(self) -> InferredOption | None:
        return self.pieces.suggested_net()

    def describe(self) -> str:
        _, length = self.spec.shape
        before = "b " if len(self.texts) == 2 else ""
        size = len(self.pieces.spec.labels)
        return (
            f"word pieces -> ids [CLS] a [SEP] {before}option [SEP] for {len(self.options)} "
            f"options, {size:,} known, {length} per pair"
        )

    def _options(self, frame: Frame) -> list[str]:
        """Returns the options of all rows, those of the first row first."""
        columns = [texts_of(frame, name) for name in self.options]
        return [text for row in zip(*columns, strict=True) for text in row]

    def _pairs(self, frame: Frame) -> Frame:
        """Returns a row per option, with the text and the option."""
        options, count = self._options(frame), len(self.options)
        texts = [
            [text for text in texts_of(frame, name) for _ in range(count)] for name in self.texts
        ]
        if len(texts) == 2:
            options = [
                f"{before} {text}" if text else ""
                for before, text in zip(texts[1], options, strict=True)
            ]
        return Frame((strings(_PAIR[0], texts[0]), strings(_PAIR[1], options)))


def texts_of(frame: Frame, name: str) -> list[str]:
    """Returns the texts of a column without blanks around them; "" where one is
    missing."""
    column = frame[name]
    return [str(column.show(row) or "").strip() for row in range(len(column))]


def _in_rows(texts: Sequence[str], width: int) -> list[list[str]]:
    return [list(texts[first : first + width]) for first in range(0, len(texts), width)]


def _shared_words(texts: Sequence[str]) -> str:
    """Returns the words with which all texts begin.

    Example:  >>> _shared_words(["he was born here", "he was there"])
              'he was'
    """
    places = zip(*(text.split() for text in texts), strict=False)
    return " ".join(words[0] for words in takewhile(lambda words: len(set(words)) == 1, places))


CODEC = OptionPairs

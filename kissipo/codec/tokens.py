"""Tokens: text <-> ids of its words or characters, cut or filled up to one length.

Id 0 fills up, id 1 stands for a token that the training part does not have, or has fewer than `least` times: so the net also
learns what a rare word means to be. Left to itself, `least` is 2, and 1 where there are fewer than 200 texts. FrozenConfig are taken
in lower case, punctuation marks are words of their own; characters are taken as they are. `decode` joins words by blanks
(case and spacing are lost) and characters exactly, as far as they were known and not cut.

Shapes:   column (row) -> ids (row, time)
Example:  >>> from kissipo.core.frame import Frame, strings
          >>> frame = Frame((strings("message", ["Win a prize!", "a prize"]),))
          >>> codec = Tokens("message").fit(frame)
          >>> codec.encode(frame).tolist(), codec.decode(codec.encode(frame))["message"].texts()
          ([[5, 2, 3, 4], [2, 3, 0, 0]], ['win a prize !', 'a prize'])
"""

import re
from collections import Counter
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from torch import Tensor

from kissipo.core.codec import Codec, refuse_unfitted
from kissipo.core.frame import Frame, strings
from kissipo.core.tensor_spec import TensorSpec

FILL, UNKNOWN = 0, 1
_WORD = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")
LENGTH_SHARE = 0.99
_MANY_TEXTS = 200


def split_words(text: str) -> list[str]:
    """FrozenConfig and punctuation marks, in lower case.

    Example:  >>> split_words("Don't STOP!!")
              ["don't", 'stop', '!', '!']
    """
    return _WORD.findall(text.lower())


class Tokens(Codec):
    """Text as ids."""

    KIND: ClassVar[str] = "tokens"
    KEPT = ("column", "unit", "length", "most", "least", "vocabulary")

    def __init__(
        self,
        column: str,
        *,
        unit: Literal["words", "characters"] = "words",
        length: int | None = None,
        most: int = 20_000,
        least: int | None = None,
    ) -> None:
        self.column, self.unit, self.length, self.most, self.least = (
            column,
            unit,
            length,
            most,
            least,
        )
        self.vocabulary: tuple[str, ...] | None = None
        self._ids: dict[str, int] = {}

    @property
    def spec(self) -> TensorSpec:
        words = ("(fill)", "(unknown)", *(self.vocabulary or ()))
        return TensorSpec(
            self.column,
            ("time",),
            (self.length or 0,),
            vocabulary=len(words),
            words=words,
            fills=True,
        )

    def fit(self, frame: Frame) -> Self:
        column = frame[self.column]
        tokens = [self._split(text) for text in column.levels]
        uses = np.bincount(column.values[column.values >= 0], minlength=len(column.levels)).tolist()
        counts: Counter[str] = Counter()
        lengths: list[int] = []
        for some, times_used in zip(tokens, uses, strict=True):
            if times_used:
                lengths += [len(some)] * times_used
                for token, count in Counter(some).items():
                    counts[token] += count * times_used
        if self.least is None:
            self.least = 2 if len(lengths) >= _MANY_TEXTS else 1
        known = [token for token, count in counts.items() if count >= self.least]
        by_frequency = sorted(known, key=lambda token: (-counts[token], token))
        if self.length is None:
            self.length = max(1, int(np.ceil(np.quantile(lengths, LENGTH_SHARE)))) if lengths else 1
        self._know(tuple(by_frequency[: self.most]))
        return self

    def encode(self, frame: Frame) -> Tensor:
        refuse_unfitted(self.vocabulary, self)
        column, length = frame[self.column], self.length or 1
        used = np.unique(column.values[column.values >= 0])
        table = np.zeros((len(used) + 1, length), dtype=np.int64)
        place = np.full(len(column.levels) + 1, len(used))
        for at, code in enumerate(used.tolist()):
            ids = [
                self._ids.get(token, UNKNOWN) for token in self._split(column.levels[code])[:length]
            ]
            table[at, : len(ids)] = ids
            place[code] = at
        return torch.from_numpy(table[place[column.values]])

    def decode(self, tensor: Tensor) -> Frame:
        refuse_unfitted(self.vocabulary, self)
        words = self.spec.words
        mark = " " if self.unit == "words" else ""
        texts = [
            mark.join(words[number] for number in row if number != FILL) for row in tensor.tolist()
        ]
        return Frame((strings(self.column, texts),))

    def remarks(self, frame: Frame) -> list[str]:
        column, told = frame[self.column], []
        unknown: Counter[str] = Counter()
        cut = empty = 0
        for text in (each for each in column.texts()):
            tokens = self._split(text or "")
            cut += len(tokens) > (self.length or 1)
            empty += not tokens
            unknown.update(token for token in tokens if token not in self._ids)
        if cut:
            told.append(
                f"{cut} of {len(frame)} '{self.column}' longer than {self.length} {self.unit}, the rest cut"
            )
        if unknown:
            listed = ", ".join(f"'{token}'" for token, _ in unknown.most_common(3))
            told.append(
                f"{sum(unknown.values())} {self.unit} of '{self.column}' rare or never seen in training ({listed}), read as unknown"
            )
        if empty:
            told.append(f"{empty} empty '{self.column}', read as no {self.unit}")
        return told

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        codec = super().from_state(state)
        codec._know(codec.vocabulary)
        return codec

    def describe(self) -> str:
        return f"{self.unit} -> ids, {len(self.vocabulary or ())} known, {self.length} a text"

    def _know(self, vocabulary: tuple[str, ...] | None) -> None:
        self.vocabulary = vocabulary
        self._ids = {token: number for number, token in enumerate(vocabulary or (), 2)}

    def _split(self, text: str) -> list[str]:
        return split_words(text) if self.unit == "words" else list(text)


CODEC = Tokens

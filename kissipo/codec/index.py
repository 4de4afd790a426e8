"""Index: a column of categories <-> ids for an embedding; id 0 is unknown.

Shapes:   column (row) -> ids (row), from 1 in the order of frequency
Example:  >>> from kissipo.core.frame import Frame, strings
          >>> frame = Frame((strings("film", ["Alien", "Alien", "Brazil"]),))
          >>> codec = Index("film").fit(frame)
          >>> codec.encode(Frame((strings("film", ["Brazil", "Solaris"]),))).tolist()
          [2, 0]
"""

from typing import ClassVar, Self

import torch
from torch import Tensor

from kissipo.codec.labels import as_strings
from kissipo.codec.one_hot import describe_unseen
from kissipo.core.codec import Codec, refuse_unfitted
from kissipo.core.frame import Frame, strings
from kissipo.core.tensor_spec import TensorSpec


class Index(Codec):
    """Encodes categories as ids, the most frequent ones first."""

    KIND: ClassVar[str] = "index"
    FIELDS = ("column", "vocab_size", "categories")

    def __init__(self, column: str, *, vocab_size: int | None = None) -> None:
        self.column, self.vocab_size = column, vocab_size
        self.categories: tuple[str, ...] | None = None

    @property
    def spec(self) -> TensorSpec:
        return TensorSpec(
            self.column,
            (),
            (),
            vocab_size=1 + len(self.categories or ()),
            labels=("(unknown)", *(self.categories or ())),
        )

    def fit(self, frame: Frame) -> Self:
        counts = as_strings(frame[self.column]).counts()
        by_frequency = sorted(counts, key=lambda text: (-counts[text], text))
        self.categories = tuple(by_frequency[: self.vocab_size])
        return self

    def encode(self, frame: Frame) -> Tensor:
        refuse_unfitted(self.categories, self)
        column = as_strings(frame[self.column])
        return torch.from_numpy(column.positions(self.categories or (), absent=-1) + 1)

    def known_texts(self) -> dict[str, tuple[str, ...]]:
        return {self.column: self.categories or ()}

    def decode(self, tensor: Tensor) -> Frame:
        refuse_unfitted(self.categories, self)
        texts: list[str | None] = [None, *(self.categories or ())]
        return Frame((strings(self.column, [texts[number] for number in tensor.tolist()]),))

    def remarks(self, frame: Frame) -> list[str]:
        return describe_unseen(
            frame, self.column, self.categories or (), has_missing=False, becomes="unknown (id 0)"
        )

    def describe(self) -> str:
        return f"{len(self.categories or ())} categories -> ids, 0 for unknown"


CODEC = Index

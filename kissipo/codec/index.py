"""Index: a column of many levels <-> ids for an embedding; id 0 stands for missing and never seen.

Shapes:   column (row) -> ids (row), from 1 in the order of frequency
Example:  >>> from kissipo.core.frame import Frame, strings
          >>> codec = Index("film").fit(Frame((strings("film", ["Alien", "Alien", "Brazil"]),)))
          >>> codec.encode(Frame((strings("film", ["Brazil", "Solaris"]),))).tolist()
          [2, 0]
"""

from typing import ClassVar, Self

import torch
from torch import Tensor

from kissipo.codec.labels import as_strings, positions
from kissipo.codec.one_hot import describe_unseen
from kissipo.core.codec import Codec, refuse_unfitted
from kissipo.core.frame import Frame, strings
from kissipo.core.tensor_spec import TensorSpec


class Index(Codec):
    """Levels as ids, the most frequent ones first."""

    KIND: ClassVar[str] = "index"
    KEPT = ("column", "most", "levels")

    def __init__(self, column: str, *, most: int | None = None) -> None:
        self.column, self.most = column, most
        self.levels: tuple[str, ...] | None = None

    @property
    def spec(self) -> TensorSpec:
        return TensorSpec(
            self.column,
            (),
            (),
            vocabulary=1 + len(self.levels or ()),
            words=("(unknown)", *(self.levels or ())),
        )

    def fit(self, frame: Frame) -> Self:
        counts = as_strings(frame[self.column]).counts()
        by_frequency = sorted(counts, key=lambda level: (-counts[level], level))
        self.levels = tuple(by_frequency[: self.most])
        return self

    def encode(self, frame: Frame) -> Tensor:
        refuse_unfitted(self.levels, self)
        return torch.from_numpy(
            positions(as_strings(frame[self.column]), self.levels or (), absent=-1) + 1
        )

    def decode(self, tensor: Tensor) -> Frame:
        refuse_unfitted(self.levels, self)
        known: list[str | None] = [None, *(self.levels or ())]
        return Frame((strings(self.column, [known[number] for number in tensor.tolist()]),))

    def remarks(self, frame: Frame) -> list[str]:
        return describe_unseen(
            frame, self.column, self.levels or (), knows_missing=False, becomes="unknown (id 0)"
        )

    def describe(self) -> str:
        return f"{len(self.levels or ())} levels -> ids 1..{len(self.levels or ())}, 0 for unknown"


CODEC = Index

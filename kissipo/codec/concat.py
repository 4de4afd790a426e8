"""Concat: several codecs <-> one vector; `decode` returns every column.

Shapes:   columns -> (row, feature), the features of the first codec first
"""

from itertools import accumulate
from typing import ClassVar, Self

import torch
from torch import Tensor

from kissipo.core.codec import Codec, columns_of
from kissipo.core.frame import Frame
from kissipo.core.tensor_spec import TensorSpec


class Concat(Codec):
    """Concatenates the features of several codecs."""

    KIND: ClassVar[str] = "concat"
    FIELDS = ("name", "codecs")

    def __init__(self, codecs: tuple[Codec, ...], *, name: str = "features") -> None:
        self.codecs, self.name = tuple(codecs), name

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(columns_of(self.codecs))

    @property
    def number_columns(self) -> tuple[str, ...]:
        return tuple(column for codec in self.codecs for column in codec.number_columns)

    @property
    def spec(self) -> TensorSpec:
        specs = [codec.spec for codec in self.codecs]
        labels = tuple(label for spec in specs for label in spec.labels)
        scales = tuple(spec.scale_of(place) for spec in specs for place in range(len(spec.labels)))
        return TensorSpec(self.name, ("feature",), (len(labels),), labels=labels, scales=scales)

    def fit(self, frame: Frame) -> Self:
        for codec in self.codecs:
            codec.fit(frame)
        return self

    def encode(self, frame: Frame) -> Tensor:
        ends = list(accumulate(codec.spec.size for codec in self.codecs))
        features = torch.empty(len(frame), ends[-1])  # one copy in memory, not two
        for codec, start, end in zip(self.codecs, [0, *ends], ends, strict=False):
            features[:, start:end] = codec.encode(frame)
        return features

    def decode(self, tensor: Tensor) -> Frame:
        ends = list(accumulate(codec.spec.size for codec in self.codecs))
        frames = [
            codec.decode(tensor[:, start:end])
            for codec, start, end in zip(self.codecs, [0, *ends], ends, strict=False)
        ]
        columns = {column.name: column for frame in reversed(frames) for column in frame.columns}
        return Frame(tuple(columns[name] for name in self.columns))

    def known_texts(self) -> dict[str, tuple[str, ...]]:
        return {name: texts for codec in self.codecs for name, texts in codec.known_texts().items()}

    def remarks(self, frame: Frame) -> list[str]:
        return [remark for codec in self.codecs for remark in codec.remarks(frame)]

    @property
    def parts(self) -> tuple[Codec, ...]:
        return self.codecs

    def describe(self) -> str:
        return f"concatenation of {len(self.codecs)} encodings"


CODEC = Concat

"""Side features: what is known of a user or an item <-> one vector per row.

The vector of a user or an item is kept, so that a row that names it alone has its
features, too. A row with the columns of the features themselves is encoded from them. A
new user or item without these columns has the features 0.

Shapes:   columns (row) -> (row, feature)
Example:  >>> from kissipo.codec.one_hot import OneHot
          >>> from kissipo.core.frame import Frame, strings
          >>> frame = Frame((strings("film", ["a", "b"]), strings("genre", ["war", "fun"])))
          >>> codec = SideFeatures("film", "item features", OneHot("genre")).fit(frame)
          >>> codec.encode(Frame((strings("film", ["b", "a", "new"]),))).tolist()
          [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from kissipo.codec.labels import as_strings
from kissipo.core.codec import Codec, refuse_unfitted
from kissipo.core.frame import Frame
from kissipo.core.tensor_spec import TensorSpec


class SideFeatures(Codec):
    """Encodes the features of users or of items, which it also keeps by id."""

    KIND: ClassVar[str] = "side_features"
    FIELDS = ("column", "name", "inner", "ids", "vectors")

    def __init__(self, column: str, name: str, inner: Codec) -> None:
        self.column, self.name, self.inner = column, name, inner
        self.ids: tuple[str, ...] | None = None
        self.vectors: tuple[str, ...] = ()  # one text of numbers per id

    @property
    def feature_columns(self) -> tuple[str, ...]:
        """The columns of the features."""
        return self.inner.columns

    @property
    def spec(self) -> TensorSpec:
        inner = self.inner.spec
        labels = inner.labels or tuple(map(str, range(inner.size)))
        return TensorSpec(self.name, ("feature",), (inner.size,), labels=labels)

    def fit(self, frame: Frame) -> Self:
        self.inner.fit(frame.take(_first_rows(frame, self.column)))
        return self.keep(frame)

    def keep(self, frame: Frame) -> Self:
        """Keeps the features of all users or items of a frame, after `fit`."""
        first = frame.take(_first_rows(frame, self.column))
        rows = self.inner.encode(first).float().tolist()
        self.ids = tuple(filter(None, as_strings(first[self.column]).texts()))
        self.vectors = tuple(" ".join(f"{value:.9g}" for value in row) for row in rows)
        return self

    def encode(self, frame: Frame) -> Tensor:
        refuse_unfitted(self.ids, self)
        if all(name in frame for name in self.feature_columns):
            return self.inner.encode(frame).float()
        column = as_strings(frame[self.column])
        place = column.positions(self.ids or (), absent=len(self.ids or ()))
        return self._table[torch.from_numpy(place)]

    def by_id(self, ids: Sequence[str]) -> Tensor:
        """Returns the features of some users or items (id, feature)."""
        place = {text: number for number, text in enumerate(self.ids or ())}
        return self._table[torch.tensor([place.get(text, len(place)) for text in ids])]

    def decode(self, tensor: Tensor) -> Frame:
        refuse_unfitted(self.ids, self)
        return self.inner.decode(tensor)

    @property
    def parts(self) -> tuple[Codec, ...]:
        return self.inner.parts or (self.inner,)

    def describe(self) -> str:
        return f"{self.spec.size} features of {', '.join(self.feature_columns)}"

    @property
    def _table(self) -> Tensor:
        """The features of all ids, and zeros at the end."""
        rows = [[float(value) for value in text.split()] for text in self.vectors]
        return torch.tensor([*rows, [0.0] * self.spec.size], dtype=torch.float32)


def _first_rows(frame: Frame, column: str) -> np.ndarray:
    """Returns the first row of each user or item."""
    codes = as_strings(frame[column]).values
    first = np.unique(codes, return_index=True)[1]
    return np.sort(first[codes[first] >= 0])


CODEC = SideFeatures

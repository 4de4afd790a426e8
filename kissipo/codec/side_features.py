"""Side features: what is known of a user or an item <-> one vector per row.

The cells of every user or item are kept, so that `filled` gives a row that names one
alone its features. A new user or item has missing features.

Shapes:   columns (row) -> (row, feature)
Example:  >>> from kissipo.codec.one_hot import OneHot
          >>> from kissipo.core.frame import Frame, strings
          >>> film, kind = strings("film", ["a", "b"]), strings("kind", ["war", "fun"])
          >>> codec = SideFeatures("film", "item features", OneHot("kind"))
          >>> rows = Frame((strings("film", ["b", "new"]),))
          >>> codec.fit(Frame((film, kind))).encode(codec.filled(rows)).tolist()
          [[1.0, 0.0], [0.0, 0.0]]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from kissipo.codec.labels import as_strings
from kissipo.core.codec import Codec, refuse_unfitted
from kissipo.core.frame import Column, Frame, numbers, strings
from kissipo.core.tensor_spec import TensorSpec

USER_FEATURES, ITEM_FEATURES = "user features", "item features"  # names of inputs


class SideFeatures(Codec):
    """Encodes the features of users or of items, and keeps them by id.

    key:    the column of the ids
    ids:    the ids whose features are kept
    cells:  one tuple per column: the cell of each id
    """

    KIND: ClassVar[str] = "side_features"
    FIELDS = ("key", "name", "inner", "ids", "cells")

    def __init__(self, key: str, name: str, inner: Codec) -> None:
        self.key, self.name, self.inner = key, name, inner
        self.ids: tuple[str, ...] | None = None
        self.cells: tuple[tuple[str | float | None, ...], ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        return self.inner.columns

    @property
    def number_columns(self) -> tuple[str, ...]:
        return self.inner.number_columns

    @property
    def spec(self) -> TensorSpec:
        inner = self.inner.spec
        return TensorSpec(self.name, ("feature",), (inner.size,), labels=inner.labels)

    def fit(self, frame: Frame) -> Self:
        self.inner.fit(frame)
        return self.keep(frame)

    def keep(self, frame: Frame) -> Self:
        """Keeps the features of all users or items of a frame, after `fit`."""
        first = frame.take(_first_rows(frame, self.key))
        self.ids = tuple(text or "" for text in as_strings(first[self.key]).texts())
        self.cells = tuple(_cells(first[name]) for name in self.columns)
        return self

    def filled(self, frame: Frame) -> Frame:
        """Returns rows that name users or items with the features that they lack."""
        refuse_unfitted(self.ids, self)
        if self.key not in frame:
            return frame
        place = {text: row for row, text in enumerate(self.ids or ())}
        rows = [place.get(text or "") for text in as_strings(frame[self.key]).texts()]
        columns = []
        for name, cells in zip(self.columns, self.cells, strict=True):
            if name in frame:
                continue
            values = [None if row is None else cells[row] for row in rows]
            texts = [None if value is None else str(value) for value in values]
            is_number = name in self.number_columns
            columns.append(numbers(name, values) if is_number else strings(name, texts))
        return frame.replaced(*columns)

    def encode(self, frame: Frame) -> Tensor:
        refuse_unfitted(self.ids, self)
        return self.inner.encode(frame).float()

    def by_id(self, ids: Sequence[str]) -> Tensor:
        """Returns the features of some users or items (id, feature)."""
        return self.encode(self.filled(Frame((strings(self.key, ids),))))

    def decode(self, tensor: Tensor) -> Frame:
        refuse_unfitted(self.ids, self)
        return self.inner.decode(tensor)

    def known_texts(self) -> dict[str, tuple[str, ...]]:
        return self.inner.known_texts()

    def remarks(self, frame: Frame) -> list[str]:
        """Returns sentences about rows that name a user, or an item."""
        named = frame.take(~frame[self.key].missing) if self.key in frame else frame
        return self.inner.remarks(named)

    @property
    def parts(self) -> tuple[Codec, ...]:
        return self.inner.parts or (self.inner,)

    def describe(self) -> str:
        return f"{self.spec.size} features of {', '.join(self.columns)}"


def _cells(column: Column) -> tuple[str | float | None, ...]:
    if column.kind == "number":
        return tuple(None if np.isnan(value) else float(value) for value in column.values)
    return tuple(as_strings(column).texts())


def _first_rows(frame: Frame, key: str) -> NDArray[np.int64]:
    """Returns the first row of each user or item."""
    codes = as_strings(frame[key]).values
    first = np.unique(codes, return_index=True)[1]
    rows: NDArray[np.int64] = np.sort(first[codes[first] >= 0])
    return rows


CODEC = SideFeatures

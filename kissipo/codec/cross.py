"""Feature cross: a combination of several columns <-> one category.

A linear net can then learn what only the combination shows. Numbers are first sorted
into bins with about equal numbers of training rows. The cross is encoded one-hot when
it has few categories, else as ids. `decode` returns the columns: a number is the mean
of the training values in its bin, and an unseen combination gives None.

Source:   feature crosses as in Google's Machine Learning Crash Course.
Example:  >>> from kissipo.core.frame import Frame, strings
          >>> frame = Frame((strings("hour", ["7", "8"]), strings("place", ["A", "B"])))
          >>> Cross(("hour", "place")).fit(frame).spec.labels
          ('hour x place=7 x A', 'hour x place=8 x B')
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from torch import Tensor

from kissipo.codec.index import Index
from kissipo.codec.one_hot import OneHot
from kissipo.core.codec import Codec, refuse_unfitted
from kissipo.core.frame import Column, Frame, numbers, strings
from kissipo.core.tensor_spec import TensorSpec

BINS = 10
_SEPARATOR = " x "


class Cross(Codec):
    """Encodes combinations of two or more columns."""

    KIND: ClassVar[str] = "cross"
    FIELDS = ("columns", "one_hot_up_to", "edges", "inner", "combinations")

    def __init__(self, columns: tuple[str, ...], *, one_hot_up_to: int = 1000) -> None:
        self._columns, self.one_hot_up_to = tuple(columns), one_hot_up_to
        self.edges: dict[str, list[float]] | None = None
        self.inner: Codec | None = None
        self.combinations: dict[str, list[Any]] = {}

    @property
    def columns(self) -> tuple[str, ...]:
        return self._columns

    @property
    def number_columns(self) -> tuple[str, ...]:
        return tuple(name for name in self._columns if name in (self.edges or {}))

    @property
    def name(self) -> str:
        """The name of the combined column."""
        return _SEPARATOR.join(self._columns)

    @property
    def spec(self) -> TensorSpec:
        refuse_unfitted(self.inner, self)
        assert self.inner is not None
        return self.inner.spec

    def fit(self, frame: Frame) -> Self:
        self.edges = {
            name: _edges(frame[name]) for name in self._columns if frame[name].kind == "number"
        }
        crossed = self._crossed(frame)
        column = crossed[self.name]
        few = len(column.counts()) <= self.one_hot_up_to
        self.inner = (OneHot(self.name) if few else Index(self.name)).fit(crossed)
        decoded = [self._decoded(frame[name]) for name in self._columns]
        self.combinations = {}
        for row, text in enumerate(column.texts()):
            if text is not None and text not in self.combinations:
                self.combinations[text] = [values[row] for values in decoded]
        return self

    def encode(self, frame: Frame) -> Tensor:
        refuse_unfitted(self.inner, self)
        assert self.inner is not None
        return self.inner.encode(self._crossed(frame))

    def decode(self, tensor: Tensor) -> Frame:
        refuse_unfitted(self.inner, self)
        assert self.inner is not None and self.edges is not None
        unknown = [None] * len(self._columns)
        rows = [
            self.combinations.get(text or "", unknown)
            for text in self.inner.decode(tensor)[self.name].texts()
        ]
        columns = []
        for position, name in enumerate(self._columns):
            values = [row[position] for row in rows]
            columns.append(numbers(name, values) if name in self.edges else strings(name, values))
        return Frame(tuple(columns))

    def remarks(self, frame: Frame) -> list[str]:
        return self.inner.remarks(self._crossed(frame)) if self.inner else []

    def describe(self) -> str:
        return f"cross of {self.name}: {len(self.combinations)} combinations"

    def _crossed(self, frame: Frame) -> Frame:
        texts = [self._texts(frame[name]) for name in self._columns]
        joined = [None if None in row else _SEPARATOR.join(row) for row in zip(*texts, strict=True)]
        return Frame((strings(self.name, joined),), rows=frame.rows)

    def _texts(self, column: Column) -> list[str | None]:
        if column.kind == "string":
            return column.texts()
        if column.kind == "time":
            return [
                None if gap else str(value)
                for value, gap in zip(column.values, column.missing, strict=True)
            ]
        edges = (self.edges or {})[column.name]
        bins = np.searchsorted(edges, column.values, side="right")
        return [
            None if gap else f"bin {number}"
            for number, gap in zip(bins.tolist(), column.missing.tolist(), strict=True)
        ]

    def _decoded(self, column: Column) -> Sequence[str | float | None]:
        """Returns the decoded value per row: its text, or the mean of its bin."""
        if column.kind != "number":
            return self._texts(column)
        bins = np.searchsorted((self.edges or {})[column.name], column.values, side="right")
        means = {
            number: float(column.values[(bins == number) & ~column.missing].mean())
            for number in np.unique(bins[~column.missing])
        }
        return [means.get(number) for number in bins.tolist()]


def _edges(column: Column) -> list[float]:
    """Returns the inner edges of the bins; at most one bin per distinct value."""
    present = column.values[~column.missing]
    distinct = np.unique(present)
    if len(distinct) <= BINS:
        return [float(value) for value in (distinct[1:] + distinct[:-1]) / 2]
    quantiles = np.quantile(present, np.linspace(0, 1, BINS + 1)[1:-1])
    return [float(value) for value in np.unique(quantiles)]


CODEC = Cross

"""Labels: the levels of a column <-> 0, 1, 2 ...; for answers, where every level must be known.

Levels are sorted: as numbers where all are numbers ('2' before '10'), else as text. Where they are `known` beforehand (the points of
a board), they stay in that order, and `fit` learns none.

Shapes:   column (row) -> ids (row)
Raises:   DataError for a level that the training part did not have.
Example:  >>> from kissipo.core.frame import Frame, strings
          >>> codec = Labels("kind").fit(Frame((strings("kind", ["spam", "ham", "ham"]),)))
          >>> codec.levels, codec.encode(Frame((strings("kind", ["spam"]),))).tolist()
          (('ham', 'spam'), [1])
"""

from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from kissipo.core.codec import Codec, refuse_unfitted
from kissipo.core.errors import DataError
from kissipo.core.finding import format_rows
from kissipo.core.frame import Column, Frame, strings
from kissipo.core.suggest import did_you_mean
from kissipo.core.tensor_spec import TensorSpec


class Labels(Codec):
    """Levels as class numbers."""

    KIND: ClassVar[str] = "labels"
    KEPT = ("column", "levels")

    def __init__(self, column: str, *, known: tuple[str, ...] | None = None) -> None:
        self.column, self.known = column, known
        self.levels: tuple[str, ...] | None = None

    @property
    def spec(self) -> TensorSpec:
        return TensorSpec(
            self.column, (), (), vocabulary=len(self.levels or ()), words=self.levels or ()
        )

    def fit(self, frame: Frame) -> Self:
        self.levels = self.known or sorted_levels(as_strings(frame[self.column]).counts())
        return self

    def encode(self, frame: Frame) -> Tensor:
        refuse_unfitted(self.levels, self)
        column = as_strings(frame[self.column])
        ids = positions(column, self.levels or (), absent=-1)
        if (ids < 0).any():
            at = np.flatnonzero(ids < 0)
            value = column.show(int(at[0]))
            what = "no value" if value is None else f"'{value}'"
            raise DataError(
                f"'{self.column}' has {what} in {format_rows(frame.rows[at])}, which the training part does not have",
                do=did_you_mean(str(value), self.levels or ()),
            )
        return torch.from_numpy(ids)

    def decode(self, tensor: Tensor) -> Frame:
        refuse_unfitted(self.levels, self)
        levels = self.levels or ()
        return Frame((strings(self.column, [levels[number] for number in tensor.tolist()]),))

    def describe(self) -> str:
        return f"{len(self.levels or ())} levels -> 0..{len(self.levels or ()) - 1}"


def as_strings(column: Column) -> Column:
    """A column of levels: numbers become their shortest text (1.0 is '1')."""
    if column.kind != "number":
        return column
    present = ~column.missing
    distinct, codes = np.unique(column.values[present], return_inverse=True)
    levels = tuple(
        str(int(value)) if float(value).is_integer() else repr(float(value)) for value in distinct
    )
    values = np.full(len(column), -1, dtype=np.int32)
    values[present] = codes
    return Column(column.name, "string", values, levels)


def sorted_levels(levels: Any) -> tuple[str, ...]:
    """Levels in the order in which people count them.

    Example:  >>> sorted_levels(["10", "9"]), sorted_levels(["b", "10", "a"])
              (('9', '10'), ('10', 'a', 'b'))
    """
    try:
        return tuple(sorted(levels, key=lambda level: (float(level), level)))
    except ValueError:
        return tuple(sorted(levels))


def positions(column: Column, levels: tuple[str, ...], *, absent: int) -> Any:
    """For each row the position of its level among `levels`; `absent` where it is missing or not among them."""
    order = {level: position for position, level in enumerate(levels)}
    table = np.array(
        [order.get(level, absent) for level in column.levels] + [absent], dtype=np.int64
    )
    return table[column.values]


CODEC = Labels

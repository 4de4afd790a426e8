"""Labels: the classes of a column <-> 0, 1, 2 ...; every class must be known.

Classes are sorted: as numbers where all are numbers ('2' before '10'), else as texts.
Where they are known in advance, they keep that order.

Shapes:   column (row) -> ids (row)
Raises:   DataError for a class that is not in the training split.
Example:  >>> from kissipo.core.frame import Frame, strings
          >>> codec = Labels("kind").fit(Frame((strings("kind", ["spam", "ham"]),)))
          >>> codec.classes, codec.encode(Frame((strings("kind", ["spam"]),))).tolist()
          (('ham', 'spam'), [1])
"""

from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from kissipo.core.codec import Codec, refuse_unfitted
from kissipo.core.errors import DataError
from kissipo.core.finding import format_rows
from kissipo.core.frame import Column, Frame, ValueType, strings
from kissipo.core.suggest import did_you_mean
from kissipo.core.tensor_spec import TensorSpec

_TYPES: dict[ValueType, Callable[[str], object]] = {
    "text": str,
    "integer": int,
    "float": float,
    "boolean": lambda text: text.lower() == "true",
}


class Labels(Codec):
    """Encodes classes as ids."""

    KIND: ClassVar[str] = "labels"
    FIELDS = ("column", "classes", "value_type")

    def __init__(self, column: str, *, order: tuple[str, ...] | None = None) -> None:
        self.column, self.order = column, order
        self.classes: tuple[str, ...] | None = None
        self.value_type: ValueType = "text"

    @property
    def spec(self) -> TensorSpec:
        return TensorSpec(
            self.column, (), (), vocab_size=len(self.classes or ()), labels=self.classes or ()
        )

    def fit(self, frame: Frame) -> Self:
        column = as_strings(frame[self.column])
        self.classes = self.order or sorted_classes(column.counts())
        self.value_type = column.value_type or "text"
        return self

    def encode(self, frame: Frame) -> Tensor:
        refuse_unfitted(self.classes, self)
        column = as_strings(frame[self.column])
        ids = column.positions(self.classes or (), absent=-1)
        unknown = np.flatnonzero(ids < 0)
        if len(unknown):
            value = column.show(int(unknown[0]))
            text = "no value" if value is None else f"'{value}'"
            rows = format_rows(frame.rows[unknown])
            raise DataError(
                f"'{self.column}' has {text} in {rows}, which is not in the training split",
                do=did_you_mean(str(value), self.classes or ()),
            )
        return torch.from_numpy(ids)

    def decode(self, tensor: Tensor) -> Frame:
        refuse_unfitted(self.classes, self)
        texts = self.classes or ()
        return Frame((strings(self.column, [texts[number] for number in tensor.tolist()]),))

    def original_value(self, value: object) -> object:
        return _TYPES[self.value_type](str(value))

    def known_texts(self) -> dict[str, tuple[str, ...]]:
        return {self.column: self.classes or ()}

    def describe(self) -> str:
        return f"{len(self.classes or ())} classes -> 0..{len(self.classes or ()) - 1}"


def as_strings(column: Column) -> Column:
    """Converts a column of numbers to texts, in their shortest form (1.0 is '1')."""
    if column.kind != "number":
        return column
    present = ~column.missing
    distinct, codes = np.unique(column.values[present], return_inverse=True)
    texts = tuple(
        str(int(value)) if float(value).is_integer() else repr(float(value)) for value in distinct
    )
    values = np.full(len(column), -1, dtype=np.int32)
    values[present] = codes
    whole: ValueType = "integer" if all(map(float.is_integer, distinct.tolist())) else "float"
    value_type = column.value_type or whole
    return Column(column.name, "string", values, texts, value_type=value_type)


def sorted_classes(classes: Iterable[Any]) -> tuple[str, ...]:
    """Sorts classes: as numbers where all are numbers, else as texts.

    Example:  >>> sorted_classes(["10", "9"]), sorted_classes(["b", "10", "a"])
              (('9', '10'), ('10', 'a', 'b'))
    """
    try:
        return tuple(sorted(classes, key=lambda text: (float(text), text)))
    except ValueError:
        return tuple(sorted(classes))


CODEC = Labels

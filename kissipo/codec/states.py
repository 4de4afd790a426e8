"""States: the states of an environment, by id or by name <-> their ids.

Shapes:   column (row) -> ids (row)
Raises:   DataError for a state that the environment does not have.
Example:  >>> from kissipo.core.frame import Frame, strings
          >>> codec = States(("cool", "warm", "overheated"))
          >>> codec.encode(Frame((strings("state", ["warm", "0"]),))).tolist()
          [1, 0]
"""

from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from kissipo.codec.labels import as_strings
from kissipo.core.codec import Codec
from kissipo.core.errors import DataError
from kissipo.core.frame import Frame, strings
from kissipo.core.suggest import did_you_mean
from kissipo.core.tensor_spec import TensorSpec


class States(Codec):
    """Encodes states as ids; the environment defines them, so `fit` does nothing."""

    KIND: ClassVar[str] = "states"
    FIELDS = ("names",)

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = tuple(names)

    @property
    def columns(self) -> tuple[str, ...]:
        return ("state",)

    @property
    def spec(self) -> TensorSpec:
        return TensorSpec("state", (), (), vocab_size=len(self.names), labels=self.names)

    def fit(self, frame: Frame) -> Self:
        return self

    def encode(self, frame: Frame) -> Tensor:
        numbers = {name: number for number, name in enumerate(self.names)}
        ids = []
        for row, text in zip(frame.rows.tolist(), as_strings(frame["state"]).texts(), strict=True):
            number = numbers.get(text or "", int(text) if text and text.isdecimal() else -1)
            if not 0 <= number < len(self.names):
                hint = did_you_mean(str(text), self.names, max_listed=10)
                raise DataError(
                    f"row {row} is not a state",
                    got=f"'{text}'",
                    allowed=f"0 to {len(self.names) - 1}",
                    do=hint,
                )
            ids.append(number)
        return torch.from_numpy(np.asarray(ids, dtype=np.int64))

    def decode(self, tensor: Tensor) -> Frame:
        return Frame((strings("state", [self.names[number] for number in tensor.tolist()]),))

    def describe(self) -> str:
        return f"one of {len(self.names)} states, by number"


CODEC = States

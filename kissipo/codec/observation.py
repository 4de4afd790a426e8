"""Observation: a state of an environment that is a row of numbers <-> one tensor.

The environment defines the numbers, so `fit` does nothing. They are not scaled: the
states that an agent will meet are not known before the training.

Shapes:   columns (row) -> (row, feature)
Raises:   DataError for a missing number.
Example:  >>> from kissipo.core.frame import Frame, numbers
          >>> codec = Observation(("angle", "velocity"))
          >>> frame = Frame((numbers("angle", [0.5]), numbers("velocity", [-1])))
          >>> codec.encode(frame).tolist()
          [[0.5, -1.0]]
"""

from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from kissipo.core.codec import Codec
from kissipo.core.errors import DataError
from kissipo.core.frame import Frame, numbers
from kissipo.core.inferred_option import InferredOption
from kissipo.core.tensor_spec import TensorSpec


class Observation(Codec):
    """Encodes a fixed number of numbers as they are."""

    KIND: ClassVar[str] = "observation"
    FIELDS = ("columns",)

    def __init__(self, columns: tuple[str, ...]) -> None:
        self._columns = tuple(columns)

    @property
    def columns(self) -> tuple[str, ...]:
        return self._columns

    @property
    def number_columns(self) -> tuple[str, ...]:
        return self._columns

    @property
    def spec(self) -> TensorSpec:
        return TensorSpec("state", ("feature",), (len(self._columns),), labels=self._columns)

    def fit(self, frame: Frame) -> Self:
        return self

    def encode(self, frame: Frame) -> Tensor:
        for name in self._columns:
            if frame[name].missing.any():
                row = frame.rows[frame[name].missing][0]
                raise DataError(
                    f"row {row} has no '{name}'",
                    allowed="a number for each of " + ", ".join(self._columns),
                )
        rows = np.stack([frame[name].values for name in self._columns], axis=1)
        return torch.from_numpy(rows.astype(np.float32))

    def decode(self, tensor: Tensor) -> Frame:
        values = tensor.detach().double().numpy()
        return Frame(tuple(map(numbers, self._columns, values.T)))

    def suggested_net(self) -> InferredOption:
        return InferredOption("process.net", "ffn", "a state is a row of numbers")

    def net_options(self, net: str) -> tuple[InferredOption, ...]:
        if net != "ffn":
            return ()
        reason = "an agent computes its values anew in every step: a small net is fast"
        return (InferredOption("process.units", [128, 128], reason),)

    def describe(self) -> str:
        return f"{len(self._columns)} numbers, unscaled"


CODEC = Observation

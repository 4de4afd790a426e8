"""Counts: columns of counts <-> scaled logarithms; large counts do not dominate.

scale 'standard':  z = (log(shift + x) - mean) / std
scale 'none':      z = log(shift + x)

A shift of 1 keeps 0 at log 1; a small one keeps the ratio of small means. `decode`
restores a count to float32 precision of its logarithm. A missing count is encoded as 0.

Shapes:   columns (row) -> (row, feature)
Example:  >>> from kissipo.core.frame import Frame, numbers
          >>> frame = Frame((numbers("trips", [0, 3, 40]),))
          >>> codec = Counts(("trips",)).fit(frame)
          >>> codec.decode(codec.encode(frame))["trips"].values.round(3).tolist()
          [0.0, 3.0, 40.0]
"""

from typing import ClassVar, Literal, Self

import numpy as np
import torch
from torch import Tensor

from kissipo.core.codec import Codec, refuse_unfitted
from kissipo.core.errors import DataError
from kissipo.core.frame import Frame, numbers
from kissipo.core.tensor_spec import TensorSpec

_MIN_STD = 1e-9


class Counts(Codec):
    """Encodes columns of counts as scaled logarithms."""

    KIND: ClassVar[str] = "counts"
    FIELDS = ("columns", "shift", "scale", "center", "std")

    def __init__(
        self,
        columns: tuple[str, ...],
        *,
        shift: float = 1.0,
        scale: Literal["standard", "none"] = "standard",
    ) -> None:
        self._columns, self.shift, self.scale = tuple(columns), shift, scale
        self.center: tuple[float, ...] | None = None
        self.std: tuple[float, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        return self._columns

    @property
    def number_columns(self) -> tuple[str, ...]:
        return self._columns

    @property
    def spec(self) -> TensorSpec:
        return TensorSpec("counts", ("feature",), (len(self._columns),), labels=self._columns)

    def fit(self, frame: Frame) -> Self:
        center, stds = [], []
        for name in self._columns:
            present = frame[name].values[~frame[name].missing]
            if len(present) and present.min() < 0:
                raise DataError(
                    f"'{name}' is a count, which cannot be negative", got=f"{present.min():g}"
                )
            logarithms = np.log(self.shift + present)
            is_scaled = self.scale == "standard" and len(present) > 0
            std = float(logarithms.std()) if is_scaled else 1.0
            center.append(float(logarithms.mean()) if is_scaled else 0.0)
            stds.append(std if std > _MIN_STD else 1.0)
        self.center, self.std = tuple(center), tuple(stds)
        return self

    def encode(self, frame: Frame) -> Tensor:
        refuse_unfitted(self.center, self)
        assert self.center is not None
        out = np.empty((len(frame), len(self._columns)), dtype=np.float32)
        for position, name in enumerate(self._columns):
            values = np.nan_to_num(frame[name].values)
            out[:, position] = np.log(self.shift + values)
            out[:, position] -= self.center[position]
            out[:, position] /= self.std[position]
        return torch.from_numpy(out)

    def decode(self, tensor: Tensor) -> Frame:
        refuse_unfitted(self.center, self)
        assert self.center is not None
        values = tensor.detach().to(torch.float64).numpy() * self.std + self.center
        counts = np.maximum(np.exp(values) - self.shift, 0.0)
        columns = enumerate(self._columns)
        return Frame(tuple(numbers(name, counts[:, position]) for position, name in columns))

    def describe(self) -> str:
        scaled = ", scaled to mean 0, standard deviation 1" if self.scale == "standard" else ""
        return f"log({self.shift:g} + count){scaled}"


CODEC = Counts

"""Windows: a sequence of steps <-> overlapping windows of equal length, one per sample.

Where windows overlap, `decode` averages numbers, which restores the sequence to float32
precision, and takes ids from the last window.

Shapes:   columns (step) -> (window, time, ...), where ... is the shape of one step
Example:  >>> from kissipo.codec.numbers import Numbers
          >>> from kissipo.core.frame import Frame, numbers
          >>> frame = Frame((numbers("y", [1, 2, 3]),))
          >>> codec = Windows(Numbers(("y",), scale="none"), 2).fit(frame)
          >>> windows = codec.encode(frame)
          >>> windows[:, :, 0].tolist(), codec.decode(windows)["y"].values.tolist()
          ([[1.0, 2.0], [2.0, 3.0]], [1.0, 2.0, 3.0])
"""

from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from kissipo.core.codec import Codec
from kissipo.core.errors import DataError
from kissipo.core.frame import Frame
from kissipo.core.tensor_spec import TensorSpec


class Windows(Codec):
    """Encodes overlapping windows of consecutive steps."""

    KIND: ClassVar[str] = "windows"
    FIELDS: ClassVar[tuple[str, ...]] = ("inner", "length", "stride", "axis")

    def __init__(self, inner: Codec, length: int, *, stride: int = 1, axis: str = "time") -> None:
        self.inner, self.length, self.stride, self.axis = inner, length, stride, axis

    @property
    def columns(self) -> tuple[str, ...]:
        return self.inner.columns

    @property
    def number_columns(self) -> tuple[str, ...]:
        return self.inner.number_columns

    @property
    def spec(self) -> TensorSpec:
        step = self.inner.spec
        axes = tuple("variable" if axis == "feature" else axis for axis in step.axes)
        return TensorSpec(
            step.name,
            (self.axis, *axes),
            (self.length, *step.shape),
            step.vocab_size,
            step.labels,
            scales=step.scales,
        )

    def fit(self, frame: Frame) -> Self:
        self.inner.fit(frame)
        return self

    def encode(self, frame: Frame) -> Tensor:
        steps = self.inner.encode(frame)
        if len(steps) < self.length:
            raise DataError(
                f"{frame.origin} is shorter than one window",
                got=f"{len(steps)} steps",
                allowed=f"at least {self.length}",
                do="Use a smaller window",
            )
        return steps.unfold(0, self.length, self.stride).movedim(-1, 1)

    def decode(self, tensor: Tensor) -> Frame:
        windows, length = tensor.shape[:2]
        total = (windows - 1) * self.stride + length
        if tensor.is_floating_point():
            sums = torch.zeros(total, *tensor.shape[2:], dtype=torch.float64)
            counts = torch.zeros(total, *[1] * (tensor.dim() - 2), dtype=torch.float64)
            for window in range(windows):
                interval = slice(window * self.stride, window * self.stride + length)
                sums[interval] += tensor[window]
                counts[interval] += 1
            return self.inner.decode((sums / counts.clamp(min=1)).to(tensor.dtype))
        steps = torch.zeros(total, *tensor.shape[2:], dtype=tensor.dtype)
        for window in range(windows):
            steps[window * self.stride : window * self.stride + length] = tensor[window]
        return self.inner.decode(steps)

    def remarks(self, frame: Frame) -> list[str]:
        """Describes only the rows up to the last value; later rows are future steps."""
        present = np.flatnonzero(~np.all([frame[name].missing for name in self.columns], axis=0))
        return self.inner.remarks(frame.take(np.arange(present[-1] + 1 if len(present) else 0)))

    @property
    def window_length(self) -> int:
        return self.length

    def describe(self) -> str:
        return f"{self.inner.describe()}; windows of {self.length}"


CODEC = Windows

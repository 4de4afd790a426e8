"""Windows: a long row of steps <-> overlapping pieces of equal length, one sample each.

`encode` cuts, `decode` stitches: where windows overlap, numbers are averaged (for windows cut from one row that gives the row
back to float32 precision) and ids are taken from the last window.

Shapes:   columns (step) -> (window, time, ...), where ... is what the inner codec gives for one step
Example:  >>> from kissipo.codec.numbers import Numbers
          >>> from kissipo.core.frame import Frame, numbers
          >>> frame = Frame((numbers("y", [1, 2, 3, 4]),))
          >>> codec = Windows(Numbers(("y",), scale="none"), 3).fit(frame)
          >>> codec.encode(frame)[:, :, 0].tolist(), codec.decode(codec.encode(frame))["y"].values.tolist()
          ([[1.0, 2.0, 3.0], [2.0, 3.0, 4.0]], [1.0, 2.0, 3.0, 4.0])
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
    """Pieces of a row."""

    KIND: ClassVar[str] = "windows"
    KEPT = ("inner", "length", "stride", "axis")

    def __init__(self, inner: Codec, length: int, *, stride: int = 1, axis: str = "time") -> None:
        self.inner, self.length, self.stride, self.axis = inner, length, stride, axis

    @property
    def columns(self) -> tuple[str, ...]:
        return self.inner.columns

    @property
    def spec(self) -> TensorSpec:
        step = self.inner.spec
        axes = tuple("variable" if axis == "feature" else axis for axis in step.axes)
        return TensorSpec(
            step.name, (self.axis, *axes), (self.length, *step.shape), step.vocabulary, step.words
        )

    def fit(self, frame: Frame) -> Self:
        self.inner.fit(frame)
        return self

    def encode(self, frame: Frame) -> Tensor:
        steps = self.inner.encode(frame)
        if len(steps) < self.length:
            raise DataError(
                f"{frame.origin} is shorter than one window",
                given=f"{len(steps)} steps",
                allowed=f"at least {self.length}",
                do="Use a smaller window",
            )
        pieces = steps.unfold(0, self.length, self.stride)
        return pieces.movedim(-1, 1)

    def decode(self, tensor: Tensor) -> Frame:
        windows, length = tensor.shape[:2]
        total = (windows - 1) * self.stride + length
        if tensor.is_floating_point():
            sums = torch.zeros(total, *tensor.shape[2:], dtype=torch.float64)
            counts = torch.zeros(total, *[1] * (tensor.dim() - 2), dtype=torch.float64)
            for at in range(windows):
                place = slice(at * self.stride, at * self.stride + length)
                sums[place] += tensor[at]
                counts[place] += 1
            return self.inner.decode((sums / counts.clamp(min=1)).to(tensor.dtype))
        steps = torch.zeros(total, *tensor.shape[2:], dtype=tensor.dtype)
        for at in range(windows):
            steps[at * self.stride : at * self.stride + length] = tensor[at]
        return self.inner.decode(steps)

    def remarks(self, frame: Frame) -> list[str]:
        """Rows behind the last one with a value are steps to come, of which there is nothing to say."""
        there = np.flatnonzero(~np.all([frame[name].missing for name in self.columns], axis=0))
        return self.inner.remarks(frame.take(np.arange(there[-1] + 1 if len(there) else 0)))

    def describe(self) -> str:
        return f"{self.inner.describe()}; cut into pieces of {self.length}"


CODEC = Windows

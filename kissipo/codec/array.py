"""Array: samples that are already numbers, of one shape <-> a tensor of that shape.

Integers stay integers: they are ids, and their largest value sets the vocabulary.

Shapes:   column (row) -> (row, feature), (row, time, feature) or
          (row, channel, height, width); ids (row, time)
Raises:   DataError for samples of another shape.
Example:  >>> import numpy as np
          >>> from kissipo.core.frame import Frame, array_column
          >>> frame = Frame((array_column("x", np.ones((2, 3), dtype=np.float32)),))
          >>> codec = Array("x").fit(frame)
          >>> codec.spec.describe(), codec.encode(frame).shape
          ('(batch, feature 3)', torch.Size([2, 3]))
"""

from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from kissipo.core.codec import Codec, refuse_unfitted
from kissipo.core.errors import DataError
from kissipo.core.frame import Frame, array_column
from kissipo.core.tensor_spec import TensorSpec

_AXES = {1: ("feature",), 2: ("time", "feature"), 3: ("channel", "height", "width")}


class Array(Codec):
    """Passes numbers on as they are."""

    KIND: ClassVar[str] = "array"
    FIELDS = ("column", "shape", "vocab_size")

    def __init__(self, column: str) -> None:
        self.column = column
        self.shape: tuple[int, ...] | None = None
        self.vocab_size = 0

    @property
    def spec(self) -> TensorSpec:
        shape = self.shape or ()
        axes = _AXES.get(len(shape), tuple(f"axis{number}" for number in range(len(shape))))
        axes = ("time",) if self.vocab_size and len(shape) == 1 else axes
        return TensorSpec(self.column, axes, shape, vocab_size=self.vocab_size)

    def fit(self, frame: Frame) -> Self:
        values = frame[self.column].values
        self.shape = values.shape[1:]
        is_ids = np.issubdtype(values.dtype, np.integer)
        self.vocab_size = int(values.max()) + 1 if is_ids else 0
        return self

    def encode(self, frame: Frame) -> Tensor:
        refuse_unfitted(self.shape, self)
        values = frame[self.column].values
        if values.shape[1:] != self.shape:
            raise DataError(
                f"the samples of '{self.column}' have another shape than those of the training",
                got=str(values.shape[1:]),
                allowed=str(self.shape),
            )
        if self.vocab_size and values.size and values.max() >= self.vocab_size:
            raise DataError(
                f"'{self.column}' has an id that the training split has not",
                got=str(values.max()),
                allowed=f"0 to {self.vocab_size - 1}",
            )
        return torch.from_numpy(np.ascontiguousarray(values))

    def decode(self, tensor: Tensor) -> Frame:
        refuse_unfitted(self.shape, self)
        return Frame((array_column(self.column, tensor.numpy()),))

    def describe(self) -> str:
        return "numbers as they are"


CODEC = Array

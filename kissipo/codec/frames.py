"""Frames: a state of an environment that is its last few images <-> one tensor.

Each image is a column of bytes; the last column is the newest image. `finish` divides
by 255.

Shapes:   columns (row, height, width) -> bytes (row, channel, height, width) -> floats
Raises:   DataError for an image of another size.
Example:  >>> import numpy as np
          >>> from kissipo.core.frame import Frame, image_column
          >>> images = np.zeros((2, 1, 2, 2), dtype=np.uint8)
          >>> images[1] = 255
          >>> codec = Frames(("image 1", "image 2"), (2, 2))
          >>> frame = Frame(tuple(map(image_column, codec.columns, images)))
          >>> codec.finish(codec.encode(frame)).flatten(2).tolist()
          [[[0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0]]]
"""

from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from kissipo.core.codec import Codec
from kissipo.core.errors import DataError
from kissipo.core.frame import Frame, image_column
from kissipo.core.inferred_option import InferredOption
from kissipo.core.tensor_spec import TensorSpec

_SMALL = 40  # pixels of a side, up to which two convolutions see the whole image


class Frames(Codec):
    """Encodes a fixed number of gray images as they are."""

    KIND: ClassVar[str] = "frames"
    FIELDS = ("columns", "size")

    def __init__(self, columns: tuple[str, ...], size: tuple[int, int]) -> None:
        self._columns, self.size = tuple(columns), (int(size[0]), int(size[1]))

    @property
    def columns(self) -> tuple[str, ...]:
        return self._columns

    @property
    def spec(self) -> TensorSpec:
        shape = (len(self._columns), *self.size)
        return TensorSpec("state", ("channel", "height", "width"), shape)

    def fit(self, frame: Frame) -> Self:
        return self

    def encode(self, frame: Frame) -> Tensor:
        for name in self._columns:
            shape = frame[name].values.shape[1:]
            if shape != self.size:
                raise DataError(
                    f"the images of '{name}' have another size than those of the environment",
                    got=" x ".join(map(str, shape)) or "no images",
                    allowed=f"{self.size[0]} x {self.size[1]}",
                )
        images = np.stack([frame[name].values for name in self._columns], axis=1)
        return torch.from_numpy(images.astype(np.uint8))

    def finish(self, tensor: Tensor) -> Tensor:
        return tensor if tensor.is_floating_point() else tensor / 255

    def decode(self, tensor: Tensor) -> Frame:
        values = tensor.detach()
        if values.is_floating_point():
            values = (values * 255).round().clamp(0, 255).to(torch.uint8)
        columns = values.numpy().swapaxes(0, 1)
        return Frame(tuple(map(image_column, self._columns, columns)))

    def suggested_net(self) -> InferredOption:
        return InferredOption("process.net", "cnn", "a state is a stack of images")

    def net_options(self, net: str) -> tuple[InferredOption, ...]:
        if net != "cnn":
            return ()
        filters = [16, 32] if max(self.size) <= _SMALL else [16, 32, 64]
        return (
            InferredOption("process.filters", filters, "images of {}x{}".format(*self.size)),
            InferredOption("process.units", [128], "a small net is fast in every step"),
        )

    def describe(self) -> str:
        return "the last {} images of {}x{}".format(len(self._columns), *self.size)


CODEC = Frames

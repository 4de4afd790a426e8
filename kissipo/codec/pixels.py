"""Pixels: images <-> numbers from 0 to 1, brought to one size and to one or three channels.

Left to itself, `fit` takes the size of most images, and a square of side `most` where they are larger than that. Images are
kept as bytes; `finish` divides a batch by 255. `decode` gives the bytes back exactly (an image that was resized
or turned gray comes back in its new form).

Shapes:   column (row) -> bytes (row, channel, height, width) -> numbers of the same shape
Example:  >>> import numpy as np
          >>> from kissipo.core.frame import Frame, image_column
          >>> frame = Frame((image_column("image", np.full((2, 4, 4), 51, dtype=np.uint8)),))
          >>> codec = Pixels("image").fit(frame)
          >>> codec.spec.shape, codec.finish(codec.encode(frame))[0, 0, 0, 0].item()
          ((1, 4, 4), 0.20000000298023224)
"""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from kissipo.codec._image import TURNED, changes, is_color, open_image, size_of
from kissipo.core.codec import Codec, refuse_unfitted
from kissipo.core.devices import usable_cores
from kissipo.core.frame import Frame, image_column
from kissipo.core.tensor_spec import TensorSpec

Color = Literal["grayscale", "rgb"]


class Pixels(Codec):
    """Images as brightness."""

    KIND: ClassVar[str] = "pixels"
    KEPT = ("column", "size", "color")

    def __init__(
        self,
        column: str,
        *,
        size: tuple[int, int] | None = None,
        color: Color | None = None,
        most: int | None = None,
    ) -> None:
        self.column, self.size, self.color, self.most = column, size, color, most

    @property
    def spec(self) -> TensorSpec:
        height, width = self.size or (0, 0)
        return TensorSpec(
            self.column,
            ("channel", "height", "width"),
            (1 if self.color == "grayscale" else 3, height, width),
        )

    def fit(self, frame: Frame) -> Self:
        values = frame[self.column].values
        if self.size is None:
            self.size = _common_size(values)
            if self.most is not None and max(self.size) > self.most:
                self.size = (self.most, self.most)
        if self.color is None:
            self.color = _common_color(values)
        return self

    def encode(self, frame: Frame) -> Tensor:
        refuse_unfitted(self.size and self.color, self)
        values = frame[self.column].values
        if values.dtype == np.uint8 and self._fits(values.shape[1:]):
            stacked = values if values.ndim == 4 else values[..., None]
            return torch.from_numpy(np.ascontiguousarray(stacked.transpose(0, 3, 1, 2)))
        made = np.empty((len(values), *self.spec.shape), dtype=np.uint8)

        def put(at: int) -> None:
            made[at] = self._read(values[at]).transpose(2, 0, 1)

        with ThreadPoolExecutor(usable_cores()) as pool:
            for _ in pool.map(put, range(len(values))):
                pass
        return torch.from_numpy(made)

    def finish(self, tensor: Tensor) -> Tensor:
        return tensor / 255

    def decode(self, tensor: Tensor) -> Frame:
        refuse_unfitted(self.size and self.color, self)
        values = (
            tensor
            if tensor.dtype == torch.uint8
            else (tensor * 255).round().clamp(0, 255).to(torch.uint8)
        )
        stacked = values.permute(0, 2, 3, 1).numpy()
        return Frame(
            (image_column(self.column, stacked[..., 0] if stacked.shape[-1] == 1 else stacked),)
        )

    def remarks(self, frame: Frame) -> list[str]:
        refuse_unfitted(self.size, self)
        told: list[str] = []
        sizes = Counter(size_of(value) for value in frame[self.column].values)
        other = {size: count for size, count in sizes.items() if size != self.size}
        if other:
            height, width = self.size or (0, 0)
            largest = max(other, key=lambda size: other[size])
            told.append(
                f"{sum(other.values())} of {len(frame)} images resized to {height}x{width} (most of them were {largest[0]}x{largest[1]})"
            )
        turned = (
            sum(is_color(value) for value in frame[self.column].values)
            if self.color == "grayscale"
            else 0
        )
        if turned:
            told.append(f"{turned} of {len(frame)} images turned gray")
        upright = sum(TURNED in changes(value) for value in frame[self.column].values)
        if upright:
            told.append(f"{upright} of {len(frame)} images turned upright, as their EXIF says")
        return told

    def describe(self) -> str:
        height, width = self.size or (0, 0)
        return f"{self.color}, {height}x{width}, 0..255 -> 0..1"

    def _fits(self, shape: tuple[int, ...]) -> bool:
        channels = 1 if len(shape) == 2 else shape[2]
        return shape[:2] == self.size and channels == (1 if self.color == "grayscale" else 3)

    def _read(self, value: Any) -> NDArray[np.uint8]:
        height, width = self.size or (1, 1)
        with open_image(value, wanted=2 * max(height, width)) as opened:
            image: Image.Image = opened.convert("L" if self.color == "grayscale" else "RGB")
            if image.size != (width, height):
                image = image.resize((width, height), Image.Resampling.BILINEAR)
            array = np.asarray(image, dtype=np.uint8)
        return array if array.ndim == 3 else array[..., None]


def _common_size(values: NDArray[Any]) -> tuple[int, int]:
    """The size of most images."""
    if values.dtype == np.uint8:
        return int(values.shape[1]), int(values.shape[2])
    height, width = Counter(size_of(value) for value in values).most_common(1)[0][0]
    return int(height), int(width)


def _common_color(values: NDArray[Any]) -> Color:
    """Color as soon as one image in the first hundred has it."""
    if values.dtype == np.uint8:
        return "rgb" if values.ndim == 4 and values.shape[-1] >= 3 else "grayscale"
    return "rgb" if any(is_color(value) for value in values[:100]) else "grayscale"


CODEC = Pixels

"""Pixels: images <-> numbers from 0 to 1, of one size, with one or three channels.

By default, `fit` uses the most frequent size, at most a square of side `max_side`.
Images are stored as bytes; `finish` divides a batch by 255. `decode` restores the bytes
exactly; a resized or gray image keeps its new form.

Shapes:   column (row) -> bytes (row, channel, height, width) -> floats
Example:  >>> import numpy as np
          >>> from kissipo.core.frame import Frame, image_column
          >>> images = np.full((2, 4, 4), 51, dtype=np.uint8)
          >>> frame = Frame((image_column("image", images),))
          >>> codec = Pixels("image").fit(frame)
          >>> codec.spec.shape, codec.finish(codec.encode(frame))[0, 0, 0, 0].item()
          ((1, 4, 4), 0.20000000298023224)
"""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from kissipo.codec._image import TURNED, changes, is_color, open_image, size_of
from kissipo.core.codec import Codec, refuse_unfitted
from kissipo.core.devices import usable_cores
from kissipo.core.frame import Frame, image_column
from kissipo.core.inferred_option import InferredOption
from kissipo.core.numpy_array import NumpyArray
from kissipo.core.tensor_spec import TensorSpec

Color = Literal["grayscale", "rgb"]


class Pixels(Codec):
    """Encodes images as arrays of brightness."""

    KIND: ClassVar[str] = "pixels"
    is_image = True
    FIELDS = ("column", "size", "color")

    def __init__(
        self,
        column: str,
        *,
        size: tuple[int, int] | None = None,
        color: Color | None = None,
        max_side: int | None = None,
    ) -> None:
        self.column, self.size, self.color, self.max_side = column, size, color, max_side

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
            if self.max_side is not None and max(self.size) > self.max_side:
                self.size = (self.max_side, self.max_side)
        if self.color is None:
            self.color = _common_color(values)
        return self

    def encode(self, frame: Frame) -> Tensor:
        refuse_unfitted(self.size and self.color, self)
        values = frame[self.column].values
        if values.dtype == np.uint8 and self._fits(values.shape[1:]):
            stacked = values if values.ndim == 4 else values[..., None]
            return torch.from_numpy(np.ascontiguousarray(stacked.transpose(0, 3, 1, 2)))
        encoded = np.empty((len(values), *self.spec.shape), dtype=np.uint8)

        def encode_row(row: int) -> None:
            encoded[row] = self._read(values[row]).transpose(2, 0, 1)

        with ThreadPoolExecutor(usable_cores()) as pool:
            for _ in pool.map(encode_row, range(len(values))):
                pass
        return torch.from_numpy(encoded)

    def finish(self, tensor: Tensor) -> Tensor:
        return tensor / 255

    def decode(self, tensor: Tensor) -> Frame:
        refuse_unfitted(self.size and self.color, self)
        if tensor.dtype != torch.uint8:
            tensor = (tensor * 255).round().clamp(0, 255).to(torch.uint8)
        images = tensor.permute(0, 2, 3, 1).numpy()
        images = images[..., 0] if images.shape[-1] == 1 else images
        return Frame((image_column(self.column, images),))

    def remarks(self, frame: Frame) -> list[str]:
        refuse_unfitted(self.size, self)
        remarks: list[str] = []
        values = frame[self.column].values
        sizes = Counter(size_of(value) for value in values)
        other = {size: count for size, count in sizes.items() if size != self.size}
        if other:
            height, width = self.size or (0, 0)
            frequent = max(other, key=lambda size: other[size])
            remarks.append(
                f"{sum(other.values())} of {len(frame)} images resized to {height}x{width} "
                f"(most of them were {frequent[0]}x{frequent[1]})"
            )
        gray = sum(map(is_color, values)) if self.color == "grayscale" else 0
        if gray:
            remarks.append(f"{gray} of {len(frame)} images converted to grayscale")
        turned = sum(TURNED in changes(value) for value in values)
        if turned:
            remarks.append(f"{turned} of {len(frame)} images rotated upright (EXIF orientation)")
        return remarks

    @property
    def lazy_bytes(self) -> int:
        return self.spec.size

    def fitted_options(self) -> tuple[InferredOption, ...]:
        limit = f"at most {self.max_side}x{self.max_side}"
        size = list(self.size or ())
        return (
            InferredOption("input.size", size, f"the size of most images, {limit}"),
            InferredOption("input.color", self.color, "the color of the training images"),
        )

    def describe(self) -> str:
        height, width = self.size or (0, 0)
        return f"{self.color}, {height}x{width}, 0..255 -> 0..1"

    def _fits(self, shape: tuple[int, ...]) -> bool:
        channels = 1 if len(shape) == 2 else shape[2]
        return shape[:2] == self.size and channels == (1 if self.color == "grayscale" else 3)

    def _read(self, value: object) -> NDArray[np.uint8]:
        height, width = self.size or (1, 1)
        with open_image(value, wanted=2 * max(height, width)) as file:
            image: Image.Image = file.convert("L" if self.color == "grayscale" else "RGB")
            if image.size != (width, height):
                image = image.resize((width, height), Image.Resampling.BILINEAR)
            array = np.asarray(image, dtype=np.uint8)
        return array if array.ndim == 3 else array[..., None]


def _common_size(values: NumpyArray) -> tuple[int, int]:
    """Returns the most frequent image size."""
    if values.dtype == np.uint8:
        return int(values.shape[1]), int(values.shape[2])
    height, width = Counter(size_of(value) for value in values).most_common(1)[0][0]
    return int(height), int(width)


def _common_color(values: NumpyArray) -> Color:
    """Returns `rgb` when one of the first hundred images has color."""
    if values.dtype == np.uint8:
        return "rgb" if values.ndim == 4 and values.shape[-1] >= 3 else "grayscale"
    return "rgb" if any(is_color(value) for value in values[:100]) else "grayscale"


CODEC = Pixels

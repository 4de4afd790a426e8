"""Pixels: images <-> numbers from 0 to 1, of one size, with one or three channels.

By default, `fit` uses the most frequent size, at most a square of side `max_side`. With
`step`, larger images keep their proportions, and their sides become multiples of it.
Images are stored as bytes; `finish` divides a batch by 255. `decode` restores the bytes
exactly; a resized or gray image keeps its new form.

Images of 16 bits often use a part of their range: 0 to 4,095 from a camera of 12 bits.
Where the training images have 16 bits, the range of their values becomes 0..1 for all
of them alike, and they are stored as floats.

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
from typing import ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from kissipo.codec._image import (
    DEEP,
    TURNED,
    changes,
    deep_pixels,
    is_color,
    open_image,
    size_of,
)
from kissipo.core.codec import Codec, refuse_unfitted
from kissipo.core.devices import in_threads
from kissipo.core.finding import Finding
from kissipo.core.frame import Frame, image_column
from kissipo.core.inferred_option import InferredOption
from kissipo.core.numpy_array import NumpyArray
from kissipo.core.tensor_spec import TensorSpec

Color = Literal["grayscale", "rgb"]
_BRIGHTNESS = (0.299, 0.587, 0.114)
_FEW_VALUES = 32  # an array whose values stay below was not scaled to 0..255
_DARK = 16  # most pixels below a sixteenth of the range: one bright pixel may have set it


class Pixels(Codec):
    """Encodes images as arrays of brightness."""

    KIND: ClassVar[str] = "pixels"
    is_image = True
    FIELDS = ("column", "size", "color", "value_range")

    def __init__(
        self,
        column: str,
        *,
        size: tuple[int, int] | None = None,
        color: Color | None = None,
        max_side: int | None = None,
        step: int | None = None,
        value_range: tuple[int, int] | None = None,
    ) -> None:
        self.column, self.size, self.color, self.max_side = column, size, color, max_side
        self.step, self.value_range = step, value_range
        self._findings: tuple[Finding, ...] = ()

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
                self.size = _reduced(self.size, self.max_side, self.step)
        if self.color is None:
            self.color = _common_color(values)
        if self.value_range is None:
            self.value_range, self._findings = _common_range(values)
        return self

    def encode(self, frame: Frame) -> Tensor:
        refuse_unfitted(self.size and self.color, self)
        values = frame[self.column].values
        is_stored = values.dtype == np.uint8 and self.value_range is None
        if is_stored and self._fits(values.shape[1:]):
            stacked = values if values.ndim == 4 else values[..., None]
            return torch.from_numpy(np.ascontiguousarray(stacked.transpose(0, 3, 1, 2)))
        kind = np.uint8 if self.value_range is None else np.float32
        encoded = np.empty((len(values), *self.spec.shape), dtype=kind)
        read = self._read if self.value_range is None else self._read_scaled

        def encode_row(row: int) -> None:
            encoded[row] = read(values[row]).transpose(2, 0, 1)

        in_threads(encode_row, range(len(values)))
        return torch.from_numpy(encoded)

    def finish(self, tensor: Tensor) -> Tensor:
        return tensor if tensor.is_floating_point() else tensor / 255

    def decode(self, tensor: Tensor) -> Frame:
        refuse_unfitted(self.size and self.color, self)
        if tensor.dtype != torch.uint8:
            low, high = self.value_range or (0, 255)
            if high > 255:  # images of 16 bits are shown with 8
                low, high = 0, 255
            tensor = (low + tensor * (high - low)).round().clamp(0, 255).to(torch.uint8)
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
            which = "most of them " if len(other) > 1 else ""
            remarks.append(
                f"{sum(other.values())} of {len(frame)} images resized to {height}x{width} "
                f"({which}from {frequent[0]}x{frequent[1]})"
            )
        gray = sum(map(is_color, values)) if self.color == "grayscale" else 0
        if gray:
            remarks.append(f"{gray} of {len(frame)} images converted to grayscale")
        turned = sum(TURNED in changes(value) for value in values)
        if turned:
            remarks.append(f"{turned} of {len(frame)} images rotated upright (EXIF orientation)")
        return [*remarks, *self._range_remarks(values)]

    @property
    def lazy_bytes(self) -> int:
        return self.spec.size * (1 if self.value_range is None else 4)

    def fitted_findings(self, frame: Frame) -> tuple[Finding, ...]:
        action = "if their white is less, set input.value_range=[0,4095] or the like"
        action = action if self.value_range is None else "the range comes from the training split"
        remarks = self._range_remarks(frame[self.column].values)
        warnings = [Finding("WARN", "value range", remark, action) for remark in remarks]
        return (*self._findings, *warnings)

    def fitted_options(self) -> tuple[InferredOption, ...]:
        limit = f"at most {self.max_side}x{self.max_side}"
        if self.step is not None:
            limit = f"its longer side at most {self.max_side}, in multiples of {self.step}"
        size = list(self.size or ())
        depth = InferredOption(
            "input.value_range",
            list(self.value_range or ()),
            "the values that the training images use become 0..1",
        )
        return (
            *(() if self.value_range is None else (depth,)),
            InferredOption("input.size", size, f"the size of most images, {limit}"),
            InferredOption("input.color", self.color, "the color of the training images"),
        )

    def describe(self) -> str:
        height, width = self.size or (0, 0)
        low, high = self.value_range or (0, 255)
        return f"{self.color}, {height}x{width}, {low}..{high} -> 0..1"

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

    def _read_scaled(self, value: object) -> NDArray[np.float32]:
        """Returns floats from 0 to 1 of one size, the range of the values scaled."""
        low, high = self.value_range or (0, 255)
        values: NumpyArray | None = deep_pixels(value)
        if values is None:
            if high > 255:  # the range of images of 16 bits
                return (self._read(value) / 255).astype(np.float32)
            values = np.asarray(open_image(value))
        scaled = ((values.astype(np.float32) - low) / (high - low)).clip(0, 1)
        scaled = scaled if scaled.ndim == 3 else scaled[..., None]
        if values.ndim == 3 and values.shape[-1] == 4:
            alpha = values[..., 3:].astype(np.float32) / np.iinfo(values.dtype).max
            scaled = (scaled[..., :3] * alpha + 1 - alpha).astype(np.float32)
        if self.color == "grayscale" and scaled.shape[-1] == 3:
            scaled = (scaled @ np.array(_BRIGHTNESS)[:, None]).astype(np.float32)
        channels = [_resized(scaled[..., index], self.size) for index in range(scaled.shape[-1])]
        channels = channels * 3 if self.color == "rgb" and len(channels) == 1 else channels
        return np.stack(channels, axis=-1).astype(np.float32)

    def _range_remarks(self, values: NumpyArray) -> list[str]:
        """Returns remarks on images of 16 bits that the range does not suit."""
        deep = _deep_values(values)
        if not deep:
            return []
        if self.value_range is None:
            return [
                f"{len(deep)} of {len(values)} images have 16 bits, and the training images "
                "have 8: 65535 is read as white"
            ]
        low, high = self.value_range
        pixels = (deep_pixels(value) for value in deep)
        clipped = sum(
            bool(some.min() < low or some.max() > high) for some in pixels if some is not None
        )
        remark = (
            f"{clipped} of {len(values)} images have values outside of {low} to {high}: clipped"
        )
        return [remark] if clipped else []


def _resized(channel: NDArray[np.float32], size: tuple[int, int] | None) -> NDArray[np.float32]:
    height, width = size or channel.shape
    if channel.shape == (height, width):
        return channel
    image = Image.fromarray(np.ascontiguousarray(channel))
    resized = image.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(resized, dtype=np.float32)


def _deep_values(values: NumpyArray) -> list[object]:
    """Returns the images that have 16 bits per channel."""
    if values.dtype != object:
        return list(values) if values.dtype == np.uint16 else []
    are_deep = in_threads(_has_16_bits, values)
    return [value for value, is_deep in zip(values, are_deep, strict=True) if is_deep]


def _has_16_bits(value: object) -> bool:
    return value.dtype == np.uint16 if isinstance(value, np.ndarray) else DEEP in changes(value)


def _common_range(values: NumpyArray) -> tuple[tuple[int, int] | None, tuple[Finding, ...]]:
    """Returns the range of the images of 16 bits, and how it was found.

    It goes from 0 to the largest number with as many bits as the maximum has. Where the
    values use less than a quarter of it, it goes from their minimum to their maximum.
    """
    if values.dtype == np.uint8 and values.size and 0 < values.max() < _FEW_VALUES:
        maximum = int(values.max())
        message = f"the arrays of the training images have values up to {maximum}, not 255"
        action = f"0..{maximum} becomes 0..1; input.value_range=[0,255] keeps them dark"
        return (0, maximum), (Finding("PASS", "value range", message, action),)
    deep = _deep_values(values)
    if not deep:
        return None, ()
    extremes = np.array(in_threads(_extremes, deep))
    minimum, maximum = int(extremes[:, 0].min()), int(extremes[:, 2].max())
    bits = max(maximum.bit_length(), 1)
    low, high = 0, 2**bits - 1
    if 0 < maximum - minimum < high / 4:
        low, high = minimum, maximum
    message = f"the {len(deep)} training images of 16 bits have values from {minimum} to {maximum}"
    action = f"{low}..{high} becomes 0..1; input.value_range=[{low},{high}] changes it"
    usual = int(np.median(extremes[:, 1]))
    if usual - low < (high - low) / _DARK:
        message += f", but 99% of the pixels of most images lie below {usual}"
        return (low, high), (Finding("WARN", "value range", message, action),)
    return (low, high), (Finding("PASS", "value range", message, action),)


def _extremes(value: object) -> tuple[int, int, int]:
    """Returns the minimum, the 99th percentile and the maximum of an image."""
    values = deep_pixels(value)
    assert values is not None
    values = values[..., :3] if values.ndim == 3 else values
    return int(values.min()), int(np.percentile(values, 99)), int(values.max())


def _common_size(values: NumpyArray) -> tuple[int, int]:
    """Returns the most frequent image size."""
    if values.dtype != object:
        return int(values.shape[1]), int(values.shape[2])
    height, width = Counter(size_of(value) for value in values).most_common(1)[0][0]
    return int(height), int(width)


def _reduced(size: tuple[int, int], max_side: int, step: int | None) -> tuple[int, int]:
    """Returns a size whose sides are at most `max_side`: a square, or with a step the
    same proportions.

    Example:  >>> _reduced((480, 640), 128, None), _reduced((480, 640), 320, 32)
              ((128, 128), (256, 320))
    """
    if step is None:
        return max_side, max_side
    height, width = (max(step, round(side * max_side / max(size) / step) * step) for side in size)
    return height, width


def _common_color(values: NumpyArray) -> Color:
    """Returns `rgb` when one of the first hundred images has color."""
    if values.dtype != object:
        return "rgb" if values.ndim == 4 and values.shape[-1] >= 3 else "grayscale"
    return "rgb" if any(is_color(value) for value in values[:100]) else "grayscale"


CODEC = Pixels

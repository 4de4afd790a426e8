"""Heat images: the values of a tensor as colors: red positive, blue negative, white zero, yellow NaN.

A number becomes one of 255 levels (error at most 1/254 of the maximum), so that an image can be read back into numbers: every
level has a color of its own. Images are small PNGs that need no script.

Example:  >>> html = heat_of(np.array([0.0, 2.0, -1.0, np.nan]), ("feature",))
          >>> html.maximum, html.width, html.height, html.address[:21]
          (2.0, 4, 1, 'data:image/png;base64')
"""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kissipo.core.finding import counted
from kissipo.core.numpy_array import NumpyArray
from kissipo.report.image_address import png_address as image_address

SHADES = 127
NOT_A_NUMBER = -128
GAP = 2
_STOPS = (0.0, 0.4, 0.8, 1.0)
_WARM = ((255, 255, 255), (244, 165, 130), (178, 24, 43), (103, 0, 31))
_COLD = ((255, 255, 255), (146, 197, 222), (33, 102, 172), (5, 48, 97))
_NOTHING, _BETWEEN = (255, 214, 0), (128, 128, 128)
_ROW = 128


@dataclass(frozen=True)
class Heat:
    """A heat image with its scale.

    width, height:  in its own points
    maximum:        the value of the strongest color
    kind:           maps (a grid of them), plane (rows and columns), strip (one number after the other), photo
    columns:        of a grid, how many maps stand beside each other; map_width, map_height: of one of them
    of_each:        so many numbers in each direction are one point, their mean
    note:           what is left out or made smaller, in words
    """

    address: str
    width: int
    height: int
    maximum: float
    kind: str
    alt: str
    note: str = ""
    columns: int = 1
    map_width: int = 1
    map_height: int = 1
    per_item: int = 1


def palette() -> NDArray[np.uint8]:
    """The color of each level (256, 3): NaN first, then -127 to 127."""
    share = np.arange(1, SHADES + 1) / SHADES
    sides = [
        np.stack(
            [np.interp(share, _STOPS, [stop[index] for stop in stops]) for index in range(3)],
            axis=1,
        )
        for stops in (_COLD, _WARM)
    ]
    colors = np.concatenate([[_NOTHING], sides[0][::-1], [[255, 255, 255]], sides[1]])
    return np.rint(colors).astype(np.uint8)


def quantized(values: NumpyArray, *, limit: int = SHADES) -> tuple[NDArray[np.int16], float]:
    """Every number as a level from -most to most, -most - 1 where it is none, and what the highest level stands for.

    Example:  >>> quantized(np.array([0.5, -1.0, np.inf]))[0].tolist()
              [64, -127, -128]
    """
    plain = real(values)
    finite = np.isfinite(plain)
    maximum = float(np.abs(plain, where=finite, out=np.zeros_like(plain)).max(initial=0.0)) or 1.0
    record = np.full(plain.shape, -limit - 1, dtype=np.int16)
    record[finite] = np.rint(plain[finite] / maximum * limit).astype(np.int16)
    return record, maximum


def real(values: NumpyArray) -> NDArray[np.float64]:
    """Values as real numbers; complex values by their magnitude."""
    array = np.asarray(values)
    return np.abs(array).astype(np.float64) if array.dtype.kind == "c" else array.astype(np.float64)


def packed(values: NumpyArray) -> str:
    """The bytes of an array in base64."""
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()


def heat_of(
    values: NumpyArray, axes: Sequence[str], *, points: int = 65_536, name: str = "values"
) -> Heat:
    """Draws the tensor of one sample: feature maps as a grid, time from left to right, a vector as a strip.

    points:  how many numbers may be shown; of more the first channels, or means of several beside each other
    """
    if values.ndim >= 3 and values.size:
        maps = values.reshape(-1, *values.shape[-2:])
        if tuple(axes[-2:]) == ("height", "width") and _is_photo(maps):
            return _photo(real(maps), points, name)
        return _grid(maps, axes, points, name)
    array = real(values)
    if array.ndim == 2:
        down, across = (axes[0], axes[1]) if len(axes) == 2 else ("row", "column")
        if down == "time":
            array, down, across = array.T, across, down
        return _plane(array, down, across, points, name)
    return _strip(array.reshape(-1), points, name)


def _is_photo(maps: NumpyArray) -> bool:
    """Draws a gray or RGB image with values from 0 to 1."""
    return (
        len(maps) in (1, 3)
        and maps.dtype.kind == "f"
        and bool(np.isfinite(maps).all())
        and bool(maps.min() >= 0 and 0.5 < maps.max() <= 1)
    )


def _photo(maps: NDArray[np.float64], points: int, name: str) -> Heat:
    per_item = ceil(sqrt(maps[0].size / max(points, 16_384)))
    pixels = np.rint(np.stack([_means(item, per_item) for item in maps]) * 255).astype(np.uint8)
    address = image_address(
        pixels[0] if len(maps) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0))
    )
    height, width = pixels.shape[1:]
    text = f"{name}: an image of {maps.shape[1]} by {maps.shape[2]} pixels"
    note = f"each point the mean of {per_item}x{per_item} pixels" if per_item > 1 else ""
    return Heat(address, width, height, 1.0, "photo", text, note, per_item=per_item)


def _grid(maps: NumpyArray, axes: Sequence[str], points: int, name: str) -> Heat:
    """Draws feature maps side by side on one scale."""
    count, height, width = maps.shape
    kind = "channels" if "channel" in axes else "planes"
    html = min(count, 32)
    per_item = max(1, ceil(max(height, width) / 64))
    while html > 8 and html * height * width / per_item**2 > points:
        html = max(8, html - 8)
    while html * height * width / per_item**2 > points and per_item < max(height, width):
        per_item += 1
    small = np.stack([_means(real(item), per_item) for item in maps[:html]])
    record, maximum = quantized(small)
    rows_of, columns_of = small.shape[1:]
    columns = min(html, max(1, ceil(sqrt(2 * html * rows_of / max(1, columns_of)))))
    near = [
        item for item in range(ceil(0.6 * columns), 2 * columns) if html % item == 0
    ]  # then no place stays empty
    columns = min(near, key=lambda item: abs(item - columns), default=columns)
    rows = ceil(html / columns)
    image = np.full(
        (rows * (rows_of + GAP) - GAP, columns * (columns_of + GAP) - GAP, 3),
        _BETWEEN,
        dtype=np.uint8,
    )
    colors = palette()
    for number, item in enumerate(record):
        y, x = number // columns * (rows_of + GAP), number % columns * (columns_of + GAP)
        image[y : y + rows_of, x : x + columns_of] = colors[item + SHADES + 1]
    notes = [f"the first {html} of {count:,} {kind}" if html < count else f"all {count:,} {kind}"]
    if per_item > 1:
        notes.append(f"each point the mean of {per_item}x{per_item}")
    return Heat(
        _address(image),
        image.shape[1],
        image.shape[0],
        maximum,
        "maps",
        f"{name}: {notes[0]} of {height} by {width}, up to {maximum:.4g} from zero",
        ", ".join(notes),
        columns,
        columns_of,
        rows_of,
        per_item,
    )


def _plane(array: NDArray[np.float64], down: str, across: str, points: int, name: str) -> Heat:
    if not array.size:
        return _strip(array.reshape(-1), points, name)
    per_item = max(1, ceil(sqrt(array.size / points)))
    small = _means(array, per_item)
    record, maximum = quantized(small)
    rows, columns = small.shape
    return Heat(
        _address(palette()[record + SHADES + 1]),
        columns,
        rows,
        maximum,
        "plane",
        f"{name}: {across} from left to right ({array.shape[1]:,}), {down} downwards ({array.shape[0]:,}), up to {maximum:.4g} from zero",
        f"{across} from left to right, {down} downwards"
        + (f", each point the mean of {per_item}x{per_item}" if per_item > 1 else ""),
        per_item=per_item,
    )


def _strip(array: NDArray[np.float64], points: int, name: str) -> Heat:
    """Draws a vector as a strip, in several rows when it is long."""
    html = array[: min(points, 8192)]
    record, maximum = quantized(html)
    width = max(1, min(len(html), _ROW))
    rows = max(1, ceil(len(html) / width))
    image = np.full((rows * width, 3), _BETWEEN, dtype=np.uint8)
    image[: len(html)] = palette()[record + SHADES + 1]
    note = (
        f"the first {len(html):,} of {len(array):,}"
        if len(html) < len(array)
        else counted(len(array), "number")
    )
    note += f", {width} in a row" if rows > 1 else ""
    text = f"{name}: {note}, up to {maximum:.4g} from zero"
    return Heat(_address(image.reshape(rows, width, 3)), width, rows, maximum, "strip", text, note)


def _means(array: NDArray[np.float64], per_item: int) -> NDArray[np.float64]:
    """Averages blocks of values; a block at the edge may be smaller."""
    if per_item == 1:
        return array
    for axis in (0, 1):
        starts = np.arange(0, array.shape[axis], per_item)
        sums = np.add.reduceat(array, starts, axis=axis)
        counts = np.diff(np.append(starts, array.shape[axis]))
        array = sums / (counts[:, None] if axis == 0 else counts[None, :])
    return array


def _address(image: NDArray[np.uint8]) -> str:
    """Encodes an image of at most 256 colors as a small PNG data URL."""
    flat = image.reshape(-1, 3).astype(np.uint32)
    keys = flat[:, 0] << 16 | flat[:, 1] << 8 | flat[:, 2]
    if (
        len(np.unique(keys)) > 256
    ):  # every level and no number and the gaps: then the gaps are as zero
        keys[keys == _key(_BETWEEN)] = _key((255, 255, 255))
    colors, index = np.unique(keys, return_inverse=True)
    png = Image.fromarray(index.reshape(image.shape[:2]).astype(np.uint8), "L")
    table = np.stack([colors >> 16, colors >> 8 & 255, colors & 255], axis=1).astype(np.uint8)
    png.putpalette(table.tobytes())
    file = io.BytesIO()
    png.save(file, "PNG", optimize=len(index) < 20_000)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def _key(color: tuple[int, int, int]) -> int:
    return color[0] << 16 | color[1] << 8 | color[2]

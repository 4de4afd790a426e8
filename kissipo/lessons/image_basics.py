"""Image basics (S50): images are arrays: gray, color, resize, threshold and filters,
with the numbers before and after.

Input     the lecture's small arrays, or your own image file
Process   color to gray, another size, black and white at a threshold, a blur and an
          edge filter
Output    arrays again

Command   kissipo show image-basics                             a gray image of 5x5
          kissipo show image-basics image=photo.jpg size=6 threshold=100

Source:   the lecture's arrays; brightness with the weights of ITU-R BT.601; bilinear
          resizing as in Pillow, over all values that an output covers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kissipo.codec._image import open_image
from kissipo.core.schema import option
from kissipo.inspect.conv_windows import feature_map, windows
from kissipo.inspect.explanation import Cell, Explanation, Figure, figure
from kissipo.inspect.trace import Step, Trace

SYSTEM = "S50"
ABOUT = "gray, color, resize, threshold, filters: arrays before and after"

SMALL_GRAY = ((1, 2), (3, 4))
SMALL_COLOR = (((1, 2, 3), (3, 4, 5)), ((5, 6, 7), (7, 8, 9)))
GRAY = (
    (163, 162, 163, 165, 165),
    (160, 161, 164, 166, 166),
    (156, 158, 162, 165, 166),
    (155, 155, 158, 162, 167),
    (154, 152, 152, 157, 167),
)
BRIGHTNESS = (0.299, 0.587, 0.114)
_FILTERS = {
    "blur": np.full((3, 3), 1 / 9),
    "edge": np.array([[0.0, -1, 0], [-1, 4, -1], [0, -1, 0]]),
}
_MAX_SIDE = 16
Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Options:
    """The options of the lesson."""

    image: str | None = option(None, "your own image file")
    size: int = option(3, "height and width after resizing", minimum=1, maximum=_MAX_SIDE)
    threshold: int = option(
        160, "brighter values become white, all others black", minimum=0, maximum=255
    )


def explain(options: Options) -> Trace:
    """Returns the trace with the array after every step."""
    source = np.array(GRAY, dtype=np.uint8) if options.image is None else _read_image(options.image)
    gray = np.asarray(Image.fromarray(source).convert("L"))
    small = np.asarray(
        Image.fromarray(gray).resize((options.size, options.size), Image.Resampling.BILINEAR)
    )
    work = gray if max(gray.shape) <= _MAX_SIDE else small
    white = np.where(work > options.threshold, 255, 0).astype(np.uint8)
    results = {"resize": small, "threshold": white}
    steps = [Step("input", "image", "as it came", source.shape, memory=source.nbytes, value=source)]
    steps += [
        Step("process", "gray", "color to brightness", gray.shape, memory=gray.nbytes, value=gray)
    ]
    steps += [
        Step("process", name, _DESCRIPTIONS[name], values.shape, memory=values.nbytes, value=values)
        for name, values in results.items()
    ]
    steps += [
        Step(
            "output",
            "array",
            "numbers again, 0..255",
            white.shape,
            memory=white.nbytes,
            value=white,
        )
    ]
    pages = (
        _gray(),
        _color(),
        _resized(gray, small),
        _black_and_white(work, white, options.threshold),
        _filtered(work),
    )
    return Trace(tuple(steps), explanation=pages)


_DESCRIPTIONS = {"resize": "another height and width", "threshold": "black and white"}


def _read_image(path: str) -> Bytes:
    with open_image(path) as image:
        return np.asarray(image)


def _gray() -> Explanation:
    flat = np.array(SMALL_GRAY)
    rows: tuple[tuple[Cell, ...], ...] = (
        ("height, width", "(2, 2)", str(flat.tolist())),
        ("height, width, channel", "(2, 2, 1)", str(flat[..., None].tolist())),
        ("channel, height, width", "(1, 2, 2)", str(flat[None].tolist())),
    )
    description = (
        "a gray image is a 2-D array, or a 3-D array with one channel; "
        "nets here expect the channel first"
    )
    return Explanation(
        "Gray", description, (figure("brightness", flat),), ("axes", "shape", "array"), rows
    )


def _color() -> Explanation:
    color = np.array(SMALL_COLOR)
    gray = np.asarray(Image.fromarray(color.astype(np.uint8)).convert("L"))
    names = ("red", "green", "blue")
    figures = [Figure(name, color[..., channel]) for channel, name in enumerate(names)]
    rows: tuple[tuple[Cell, ...], ...] = (
        ("height, width, channel", "(2, 2, 3)", str(color.tolist())),
    )
    description = (
        "a color image has three channels; brightness is 0.299 red + 0.587 green + 0.114 blue"
    )
    return Explanation(
        "Color",
        description,
        (*figures, Figure("brightness", gray)),
        ("axes", "shape", "array"),
        rows,
    )


def _resized(gray: Bytes, small: Bytes) -> Explanation:
    before = (Figure("before", gray),) if max(gray.shape) <= _MAX_SIDE else ()
    description = (
        f"{_size(gray)} -> {_size(small)}: "
        "each output is a weighted mean of the values that it covers"
    )
    return Explanation("Resize", description, (*before, Figure("after", small)))


def _black_and_white(work: Bytes, white: Bytes, threshold: int) -> Explanation:
    description = (
        f"brighter than {threshold}: 255, else 0; "
        f"{int((white > 0).sum())} of {white.size} values become white"
    )
    return Explanation("Threshold", description, (Figure("before", work), Figure("after", white)))


def _filtered(work: Bytes) -> Explanation:
    """Explains filters with fixed weights; a net learns its own."""
    figures = [Figure("before", work)]
    for name, weights in _FILTERS.items():
        image_windows = windows(work[None].astype(np.float64), weights[None], padding="same")
        figures.append(
            Figure(name, np.clip(np.round(feature_map(image_windows)), 0, 255).astype(np.uint8))
        )
    description = (
        "blur: the mean of 3x3 values; edge: 4 times a value minus its four neighbors; "
        "zero padding, clipped to 0..255"
    )
    return Explanation("Filters", description, tuple(figures))


def _size(values: Bytes) -> str:
    return "x".join(str(side) for side in values.shape)

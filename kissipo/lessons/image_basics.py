"""Image basics (S50): pictures are arrays: grey, colour, resize, threshold, filters, with the numbers before and after.

Input     the lecture's small arrays, or a picture file of your own
Process   colour to grey, another size, black and white at a threshold, a blur and an edge filter
Output    arrays again

Command   kissipo show image-basics                             a grey picture of 5x5
          kissipo show image-basics picture=photo.jpg size=6 threshold=100

Source:   the lecture's arrays; brightness as ITU-R BT.601 weighs it; resizing is Pillow's, bilinear over all values that an
          answer covers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kissipo.codec._image import open_picture
from kissipo.core.schema import word
from kissipo.inspect.conv_windows import feature_map, windows
from kissipo.inspect.explanation import Cell, Explained, Figure, figure
from kissipo.inspect.trace import Step, Trace

SYSTEM = "S50"
ABOUT = "grey, colour, resize, threshold, filters: arrays before and after"

SMALL_GREY = ((1, 2), (3, 4))
SMALL_COLOUR = (((1, 2, 3), (3, 4, 5)), ((5, 6, 7), (7, 8, 9)))
GREY = (
    (163, 162, 163, 165, 165),
    (160, 161, 164, 166, 166),
    (156, 158, 162, 165, 166),
    (155, 155, 158, 162, 167),
    (154, 152, 152, 157, 167),
)
BRIGHTNESS = (0.299, 0.587, 0.114)
_FILTERS = {"blur": np.full((3, 3), 1 / 9), "edge": np.array([[0.0, -1, 0], [-1, 4, -1], [0, -1, 0]])}
_MOST = 16
Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Options:
    """What can be changed."""

    picture: str | None = word(None, "a picture file of your own")
    size: int = word(3, "height and width after resizing", at_least=1, at_most=_MOST)
    threshold: int = word(160, "what is brighter becomes white, all else black", at_least=0, at_most=255)


def explain(options: Options) -> Trace:
    """Every step with the array that it gives."""
    source = np.array(GREY, dtype=np.uint8) if options.picture is None else _opened(options.picture)
    grey = np.asarray(Image.fromarray(source).convert("L"))
    small = np.asarray(Image.fromarray(grey).resize((options.size, options.size), Image.Resampling.BILINEAR))
    work = grey if max(grey.shape) <= _MOST else small
    white = np.where(work > options.threshold, 255, 0).astype(np.uint8)
    made = {"resize": small, "threshold": white}
    steps = [Step("input", "picture", "as it came", source.shape, memory=source.nbytes, value=source)]
    steps += [Step("process", "grey", "colour to brightness", grey.shape, memory=grey.nbytes, value=grey)]
    steps += [
        Step("process", name, _TOLD[name], each.shape, memory=each.nbytes, value=each) for name, each in made.items()
    ]
    steps += [Step("output", "array", "numbers again, 0..255", white.shape, memory=white.nbytes, value=white)]
    pages = (
        _grey(),
        _colour(),
        _resized(grey, small),
        _black_and_white(work, white, options.threshold),
        _filtered(work),
    )
    return Trace(tuple(steps), explained=pages)


_TOLD = {"resize": "another height and width", "threshold": "black and white"}


def _opened(path: str) -> Bytes:
    with open_picture(path) as picture:
        return np.asarray(picture)


def _grey() -> Explained:
    flat = np.array(SMALL_GREY)
    rows: tuple[tuple[Cell, ...], ...] = (
        ("height, width", "(2, 2)", str(flat.tolist())),
        ("height, width, channel", "(2, 2, 1)", str(flat[..., None].tolist())),
        ("channel, height, width", "(1, 2, 2)", str(flat[None].tolist())),
    )
    tell = "a grey picture is a 2-D array, or a 3-D one with one channel; nets here take the channel first"
    return Explained("Grey", tell, (figure("brightness", flat),), ("axes", "shape", "array"), rows)


def _colour() -> Explained:
    colour = np.array(SMALL_COLOUR)
    grey = np.asarray(Image.fromarray(colour.astype(np.uint8)).convert("L"))
    figures = [Figure(name, colour[..., at]) for at, name in enumerate(("red", "green", "blue"))]
    rows: tuple[tuple[Cell, ...], ...] = (("height, width, channel", "(2, 2, 3)", str(colour.tolist())),)
    tell = "a colour picture has three channels; brightness is 0.299 red + 0.587 green + 0.114 blue"
    return Explained("Colour", tell, (*figures, Figure("brightness", grey)), ("axes", "shape", "array"), rows)


def _resized(grey: Bytes, small: Bytes) -> Explained:
    before = (Figure("before", grey),) if max(grey.shape) <= _MOST else ()
    tell = f"{_size(grey)} -> {_size(small)}: each answer is a weighted mean of the values that it covers"
    return Explained("Resize", tell, (*before, Figure("after", small)))


def _black_and_white(work: Bytes, white: Bytes, threshold: int) -> Explained:
    tell = f"brighter than {threshold}: 255, else 0; {int((white > 0).sum())} of {white.size} values become white"
    return Explained("Threshold", tell, (Figure("before", work), Figure("after", white)))


def _filtered(work: Bytes) -> Explained:
    """Filters with written weights; a net learns its own."""
    figures = [Figure("before", work)]
    for name, weights in _FILTERS.items():
        found = windows(work[None].astype(np.float64), weights[None], padding="same")
        figures.append(Figure(name, np.clip(np.round(feature_map(found)), 0, 255).astype(np.uint8)))
    tell = "blur: the mean of 3x3 values; edge: 4 times a value less its four neighbours; zeros around, cut to 0..255"
    return Explained("Filters", tell, tuple(figures))


def _size(values: Bytes) -> str:
    return "x".join(str(side) for side in values.shape)

"""Shapes: made images of circles, squares and triangles with their boxes (S41).

An image has 48x48 gray pixels, a background with a gradient of brightness, noise, and
up to four shapes, lighter or darker than the background, which overlap a little. An
image in five has no shape. Image n is a function of its number.

Source:   drawn by this file; nothing is downloaded.
License:  that of kissipo.
Example:  >>> frame = read().frame
          >>> len(frame), frame["boxes"].categories, frame["boxes"].values.shape
          (2000, ('circle', 'square', 'triangle'), (2000, 4, 5))
"""

from functools import cache

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from kissipo.codec.boxes import box_column, padded_boxes
from kissipo.core.frame import Frame, image_column
from kissipo.core.seeds import numpy_generator
from kissipo.input.source_data import Reading

SOURCES = ("images",)
ANSWER = "boxes"
ABOUT = "2,000 made images of circles, squares and triangles, 48x48 gray, with boxes"
HOME = "kissipo/input/datasets/shapes.py"
LICENSE = "that of kissipo"
LABELS = ("circle", "square", "triangle")
NUM_IMAGES, SIDE, MAX_SHAPES = 2_000, 48, 4
_SIDES = 9, 21  # of a shape, in pixels; the upper bound is excluded
_MAX_SHARED, _TRIALS = 0.15, 20
_MIN_CONTRAST, _NOISE = 30, 8
_ROWS, _COLUMNS = np.mgrid[:SIDE, :SIDE] + 0.5


@cache
def read() -> Reading:
    """Returns the images and, per image, the label and the corners of every shape."""
    drawn = [draw(numpy_generator(0, "shapes", number)) for number in range(NUM_IMAGES)]
    columns = (
        image_column("image", np.stack([image for image, _ in drawn])),
        box_column("boxes", padded_boxes([boxes for _, boxes in drawn]), LABELS),
    )
    return Reading(Frame(columns, origin="shapes"))


def draw(generator: Generator) -> tuple[NDArray[np.uint8], list[tuple[float, ...]]]:
    """Returns an image and its boxes: label number, then corners as fractions.

    A box ends at the edges of the outermost pixels of its shape, also where a later
    shape covers some of them.
    """
    base, tilt = generator.uniform(60, 195), generator.uniform(-20, 20, 2)
    image = base + tilt[0] * (_ROWS / SIDE - 0.5) + tilt[1] * (_COLUMNS / SIDE - 0.5)
    boxes: list[tuple[float, ...]] = []
    taken = np.zeros((SIDE, SIDE), dtype=bool)
    for _ in range(generator.integers(MAX_SHAPES + 1)):
        for _ in range(_TRIALS):
            label, side = generator.integers(len(LABELS)), generator.integers(*_SIDES)
            top, left = generator.integers(0, SIDE - side + 1, 2)
            pixels = _pixels(int(label), int(top), int(left), int(side))
            if (pixels & taken).sum() <= _MAX_SHARED * pixels.sum():
                break
        else:
            continue
        contrast = generator.uniform(_MIN_CONTRAST, 90)
        lighter = generator.random() < (255 - base) / 255
        image = np.where(pixels, base + (contrast if lighter else -contrast), image)
        taken |= pixels
        rows, columns = (np.flatnonzero(pixels.any(axis=axis)) for axis in (1, 0))
        corners = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
        boxes.append((float(label), *(float(corner) / SIDE for corner in corners)))
    noisy = image + generator.normal(0, _NOISE, image.shape)
    return noisy.round().clip(0, 255).astype(np.uint8), boxes


def _pixels(label: int, top: int, left: int, side: int) -> NDArray[np.bool_]:
    """Returns which pixels a shape covers: those whose center is inside."""
    y, x = (_ROWS - top) / side, (_COLUMNS - left) / side
    inside: NDArray[np.bool_] = (x >= 0) & (x <= 1) & (y >= 0) & (y <= 1)
    if label == 0:
        return (x - 0.5) ** 2 + (y - 0.5) ** 2 <= 0.25
    return inside if label == 1 else inside & (np.abs(x - 0.5) <= y / 2)

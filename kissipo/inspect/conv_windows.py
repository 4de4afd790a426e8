"""Windows with numbers: what a filter does at every place of an image, product by product (S12).

y[r, c] = sum over channel, i, j of  w[channel, i, j] · x[channel, r · stride + i, c · stride + j]

`valid` keeps the filter inside the image; `same` puts zeros around it, so that a side of n gives ceil(n / stride) answers; a
zero that is left over stands at the bottom and on the right, as in Keras.

Shapes:   image (channel, height, width), filter (channel, side, side) -> a window for each answer, row by row
Source:   LeCun et al. 1989; the plain sums, beside torch and scipy in the tests.
Example:  >>> found = windows(np.eye(3)[None], np.array([[[1.0, -1.0], [-1.0, 1.0]]]))
          >>> feature_map(found).tolist()
          [[2.0, -1.0], [-1.0, 2.0]]
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Padding = Literal["valid", "same"]


@dataclass(frozen=True)
class Window:
    """One place of the filter.

    row, column:  of the answer, counted from 0
    given:        what lies under the filter, zeros around the image included
    products:     each value times the weight over it
    sum:          of all products, the answer
    """

    row: int
    column: int
    given: Numbers
    products: Numbers
    sum: float

    def to_json(self) -> dict[str, Any]:
        """For the trace."""
        return {**vars(self), "given": self.given.tolist(), "products": self.products.tolist()}


def windows(
    image: Numbers, weights: Numbers, *, stride: int = 1, padding: Padding = "valid"
) -> list[Window]:
    """Every place of a filter on an image."""
    side = weights.shape[-1]
    around = [zeros_around(length, side, stride, padding) for length in image.shape[1:]]
    padded = np.pad(image, [(0, 0), *around])
    found = []
    for row, top in enumerate(range(0, padded.shape[1] - side + 1, stride)):
        for column, left in enumerate(range(0, padded.shape[2] - side + 1, stride)):
            given = padded[:, top : top + side, left : left + side]
            products = given * weights + 0.0  # no minus before a zero
            found.append(Window(row, column, given, products, float(products.sum())))
    return found


def zeros_around(length: int, side: int, stride: int, padding: Padding) -> tuple[int, int]:
    """How many zeros stand before and behind a side of the image."""
    if padding == "valid":
        return 0, 0
    zeros = max(0, (-(-length // stride) - 1) * stride + side - length)
    return zeros // 2, zeros - zeros // 2


def feature_map(found: Sequence[Window]) -> Numbers:
    """The answers of all windows in their places."""
    return np.array([each.sum for each in found]).reshape(found[-1].row + 1, found[-1].column + 1)


def max_pooling(answers: Numbers, side: int) -> Numbers:
    """The greatest of each square; what is left over at the bottom and on the right is left out."""
    height, width = (length // side for length in answers.shape)
    cut = answers[: height * side, : width * side]
    maximum: Numbers = cut.reshape(height, side, width, side).max(axis=(1, 3))
    return maximum


def receptive_field(layers: Iterable[tuple[int, int]]) -> int:
    """The receptive field: how many values of the image, across, one answer of the last layer sees.

    layers:   side of the filter and stride of each, the first one first
    Example:  >>> receptive_field([(3, 1), (3, 1), (3, 1)])
              7
    """
    seen, apart = 1, 1
    for side, stride in layers:
        seen += (side - 1) * apart
        apart *= stride
    return seen

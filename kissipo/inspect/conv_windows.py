"""Convolution windows: the products of a filter at every position of an image (S12).

y[r, c] = sum over k, i, j of  w[k, i, j] · x[k, r · stride + i, c · stride + j]

`valid` uses no padding; `same` pads with zeros, so that a side of n gives ceil(n /
stride) outputs. An odd zero is at the bottom and on the right, as in Keras.

Shapes:   image (channel, height, width), filter (channel, side, side) -> one window per
          output, row by row
Source:   LeCun et al. 1989; the tests compare the sums with torch and scipy.
Example:  >>> weights = np.array([[[1.0, -1.0], [-1.0, 1.0]]])
          >>> feature_map(windows(np.eye(3)[None], weights)).tolist()
          [[2.0, -1.0], [-1.0, 2.0]]
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kissipo.core.json_object import JsonObject

Numbers = NDArray[np.float64]
Padding = Literal["valid", "same"]


@dataclass(frozen=True)
class Window:
    """The filter at one position.

    row, column:  the position of the output, from 0
    patch:        the values of the image under the filter, with zero padding
    products:     each value times its weight
    sum:          the sum of all products, which is the output
    """

    row: int
    column: int
    patch: Numbers
    products: Numbers
    sum: float

    def to_json(self) -> JsonObject:
        """Returns the window as JSON for the trace."""
        return {
            "row": self.row,
            "column": self.column,
            "given": self.patch.tolist(),
            "products": self.products.tolist(),
            "sum": self.sum,
        }


def windows(
    image: Numbers, weights: Numbers, *, stride: int = 1, padding: Padding = "valid"
) -> list[Window]:
    """Returns the windows of a filter at every position of an image."""
    side = weights.shape[-1]
    around = [zeros_around(length, side, stride, padding) for length in image.shape[1:]]
    padded = np.pad(image, [(0, 0), *around])
    places = []
    for row, top in enumerate(range(0, padded.shape[1] - side + 1, stride)):
        for column, left in enumerate(range(0, padded.shape[2] - side + 1, stride)):
            patch = padded[:, top : top + side, left : left + side]
            products = patch * weights + 0.0  # no minus before a zero
            places.append(Window(row, column, patch, products, float(products.sum())))
    return places


def zeros_around(length: int, side: int, stride: int, padding: Padding) -> tuple[int, int]:
    """Returns the number of zeros before and after one side of the image."""
    if padding == "valid":
        return 0, 0
    zeros = max(0, (-(-length // stride) - 1) * stride + side - length)
    return zeros // 2, zeros - zeros // 2


def feature_map(places: Sequence[Window]) -> Numbers:
    """Returns the outputs of all windows as an array (height, width)."""
    return np.array([window.sum for window in places]).reshape(
        places[-1].row + 1, places[-1].column + 1
    )


def max_pooling(answers: Numbers, side: int) -> Numbers:
    """Returns the maximum of each square; incomplete squares are dropped."""
    height, width = (length // side for length in answers.shape)
    cut = answers[: height * side, : width * side]
    maximum: Numbers = cut.reshape(height, side, width, side).max(axis=(1, 3))
    return maximum


def receptive_field(layers: Iterable[tuple[int, int]]) -> int:
    """Returns the width of the receptive field of one output of the last layer.

    layers:   the kernel size and the stride of each layer, the first layer first
    Example:  >>> receptive_field([(3, 1), (3, 1), (3, 1)])
              7
    """
    size, apart = 1, 1
    for side, stride in layers:
        size += (side - 1) * apart
        apart *= stride
    return size

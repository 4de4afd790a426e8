"""Overlap: how well what is marked lies on what should be marked, for each class (S18).

IoU = TP / (TP + FP + FN)        Dice = 2 TP / (2 TP + FP + FN) = 2 IoU / (1 + IoU)

Shapes:   confusion matrices (..., truth, answer) of pixels -> (..., class)
Choices:  a class that is neither there nor answered has no overlap: NaN, and it is left out of means.
Source:   Jaccard 1912; Dice 1945.
Example:  >>> matrix = np.array([[90, 2], [3, 5]])      # 5 of 8 marked pixels are found, 2 more are called
          >>> [round(float(rate[1]), 3) for rate in (iou(matrix), dice(matrix))]
          [0.5, 0.667]
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Rates = NDArray[np.float64]


def iou(matrix: NDArray[Any]) -> Rates:
    """Intersection over union of each class."""
    both, either = _areas(matrix)
    return _share(both, either - both)


def dice(matrix: NDArray[Any]) -> Rates:
    """Twice the intersection over both areas, of each class."""
    both, either = _areas(matrix)
    return _share(2 * both, either)


def _areas(matrix: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """What truth and answer share, and the sum of both."""
    return np.diagonal(matrix, axis1=-2, axis2=-1), matrix.sum(axis=-1) + matrix.sum(axis=-2)


def _share(part: NDArray[Any], whole: NDArray[Any]) -> Rates:
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)

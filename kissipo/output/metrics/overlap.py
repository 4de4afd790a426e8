"""Overlap of predicted and true masks, per class (S18).

IoU = TP / (TP + FP + FN)        Dice = 2 TP / (2 TP + FP + FN) = 2 IoU / (1 + IoU)

Shapes:   confusion matrices (..., truth, answer) of pixels -> (..., class)
Choices:  a class that is neither present nor predicted has the overlap NaN, and is left
          out of means.
Source:   Jaccard 1912; Dice 1945.
Example:  >>> matrix = np.array([[90, 2], [3, 5]])      # TP 5, FN 3, FP 2
          >>> float(iou(matrix)[1]), round(float(dice_coefficient(matrix)[1]), 3)
          (0.5, 0.667)
"""

import numpy as np
from numpy.typing import NDArray

Rates = NDArray[np.float64]


def iou(matrix: NDArray[np.int64]) -> Rates:
    """Returns the intersection over union per class."""
    intersection, areas = _areas(matrix)
    return _ratio(intersection, areas - intersection)


def dice_coefficient(matrix: NDArray[np.int64]) -> Rates:
    """Returns twice the intersection over the sum of both areas, per class."""
    intersection, areas = _areas(matrix)
    return _ratio(2 * intersection, areas)


def _areas(matrix: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns the intersection of truth and prediction, and the sum of both areas."""
    return np.diagonal(matrix, axis1=-2, axis2=-1), matrix.sum(axis=-1) + matrix.sum(axis=-2)


def _ratio(part: NDArray[np.int64], whole: NDArray[np.int64]) -> Rates:
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)

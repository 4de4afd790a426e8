"""Rates of a confusion matrix: precision, recall and F1 per class, and accuracy.

TP, FP, FN, TN: true and false positives and negatives of a class.
accuracy = (TP + TN) / all            precision = TP / (TP + FP)
recall = TPR = TP / (TP + FN)         FPR = FP / (FP + TN)
F1 = 2 · precision · recall / (precision + recall)

Choices:  0/0 counts as 0, as in scikit-learn.
Example:  >>> matrix = np.array([[90, 1], [8, 1]])      # TP 1, FP 1, FN 8, TN 90
          >>> rates = precision(matrix), recall(matrix), f1(matrix)
          >>> accuracy(matrix), [round(float(rate[1]), 3) for rate in rates]
          (0.91, [0.5, 0.111, 0.182])
"""

import numpy as np
from numpy.typing import NDArray

Rates = NDArray[np.float64]


def accuracy(matrix: NDArray[np.int64]) -> float:
    """Returns the fraction of correct predictions; NaN for an empty matrix."""
    total = int(matrix.sum())
    return float(np.trace(matrix) / total) if total else float("nan")


def precision(matrix: NDArray[np.int64]) -> Rates:
    """Returns per class the fraction of its predictions that are correct."""
    return _ratio(np.diag(matrix), matrix.sum(axis=0))


def recall(matrix: NDArray[np.int64]) -> Rates:
    """Returns per class the fraction of its samples that are predicted correctly."""
    return _ratio(np.diag(matrix), matrix.sum(axis=1))


def f1(matrix: NDArray[np.int64]) -> Rates:
    """Returns per class the harmonic mean of precision and recall."""
    return _ratio(2 * np.diag(matrix), matrix.sum(axis=0) + matrix.sum(axis=1))


def balanced_accuracy(matrix: NDArray[np.int64]) -> float:
    """Returns the mean recall of the classes that occur."""
    occurs = matrix.sum(axis=1) > 0
    return float(recall(matrix)[occurs].mean()) if occurs.any() else float("nan")


def macro(rates: Rates, matrix: NDArray[np.int64]) -> float:
    """Returns the mean over the classes that occur in the truth or the predictions."""
    present = (matrix.sum(axis=0) + matrix.sum(axis=1)) > 0
    return float(rates[present].mean()) if present.any() else float("nan")


def _ratio(part: NDArray[np.int64], whole: NDArray[np.int64]) -> Rates:
    return np.divide(part, whole, out=np.zeros(len(part), dtype=np.float64), where=whole > 0)

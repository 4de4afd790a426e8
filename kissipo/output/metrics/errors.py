"""Regression errors.

MAE = mean |y - t|                 MAPE = 100 · mean |y - t| / |t|, t not 0
RMSE = sqrt(mean (y - t)²)         MASE = MAE / MAE of the naive training forecast
R² = 1 - sum (y - t)² / sum (t - mean t)²

Example:  >>> truth, answer = [1.0, 2.0, 3.0], [1.0, 2.0, 6.0]
          >>> mean_absolute_error(truth, answer), r_squared(truth, answer)
          (1.0, -3.5)
          >>> round(root_mean_squared_error(truth, answer), 4)
          1.7321
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def mean_absolute_error(truth: ArrayLike, answer: ArrayLike) -> float:
    """Returns the MAE, in the unit of the data."""
    return float(np.abs(_difference(truth, answer)).mean())


def root_mean_squared_error(truth: ArrayLike, answer: ArrayLike) -> float:
    """Returns the RMSE, in the unit of the data."""
    return float(np.sqrt(np.square(_difference(truth, answer)).mean()))


def r_squared(truth: ArrayLike, answer: ArrayLike) -> float:
    """Returns R²: 1 is perfect, 0 is as good as the mean.

    For a constant truth it is 1 if perfect, else 0, as in scikit-learn.
    """
    truth = np.asarray(truth, dtype=np.float64)
    residual = np.square(_difference(truth, answer)).sum()
    if np.ptp(truth) == 0:
        return 1.0 if residual == 0 else 0.0
    return float(1 - residual / np.square(truth - truth.mean()).sum())


def mean_absolute_percentage_error(truth: ArrayLike, answer: ArrayLike) -> float:
    """Returns the MAPE in percent; NaN when the truth is always zero."""
    truth = np.asarray(truth, dtype=np.float64)
    nonzero = truth != 0
    errors = np.abs(_difference(truth, answer))[nonzero] / np.abs(truth[nonzero])
    return float(100 * errors.mean()) if nonzero.any() else float("nan")


def mean_absolute_scaled_error(truth: ArrayLike, answer: ArrayLike, *, naive_error: float) -> float:
    """Returns the MASE; below 1 beats the naive forecast of the training split.

    Source:   Hyndman and Koehler 2006.
    """
    return mean_absolute_error(truth, answer) / naive_error if naive_error > 0 else float("nan")


def _difference(truth: ArrayLike, answer: ArrayLike) -> NDArray[np.float64]:
    truth, answer = np.asarray(truth, dtype=np.float64), np.asarray(answer, dtype=np.float64)
    assert truth.shape == answer.shape, (truth.shape, answer.shape)
    return answer - truth

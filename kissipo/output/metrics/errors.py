"""How far numbers are off.

MAE = mean |y - t|      RMSE = sqrt(mean (y - t)²)      R² = 1 - sum (y - t)² / sum (t - mean t)²
MAPE = mean |y - t| / |t|, in percent, over t that are not zero      MASE = MAE / MAE of the naive forecast in the training part

Example:  >>> truth, answer = [1.0, 2.0, 3.0], [1.0, 2.0, 6.0]
          >>> mean_absolute_error(truth, answer), round(root_mean_squared_error(truth, answer), 4), r_squared(truth, answer)
          (1.0, 1.7321, -3.5)
"""

from typing import Any

import numpy as np


def mean_absolute_error(truth: Any, answer: Any) -> float:
    """MAE, in the unit of the data."""
    return float(np.abs(_difference(truth, answer)).mean())


def root_mean_squared_error(truth: Any, answer: Any) -> float:
    """RMSE, in the unit of the data."""
    return float(np.sqrt(np.square(_difference(truth, answer)).mean()))


def r_squared(truth: Any, answer: Any) -> float:
    """R²: 1 is perfect, 0 no better than the mean; for constant truth 1 if perfect, else 0, as in scikit-learn."""
    truth = np.asarray(truth, dtype=np.float64)
    off = np.square(_difference(truth, answer)).sum()
    if np.ptp(truth) == 0:
        return 1.0 if off == 0 else 0.0
    return float(1 - off / np.square(truth - truth.mean()).sum())


def mean_absolute_percentage_error(truth: Any, answer: Any) -> float:
    """MAPE in percent; NaN when the truth is always zero."""
    truth = np.asarray(truth, dtype=np.float64)
    counted = truth != 0
    off = np.abs(_difference(truth, answer))[counted] / np.abs(truth[counted])
    return float(100 * off.mean()) if counted.any() else float("nan")


def mean_absolute_scaled_error(truth: Any, answer: Any, *, naive_error: float) -> float:
    """MASE: below 1 is better than repeating the last value was in the training part (Hyndman and Koehler 2006)."""
    return mean_absolute_error(truth, answer) / naive_error if naive_error > 0 else float("nan")


def _difference(truth: Any, answer: Any) -> Any:
    truth, answer = np.asarray(truth, dtype=np.float64), np.asarray(answer, dtype=np.float64)
    assert truth.shape == answer.shape, (truth.shape, answer.shape)
    return answer - truth

"""Median absolute error: half of the errors are smaller; outliers do not matter.

Example:  >>> metric(np.array([1.0, 5.0, 9.0]), np.array([2.0, 8.0, 9.0]), np.zeros(3))
          1.0
"""

import numpy as np
from numpy.typing import NDArray

SUITABLE_ANSWERS = ("number",)


def metric(
    truth: NDArray[np.float64], predicted: NDArray[np.float64], scores: NDArray[np.floating]
) -> float:
    """Returns the median of the absolute errors."""
    return float(np.median(np.abs(truth - predicted)))

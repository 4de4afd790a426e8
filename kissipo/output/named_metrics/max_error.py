"""Maximum error: the largest |target - prediction|, in the unit of the data.

Example:  >>> metric(np.array([1.0, 5.0]), np.array([2.0, 8.0]), np.zeros(2))
          3.0
"""

import numpy as np
from numpy.typing import NDArray

SUITABLE_ANSWERS = ("number",)


def metric(
    truth: NDArray[np.float64], predicted: NDArray[np.float64], scores: NDArray[np.floating]
) -> float:
    """Returns the largest absolute error."""
    return float(np.abs(truth - predicted).max())

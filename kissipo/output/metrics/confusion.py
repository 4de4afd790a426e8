"""Confusion matrix: counts of class i (row, truth) predicted as class j (column).

Example:  >>> confusion([0, 0, 1], [0, 1, 1], 2).tolist()
          [[1, 1], [0, 1]]
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def confusion(truth: Any, answer: Any, classes: int) -> NDArray[np.int64]:
    """Returns counts; `truth` and `answer` are class indices, one per sample."""
    truth, answer = np.asarray(truth, dtype=np.int64), np.asarray(answer, dtype=np.int64)
    return np.bincount(truth * classes + answer, minlength=classes * classes).reshape(
        classes, classes
    )

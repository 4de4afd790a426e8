"""Confusion matrix: counts of class i (row, truth) predicted as class j (column).

Example:  >>> confusion([0, 0, 1], [0, 1, 1], 2).tolist()
          [[1, 1], [0, 1]]
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def confusion(truth: ArrayLike, answer: ArrayLike, classes: int) -> NDArray[np.int64]:
    """Returns counts; `truth` and `answer` are class indices, one per sample."""
    truth, answer = np.asarray(truth, dtype=np.int64), np.asarray(answer, dtype=np.int64)
    return np.bincount(truth * classes + answer, minlength=classes * classes).reshape(
        classes, classes
    )

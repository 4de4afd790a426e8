"""Threshold: the positive class when its probability reaches the threshold.

A lower threshold gives a higher recall and more false positives.

Example:  >>> import numpy as np
          >>> threshold(np.array([[0.6, 0.4], [0.4, 0.6]]), 0.3).tolist()
          [1, 1]
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def threshold(probabilities: ArrayLike, minimum: float) -> NDArray[np.int64]:
    """Returns 0 or 1 per row of the probabilities of two classes."""
    return (np.asarray(probabilities)[:, 1] >= minimum).astype(np.int64)

"""Threshold: yes where the probability of yes is at least as high as the threshold.

A lower threshold finds more of what is sought and raises more false alarms.

Example:  >>> import numpy as np
          >>> threshold(np.array([[0.6, 0.4], [0.4, 0.6]]), 0.3).tolist()
          [1, 1]
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def threshold(probabilities: Any, least: float) -> NDArray[np.int64]:
    """0 or 1 for each row of the probabilities of two classes."""
    return (np.asarray(probabilities)[:, 1] >= least).astype(np.int64)

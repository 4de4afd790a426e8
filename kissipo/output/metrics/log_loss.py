"""Log loss: the mean surprise at the truth, in nats; 0 is certain and right, ln(classes) is no idea.

Example:  >>> round(log_loss([0, 1], [[0.9, 0.1], [0.5, 0.5]]), 4)
          0.3993
"""

from typing import Any

import numpy as np

_LEAST = np.finfo(np.float32).eps


def log_loss(truth: Any, probabilities: Any) -> float:
    """Mean of -log p[truth]; probabilities are (sample, class)."""
    truth = np.asarray(truth, dtype=np.int64)
    chosen = np.asarray(probabilities, dtype=np.float64)[np.arange(len(truth)), truth]
    return float(-np.log(np.clip(chosen, _LEAST, 1)).mean())

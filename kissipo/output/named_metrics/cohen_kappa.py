"""Cohen's kappa: the agreement beyond that of chance; 1 is perfect, 0 is chance.

Source:   Cohen 1960.
Example:  >>> metric(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 0]), np.zeros((4, 2)))
          0.5
"""

import numpy as np
from numpy.typing import NDArray

SUITABLE_ANSWERS = ("category",)


def metric(
    truth: NDArray[np.int64], predicted: NDArray[np.int64], scores: NDArray[np.floating]
) -> float:
    """Returns the kappa of targets and predictions."""
    from sklearn.metrics import cohen_kappa_score

    return float(cohen_kappa_score(truth, predicted))

"""Matthews correlation coefficient: 1 is perfect, 0 is chance, also with rare classes.

Source:   Matthews 1975; several classes Gorodkin 2004.
Example:  >>> metric(np.array([0, 1, 1]), np.array([0, 1, 0]), np.zeros((3, 2)))
          0.5
"""

import numpy as np
from numpy.typing import NDArray

SUITABLE_ANSWERS = ("category",)


def metric(
    truth: NDArray[np.int64], predicted: NDArray[np.int64], scores: NDArray[np.floating]
) -> float:
    """Returns the coefficient."""
    from sklearn.metrics import matthews_corrcoef

    return float(matthews_corrcoef(truth, predicted))

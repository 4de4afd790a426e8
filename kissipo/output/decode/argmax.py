"""Argmax: the class with the highest probability.

Example:  >>> import numpy as np
          >>> argmax(np.array([[0.2, 0.5, 0.3]])).tolist()
          [1]
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def argmax(probabilities: ArrayLike) -> NDArray[np.int64]:
    """Returns the index of the maximum of each row, the first of equal ones."""
    return np.asarray(probabilities).argmax(axis=-1)

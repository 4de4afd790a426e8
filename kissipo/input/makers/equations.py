"""Equations: each linear equation is a sample, coefficients -> right side (S03).

5 a + 2 b = 10
1 a + 4 b = 11

The solution is a = 1, b = 2.5: the weights that a linear net without a bias must learn.

Example:  >>> frame = make().frame
          >>> frame["a"].values.tolist(), frame["right side"].values.tolist()
          ([5.0, 1.0], [10.0, 11.0])
"""

import numpy as np

from kissipo.core.frame import Frame, numbers
from kissipo.input.source_data import Reading

COEFFICIENTS = ((5.0, 2.0), (1.0, 4.0))
RIGHT_SIDE = (10.0, 11.0)


def make() -> Reading:
    """Returns one row per equation; every equation is in both train and test."""
    left = np.array(COEFFICIENTS)
    frame = Frame(
        (numbers("a", left[:, 0]), numbers("b", left[:, 1]), numbers("right side", RIGHT_SIDE)),
        origin="equations",
    )
    return Reading(frame, parts={"train": np.arange(2), "test": np.arange(2)}, answer="right side")

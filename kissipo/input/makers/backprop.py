"""Backprop: four samples of two numbers for the lecture's 2-2-2-1 net (S04).

The target is 1 if both numbers have the same sign.

Example:  >>> make().frame["y"].values.tolist()
          [1.0, 0.0, 1.0, 0.0]
"""

import numpy as np

from kissipo.core.frame import Frame, numbers
from kissipo.input.source_data import Reading


def make() -> Reading:
    """Returns x1, x2 and y; all samples are in both train and test."""
    columns = (
        numbers("x1", [0.5, 1, -0.5, -1]),
        numbers("x2", [1, -0.5, -1, 0.5]),
        numbers("y", [1, 0, 1, 0]),
    )
    return Reading(
        Frame(columns, origin="backprop"),
        parts={"train": np.arange(4), "test": np.arange(4)},
        answer="y",
    )

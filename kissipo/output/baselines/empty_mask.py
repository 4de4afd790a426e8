"""Empty mask: every pixel is background, the most frequent class of a mask."""

import numpy as np

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import Case

NAME = "empty mask"


def answer(data: Case) -> Scores:
    """Returns class 0 for every pixel."""
    return np.zeros_like(data.test.truth)

"""Empty mask: every pixel is background, the most frequent class of a mask."""

import numpy as np

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import Case

NAME = "empty mask"


def answer(case: Case) -> Scores:
    """Class 0 everywhere."""
    return np.zeros_like(case.test.truth)

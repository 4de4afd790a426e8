"""Mean: always the mean of the training part."""

import numpy as np

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import Case

NAME = "mean"


def answer(case: Case) -> Scores:
    """The same number for every sample."""
    return np.full(len(case.test), case.train.truth.mean())

"""Naive: every forecast is the last value of the window."""

import numpy as np

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import BaselineData

NAME = "naive (last value)"
TRIVIAL = True


def predict(data: BaselineData) -> Scores:
    """Returns the last value of each window, repeated (sample, horizon, variable)."""
    windows = data.windows(data.test)
    return np.repeat(windows[:, -1:, :], data.answer.spec.shape[0], axis=1)

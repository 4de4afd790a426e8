"""Training mean: every forecast is the mean of the training split.

Its error is the distance from the mean.
"""

import numpy as np

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import BaselineData

NAME = "distance from the mean"
TRIVIAL = True


def predict(data: BaselineData) -> Scores:
    """Returns forecasts (sample, horizon, variable)."""
    mean = data.train.truth.mean(axis=(0, 1))
    return np.broadcast_to(mean, (len(data.test), *data.train.truth.shape[1:])).copy()

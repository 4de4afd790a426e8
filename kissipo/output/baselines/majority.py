"""Majority: the most frequent training class; training frequencies as probabilities."""

import numpy as np

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import BaselineData

NAME = "majority class"
TRIVIAL = True


def predict(data: BaselineData) -> Scores:
    """Returns the same probabilities for every sample."""
    classes = len(data.answer.classes)
    counts = np.bincount(data.train.truth, weights=data.train.weights, minlength=classes)
    return np.tile(counts / counts.sum(), (len(data.test), 1))

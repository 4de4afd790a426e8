"""Worst rank: the largest distance between the predicted and the true class."""

import numpy as np

SUITABLE_ANSWERS = ("ordinal", "category")


def metric(truth, predicted, scores):
    """Returns the largest distance in ranks."""
    return float(np.abs(np.asarray(truth) - np.asarray(predicted)).max())

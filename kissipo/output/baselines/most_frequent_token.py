"""Most frequent token: at every step the training frequencies of all tokens."""

import numpy as np

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import BaselineData

NAME = "most frequent token"
TRIVIAL = True


def predict(data: BaselineData) -> Scores:
    """Returns P(target) and whether it is the argmax (sample, time, 2)."""
    size = data.answer.spec.shape[-1]
    frequencies = (np.bincount(data.train.truth.reshape(-1), minlength=size) + 1) / (
        data.train.truth.size + size
    )
    correct = data.test.truth == frequencies.argmax()
    return np.stack([frequencies[data.test.truth], correct], axis=-1)

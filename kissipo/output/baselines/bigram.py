"""Bigram: P(token | previous token) from training counts with add-one smoothing."""

import numpy as np

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import BaselineData

NAME = "bigram"
_MAX_TOKENS = 5_000


def predict(data: BaselineData) -> Scores | None:
    """Returns P(target) and whether it is the argmax; None for large vocabularies.

    Shapes:   (sample, time, 2)
    """
    size = data.answer.spec.shape[-1]
    if size > _MAX_TOKENS:
        return None
    counts = np.ones((size, size))
    np.add.at(counts, (data.train.inputs[0].numpy().reshape(-1), data.train.truth.reshape(-1)), 1)
    probabilities = counts / counts.sum(axis=1, keepdims=True)
    previous = data.test.inputs[0].numpy()
    correct = probabilities.argmax(axis=1)[previous] == data.test.truth
    return np.stack([probabilities[previous, data.test.truth], correct], axis=-1)

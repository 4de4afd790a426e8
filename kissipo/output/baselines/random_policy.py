"""Random policy: every action with the same probability."""

import numpy as np
from numpy.random import Generator

from kissipo.core.numpy_array import NumpyArray
from kissipo.output.answer import Scores
from kissipo.output.baseline_data import EnvironmentData

NAME = "random policy"
TRIVIAL = True


def predict(data: EnvironmentData) -> Scores:
    """Returns the returns of the episodes."""
    actions = len(data.actions)

    def choose(states: NumpyArray, generators: list[Generator]) -> NumpyArray:
        return np.asarray([generator.integers(actions) for generator in generators])

    return data.play(choose)

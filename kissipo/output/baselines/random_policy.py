"""Random policy: every action with the same probability."""

import numpy as np

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import EnvironmentData

NAME = "random policy"
TRIVIAL = True


def predict(data: EnvironmentData) -> Scores:
    """Returns the returns of the episodes."""
    actions = len(data.actions)
    return np.asarray(data.play(lambda state, generator: int(generator.integers(actions))))

"""Random policy: every action equally often."""

import numpy as np

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import WorldCase

NAME = "random policy"


def answer(case: WorldCase) -> Scores:
    """The returns of the episodes."""
    actions = len(case.actions)
    return np.asarray(case.play(lambda state, generator: int(generator.integers(actions))))

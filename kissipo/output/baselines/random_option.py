"""Random option: every option has the same probability, and one of them is drawn."""

from typing import cast

import numpy as np

from kissipo.output.answer import Scores
from kissipo.output.answers.choice import Choice
from kissipo.output.baseline_data import BaselineData

NAME = "random option"
TRIVIAL = True
_MARGIN = 1e-9  # more for the option that is drawn


def predict(data: BaselineData) -> Scores | None:
    """Returns equal probabilities but for the draw; None without rows."""
    if data.test.frame is None:
        return None
    answer, generator = cast(Choice, data.answer), np.random.default_rng(data.seed)
    scores = answer.equal_shares(data.test.frame)
    draws = scores * generator.random(scores.shape)
    scores[np.arange(len(scores)), draws.argmax(axis=1)] += _MARGIN
    return scores

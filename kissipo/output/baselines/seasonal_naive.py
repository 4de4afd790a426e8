"""Seasonal naive: every step ahead is the value one season before it.

Where a step ahead lies beyond one season, the latest known value of the same place in the season is taken.
"""

import numpy as np

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import Case

NAME = "seasonal naive"


def answer(case: Case) -> Scores | None:
    """(sample, horizon, variable); None when the series has no season or the windows are shorter than one."""
    windows = case.windows(case.test)
    if case.season < 2 or windows.shape[1] < case.season:
        return None
    last_season = windows[:, -case.season :, :]
    return last_season[:, np.arange(case.answer.spec.shape[0]) % case.season, :]

"""Seasonal naive: every forecast is the value one season earlier.

A step more than one season ahead takes the latest value at its position in the season.
"""

import numpy as np

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import BaselineData

NAME = "seasonal naive"


def predict(data: BaselineData) -> Scores | None:
    """Returns forecasts (sample, horizon, variable).

    It returns None without a season, and for windows shorter than one season.
    """
    windows = data.windows(data.test)
    if data.season < 2 or windows.shape[1] < data.season:
        return None
    last_season = windows[:, -data.season :, :]
    return last_season[:, np.arange(data.answer.spec.shape[0]) % data.season, :]

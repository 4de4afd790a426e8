"""Last week: every forecast is the count at the same time a week before."""

import numpy as np

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import BaselineData

NAME = "same time last week"


def predict(data: BaselineData) -> Scores | None:
    """Returns forecasts (sample, horizon, 1); None where the past is too short.

    A step more than a week ahead takes the latest count at its time of the week.
    """
    series, origins, week = data.series, data.test.origins, data.season
    assert series is not None and origins is not None
    _, past = data.position_in_series(data.test)
    if not week or not len(past) or past.min() < week:
        return None
    ahead = np.arange(data.answer.spec.shape[0]) % week
    return np.asarray(series[origins[:, None] - week + ahead])

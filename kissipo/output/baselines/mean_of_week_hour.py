"""Mean of the hour of the week: the mean of all counts of the place at that time of the
week, before the forecast.

With other intervals than an hour it is the mean of the same interval of the week.
"""

import numpy as np
from numpy.typing import NDArray

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import BaselineData

NAME = "mean of the hour of the week"


def predict(data: BaselineData) -> Scores | None:
    """Returns forecasts (sample, horizon, 1); None where the past is too short."""
    week = data.season
    assert data.series is not None
    place, step = data.position_in_series(data.test)
    if not week or not len(step) or step.min() < week:
        return None
    series = data.series[:, 0].reshape(len(data.starts) - 1, -1)
    means = [_mean(series, place, step, ahead, week) for ahead in range(data.answer.spec.shape[0])]
    return np.stack(means, axis=1)[:, :, None]


def _mean(
    series: NDArray[np.float64],
    place: NDArray[np.int64],
    step: NDArray[np.int64],
    ahead: int,
    week: int,
) -> NDArray[np.float64]:
    """Returns the mean over all weeks whose count was num_weeks before the forecast."""
    places, steps = series.shape
    weeks = -(-steps // week)
    padded = np.pad(series, ((0, 0), (0, weeks * week - steps))).reshape(places, weeks, week)
    sums = np.concatenate([np.zeros((places, 1, week)), padded.cumsum(axis=1)], axis=1)
    slot = (step + ahead) % week
    num_weeks = -(-(step - slot) // week)  # counts at this time of the week before the forecast
    return np.asarray(sums[place, num_weeks, slot] / num_weeks)

"""Exponential smoothing: level, damped trend and season (Holt and Winters; additive).

statsmodels fits the smoothing coefficients on the training steps; then the state runs
over all steps before each forecast. It returns None without statsmodels, when the
series is too short for its season, and when fitting a long season would take minutes.
"""

import warnings
from importlib.util import find_spec
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import BaselineData, Samples

NAME = "exponential smoothing"
_MAX_SEASON, _MAX_STEPS, _MAX_VARIABLES = 60, 600, 8


def predict(data: BaselineData) -> Scores | None:
    """Returns forecasts (sample, horizon, variable)."""
    if (
        data.series is None
        or data.train.origins is None
        or data.test.origins is None
        or find_spec("statsmodels") is None
    ):
        return None
    season, horizon = data.season if data.season > 1 else 0, data.answer.spec.shape[0]
    starts = data.starts or (0, len(data.series))
    if season > _MAX_SEASON or data.series.shape[1] * (len(starts) - 1) > _MAX_VARIABLES:
        return None
    forecasts = np.zeros((len(data.test.origins), horizon, data.series.shape[1]))
    for start, stop in pairwise(starts):
        train, test = (_origins(split, start, stop) for split in (data.train, data.test))
        if not len(train):
            return None
        length = int(data.train.origins[train].max()) - start + horizon
        if length < max(10, 2 * season + 2):
            return None
        origins = data.test.origins[test] - start
        for variable, values in enumerate(data.series[start:stop].T):
            forecasts[test, :, variable] = _forecasts(values, length, origins, season, horizon)
    return forecasts


def _origins(split: Samples, start: int, stop: int) -> NDArray[np.int64]:
    """Returns the positions of the samples of one series."""
    assert split.origins is not None
    return np.flatnonzero((split.origins >= start) & (split.origins < stop))


def _forecasts(
    series: NDArray[np.float64], length: int, origins: NDArray[np.int64], season: int, horizon: int
) -> NDArray[np.float64]:
    """Returns the forecasts from the state before each origin (origin, horizon)."""
    from statsmodels.tsa.holtwinters import ExponentialSmoothing

    first = max(0, length - _MAX_STEPS)
    options: dict[str, str | bool | int] = {"trend": "add", "damped_trend": True}
    options |= {"seasonal": "add", "seasonal_periods": season} if season else {}
    with warnings.catch_warnings():
        # coefficients at their bounds, and fits that stop early, raise warnings
        warnings.simplefilter("ignore")
        parameters = ExponentialSmoothing(series[first:length], **options).fit().params
        starts = {
            "initial_level": parameters["initial_level"],
            "initial_trend": parameters["initial_trend"],
        }
        coefficients = {
            "smoothing_level": parameters["smoothing_level"],
            "smoothing_trend": parameters["smoothing_trend"],
        }
        if season:
            starts["initial_seasonal"] = parameters["initial_seasons"]
            coefficients["smoothing_seasonal"] = parameters["smoothing_seasonal"]
        model = ExponentialSmoothing(
            series[first:], initialization_method="known", **options, **starts
        )
        state = model.fit(
            **coefficients, damping_trend=parameters["damping_trend"], optimized=False
        )
    now, ahead = origins - first - 1, np.arange(1, horizon + 1)
    trend = np.cumsum(parameters["damping_trend"] ** ahead)
    forecasts = state.level[now][:, None] + state.trend[now][:, None] * trend
    if season:
        forecasts = forecasts + state.season[now[:, None] - (season - 1) + (ahead - 1) % season]
    return np.asarray(forecasts)

"""Exponential smoothing: level, damped trend and season (Holt and Winters; additive).

statsmodels fits the smoothing coefficients on the training steps; then the state runs
over all steps before each forecast. It returns None without statsmodels, when the
series is too short for its season, and when fitting a long season would take minutes.
"""

import warnings
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import BaselineData

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
    length = int(data.train.origins.max()) + horizon
    if (
        length < max(10, 2 * season + 2)
        or season > _MAX_SEASON
        or data.series.shape[1] > _MAX_VARIABLES
    ):
        return None
    forecasts = [
        _forecasts(series, length, data.test.origins, season, horizon) for series in data.series.T
    ]
    return np.stack(forecasts, axis=2)


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

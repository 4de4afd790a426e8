"""Exponential smoothing: level, damped trend and season, each a running mean that forgets (Holt and Winters; additive).

The rates of forgetting are found on the training steps by statsmodels; then the state runs on over the known past of each forecast.
None where statsmodels is missing, the series too short for its season, or the season so long that finding the rates takes minutes.
"""

import warnings
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import Case

NAME = "exponential smoothing"
_LONGEST_SEASON, _MOST_STEPS, _MOST_VARIABLES = 60, 600, 8


def answer(case: Case) -> Scores | None:
    """(sample, horizon, variable)."""
    if (
        case.series is None
        or case.train.origins is None
        or case.test.origins is None
        or find_spec("statsmodels") is None
    ):
        return None
    season, horizon = case.season if case.season > 1 else 0, case.answer.spec.shape[0]
    known = int(case.train.origins.max()) + horizon
    if (
        known < max(10, 2 * season + 2)
        or season > _LONGEST_SEASON
        or case.series.shape[1] > _MOST_VARIABLES
    ):
        return None
    each = [
        _forecasts(series, known, case.test.origins, season, horizon) for series in case.series.T
    ]
    return np.stack(each, axis=2)


def _forecasts(
    series: NDArray[np.float64], known: int, origins: NDArray[np.int64], season: int, horizon: int
) -> NDArray[np.float64]:
    """(origin, horizon): what the state that is known at each origin says."""
    from statsmodels.tsa.holtwinters import ExponentialSmoothing

    first = max(0, known - _MOST_STEPS)
    words: dict[str, Any] = {"trend": "add", "damped_trend": True}
    words |= {"seasonal": "add", "seasonal_periods": season} if season else {}
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # rates at their bounds, and searches that end early, are told there
        found = ExponentialSmoothing(series[first:known], **words).fit().params
        starts = {"initial_level": found["initial_level"], "initial_trend": found["initial_trend"]}
        rates = {
            "smoothing_level": found["smoothing_level"],
            "smoothing_trend": found["smoothing_trend"],
        }
        if season:
            starts["initial_seasonal"] = found["initial_seasons"]
            rates["smoothing_seasonal"] = found["smoothing_seasonal"]
        on = ExponentialSmoothing(series[first:], initialization_method="known", **words, **starts)
        state = on.fit(**rates, damping_trend=found["damping_trend"], optimized=False)
    now, ahead = origins - first - 1, np.arange(1, horizon + 1)
    trend = np.cumsum(found["damping_trend"] ** ahead)
    answers = state.level[now][:, None] + state.trend[now][:, None] * trend
    if season:
        answers = answers + state.season[now[:, None] - (season - 1) + (ahead - 1) % season]
    return np.asarray(answers)

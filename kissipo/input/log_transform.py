"""Logarithms: whether a net should learn the logarithms of a series.

The season of airline passengers is 20 % above and below the mean of each year, so its
swing grows with the number of passengers. In logarithms the swing is constant, and a
linear model can describe it. Three things must say so, all on the training steps:

1. The swing (maximum minus minimum) of the seasons grows with their mean: the
   correlation is at least 0.7.
2. The ratio of swing and mean is more even than the swing (Guerrero).
3. A seasonal autoregression (the lags 1, s and s + 1) of the logarithms has the higher
   likelihood. The likelihood of the values themselves is compared: where z = log y,
   each density is divided by y (Box and Cox).

Source:   Box and Cox, An Analysis of Transformations, Journal of the Royal Statistical
          Society B 26, 1964; Guerrero, Time-series Analysis Supported by Power
          Transformations, Journal of Forecasting 12, 1993.
Example:  >>> step = np.arange(96)
          >>> growing = np.exp(0.02 * step + 0.3 * np.sin(step * 2 * np.pi / 12))
          >>> growing = growing * np.random.default_rng(0).lognormal(0, 0.02, 96)
          >>> round(swing_correlation(growing, 12), 1), suits_logarithms(growing, 12)
          (1.0, True)
          >>> suits_logarithms(np.log(growing) + 1, 12)
          False
"""

import numpy as np
from numpy.typing import NDArray

_MIN_SEASONS = 4
_MIN_CORRELATION = 0.7


def suits_logarithms(values: NDArray[np.float64], season: int) -> bool:
    """Returns whether the logarithms of a positive series are easier to forecast.

    season:  steps after which the pattern repeats; 0: no season, which means False
    """
    if season < 2 or len(values) < _MIN_SEASONS * season or not (values > 0).all():
        return False
    if swing_correlation(values, season) < _MIN_CORRELATION:
        return False
    means, swings = _seasons(values, season)
    if _variation(swings / means) >= _variation(swings):
        return False
    plain, logs = _residuals(values, season), _residuals(np.log(values), season)
    jacobian = 2 * float(np.log(values[season + 1 :]).mean())
    return _log(logs.var()) + jacobian < _log(plain.var())


def swing_correlation(values: NDArray[np.float64], season: int) -> float:
    """Returns the correlation of the mean and the swing of the seasons; 0 where one of
    them is constant."""
    means, swings = _seasons(values, season)
    if not (means.std() and swings.std()):
        return 0.0
    return float(np.corrcoef(means, swings)[0, 1])


def _seasons(
    values: NDArray[np.float64], season: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns the mean and the swing of each whole season, counted from the end."""
    rows = values[len(values) % season :].reshape(-1, season)
    return rows.mean(axis=1), np.ptp(rows, axis=1)


def _variation(values: NDArray[np.float64]) -> float:
    """Returns the coefficient of variation."""
    return float(values.std() / values.mean()) if values.mean() else 0.0


def _residuals(values: NDArray[np.float64], season: int) -> NDArray[np.float64]:
    """Returns what a seasonal autoregression by least squares leaves."""
    target = values[season + 1 :]
    lags = (values[season:-1], values[1:-season], values[: -season - 1])
    design = np.column_stack([np.ones(len(target)), *lags])
    weights = np.linalg.lstsq(design, target, rcond=None)[0]
    return target - design @ weights


def _log(variance: float) -> float:
    return float(np.log(max(variance, np.finfo(np.float64).tiny)))

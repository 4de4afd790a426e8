"""Decomposition: a series as the sum of trend, season and remainder (S23).

y = trend + season + rest, computed by STL (loess), robust against outliers. It is used
in the report only; no net receives it as input.
Strength of a component: max(0, 1 - var(rest) / var(component + rest)); 0 means that
the component is absent, 1 means that it explains everything.

Source:   Cleveland et al., STL, 1990; strengths by Wang, Smith and Hyndman, 2006.
Example:  >>> import numpy as np
          >>> step = np.arange(120.0)
          >>> components = decompose(step + 10 * np.sin(step * np.pi / 6), 12)
          >>> components.trending > 0.9, components.seasonal > 0.9
          (True, True)
"""

from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

_MAX_STEPS = 20_000
_MAX_SEASON = 400


@dataclass(frozen=True)
class Decomposed:
    """The components of a series, one value per step, and their strengths."""

    trend: NDArray[np.float64]
    season: NDArray[np.float64]
    rest: NDArray[np.float64]

    @property
    def trending(self) -> float:
        """Returns the strength of the trend, from 0 to 1."""
        return _strength(self.trend, self.rest)

    @property
    def seasonal(self) -> float:
        """Returns the strength of the season, from 0 to 1."""
        return _strength(self.season, self.rest)


def decompose(values: NDArray[np.float64], season: int) -> Decomposed | None:
    """Decomposes a series by STL.

    Returns None without a season, without statsmodels, for fewer than two seasons and
    for very long ones.
    """
    if (
        not 2 <= season <= _MAX_SEASON
        or not 2 * season <= len(values) <= _MAX_STEPS
        or find_spec("statsmodels") is None
    ):
        return None
    from statsmodels.tsa.seasonal import STL

    result = STL(values, period=season, robust=True).fit()
    return Decomposed(
        np.asarray(result.trend), np.asarray(result.seasonal), np.asarray(result.resid)
    )


def _strength(component: NDArray[np.float64], rest: NDArray[np.float64]) -> float:
    total = float(np.var(component + rest))
    return max(0.0, 1.0 - float(np.var(rest)) / total) if total else 0.0

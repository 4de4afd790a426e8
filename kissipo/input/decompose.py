"""Trend, season and rest: a series as their sum, so that it is seen what there is to forecast (S23).

y = trend + season + rest, by loess (STL), robust against single wild values; for the eye and the report, no net is fed with it.
Strength of a part: max(0, 1 - var(rest) / var(part + rest)): 0 it is not there, 1 it is all there is.

Source:   Cleveland et al., STL, 1990; strengths by Wang, Smith and Hyndman, 2006.
Example:  >>> import numpy as np
          >>> step = np.arange(120.0)
          >>> found = decompose(step + 10 * np.sin(step * np.pi / 6), 12)
          >>> found.trending > 0.9, found.seasonal > 0.9
          (True, True)
"""

from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

_MOST_STEPS = 20_000
_WIDEST = 400


@dataclass(frozen=True)
class Decomposed:
    """The parts (step), and how strong trend and season are."""

    trend: NDArray[np.float64]
    season: NDArray[np.float64]
    rest: NDArray[np.float64]

    @property
    def trending(self) -> float:
        """Strength of the trend, 0 to 1."""
        return _strength(self.trend, self.rest)

    @property
    def seasonal(self) -> float:
        """Strength of the season, 0 to 1."""
        return _strength(self.season, self.rest)


def decompose(values: NDArray[np.float64], season: int) -> Decomposed | None:
    """The parts; None without a season, without statsmodels, and for fewer than two or for very long seasons."""
    if (
        not 2 <= season <= _WIDEST
        or not 2 * season <= len(values) <= _MOST_STEPS
        or find_spec("statsmodels") is None
    ):
        return None
    from statsmodels.tsa.seasonal import STL

    found = STL(values, period=season, robust=True).fit()
    return Decomposed(np.asarray(found.trend), np.asarray(found.seasonal), np.asarray(found.resid))


def _strength(part: NDArray[np.float64], rest: NDArray[np.float64]) -> float:
    whole = float(np.var(part + rest))
    return max(0.0, 1.0 - float(np.var(rest)) / whole) if whole else 0.0

"""NAB: the score of the Numenta Anomaly Benchmark for alarms beside labeled windows; 100 is perfect, 0 says nothing at all.

A window that is met gives what its first alarm is worth, a missed one costs 1, every alarm outside a window a little:

w(y) = 2 / (1 + e^(5y)) - 1      met: w(y) / w(-1), y from -1 (first step of the window) to 0 (last)
                                 false: 0.11 w(y), y > 0 in widths of the window before it; -0.11 before the first and beyond 3
score = 100 (sum + windows) / (2 windows)

The weights are those of NAB's standard profile. NAB itself chooses one threshold for all its series by this very score; here the
threshold is given.

Source:   Lavin and Ahmad, Evaluating Real-time Anomaly Detection Algorithms, 2015; Ahmad et al. 2017.
Example:  >>> import numpy as np
          >>> alarms = np.zeros(100, bool)
          >>> nab_score(alarms, [(40, 49)])
          0.0
          >>> alarms[40] = True
          >>> nab_score(alarms, [(40, 49)])
          100.0
"""

from collections.abc import Sequence
from math import exp
from typing import Any

import numpy as np
from numpy.typing import NDArray

FALSE_ALARM = 0.11
Span = tuple[int, int]


def nab_score(alarms: NDArray[Any], windows: Sequence[Span]) -> float:
    """The score of alarms (step) beside windows (first and last step, in the order of time); NaN without windows."""
    if not windows:
        return float("nan")
    total, outside = 0.0, np.asarray(alarms, dtype=bool).copy()
    for first, last in windows:
        met = np.flatnonzero(alarms[first : last + 1])
        total += (
            _worth((met[0] - (last - first + 1)) / (last - first + 1)) / _worth(-1.0)
            if len(met)
            else -1.0
        )
        outside[first : last + 1] = False
    for step in np.flatnonzero(outside):
        before = [span for span in windows if span[1] < step]
        if not before:
            total -= FALSE_ALARM
            continue
        first, last = before[-1]
        far = (step - last) / max(1, last - first)
        total += FALSE_ALARM * (_worth(far) if far <= 3 else -1.0)
    return 100 * (total + len(windows)) / (2 * len(windows))


def _worth(place: float) -> float:
    """From 1 well before the end of a window through 0 at its end to -1 well after it."""
    return 2 / (1 + exp(5 * place)) - 1

"""NAB: the score of the Numenta Anomaly Benchmark.

The score is 100 for perfect alarms and 0 without alarms. A detected window scores by
the position of its first alarm, a missed window costs 1, and every alarm outside a
window costs a little:

w(y) = 2 / (1 + e^(5y)) - 1
detected:     w(y) / w(-1), y from -1 (first step of the window) to 0 (last step)
false alarm:  0.11 w(y), y > 0 in widths of the window before it;
              -0.11 before the first window and where y > 3
score = 100 (sum + windows) / (2 windows)

The weights are those of NAB's standard profile. NAB itself optimizes one threshold for
all its series by this score; here the threshold is an input.

Source:   Lavin and Ahmad, Evaluating Real-time Anomaly Detection Algorithms, 2015;
          Ahmad et al. 2017.
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

import numpy as np
from numpy.typing import NDArray

FALSE_ALARM = 0.11
Span = tuple[int, int]


def nab_score(alarms: NDArray[np.bool_], windows: Sequence[Span]) -> float:
    """Returns the score of alarms (step) for windows (first and last step, in order).

    It is NaN without windows.
    """
    if not windows:
        return float("nan")
    total, outside = 0.0, np.asarray(alarms, dtype=bool).copy()
    for first, last in windows:
        hits = np.flatnonzero(alarms[first : last + 1])
        total += (
            _weight((hits[0] - (last - first + 1)) / (last - first + 1)) / _weight(-1.0)
            if len(hits)
            else -1.0
        )
        outside[first : last + 1] = False
    for step in np.flatnonzero(outside):
        earlier = [span for span in windows if span[1] < step]
        if not earlier:
            total -= FALSE_ALARM
            continue
        first, last = earlier[-1]
        distance = (step - last) / max(1, last - first)
        total += FALSE_ALARM * (_weight(distance) if distance <= 3 else -1.0)
    return 100 * (total + len(windows)) / (2 * len(windows))


def _weight(position: float) -> float:
    """Returns a sigmoid: 1 well before the end of a window, 0 there, -1 after it."""
    return 2 / (1 + exp(5 * position)) - 1

"""Cost-weighted threshold: from which suspicion on a piece is called, when a missed defect costs more than a false alarm.

called where  suspicion = 1 - P(sound) >= threshold        cost = missed · (defects not called) + (sound pieces called)

If probabilities were true, 1 / (1 + missed) would be the best threshold: there a piece costs the same either way. They rarely are, so
the threshold is the cheapest on samples that were not learned from; of equally cheap ones the nearest to that value.

Source:   Elkan, The Foundations of Cost-Sensitive Learning, IJCAI 2001.
Example:  >>> suspicion, defect = [0.05, 0.3, 0.2, 0.9], [False, False, True, True]
          >>> round(cheapest(suspicion, defect, missed=20.0), 4), cost(suspicion, defect, 0.125, missed=20.0)
          (0.125, 1.0)
"""

from typing import Any

import numpy as np


def even(missed: float) -> float:
    """The threshold for probabilities that are true."""
    return 1 / (1 + missed)


def cost(suspicion: Any, defect: Any, threshold: float, *, missed: float) -> float:
    """What calling from this threshold on costs, in false alarms."""
    called, defect = np.asarray(suspicion) >= threshold, np.asarray(defect, dtype=bool)
    return missed * float(np.sum(defect & ~called)) + float(np.sum(called & ~defect))


def cheapest(suspicion: Any, defect: Any, *, missed: float) -> float:
    """The threshold with the smallest cost; between two scores their middle, or 1 / (1 + missed) where that lies between them."""
    suspicion, defect = np.asarray(suspicion, dtype=np.float64), np.asarray(defect, dtype=bool)
    levels, place = np.unique(suspicion, return_inverse=True)
    above = np.append(
        levels, max(1.0, np.nextafter(levels[-1], 2))
    )  # the highest threshold that calls so many
    below = np.concatenate([[0.0], levels])  # one that is not above this calls more
    passed = np.stack(
        [np.bincount(place[kind], minlength=len(levels)) for kind in (defect, ~defect)]
    ).cumsum(axis=1)
    not_called, passed_sound = np.concatenate([np.zeros((2, 1), dtype=np.int64), passed], axis=1)
    costs = missed * not_called + (~defect).sum() - passed_sound
    ideal = even(missed)
    within = (below < ideal) & (ideal <= above)
    points = np.where(within, ideal, np.minimum((below + above) / 2, above))
    points = np.where(
        points > below, points, above
    )  # two scores so near that their middle is the lower one
    cheap = np.flatnonzero(costs == costs.min())
    return float(points[cheap[np.argmin(np.abs(points[cheap] - ideal))]])

"""Cost-sensitive threshold: a false negative costs more than a false positive.

predicted positive where  suspicion >= threshold
cost = false_negative_cost · (false negatives) + (false positives)

With calibrated probabilities, the best threshold is 1 / (1 + false_negative_cost):
there both decisions cost the same. Probabilities are rarely calibrated; the threshold
minimizes the cost on held-out samples; of equal minima, it is the nearest one.

Source:   Elkan, The Foundations of Cost-Sensitive Learning, IJCAI 2001.
Example:  >>> suspicion, defect = [0.05, 0.3, 0.2, 0.9], [False, False, True, True]
          >>> round(cheapest(suspicion, defect, false_negative_cost=20.0), 4)
          0.125
          >>> cost(suspicion, defect, 0.125, false_negative_cost=20.0)
          1.0
"""

import numpy as np
from numpy.typing import ArrayLike


def calibrated_threshold(false_negative_cost: float) -> float:
    """Returns the optimal threshold for calibrated probabilities."""
    return 1 / (1 + false_negative_cost)


def cost(
    suspicion: ArrayLike, defect: ArrayLike, threshold: float, *, false_negative_cost: float
) -> float:
    """Returns the cost of this threshold, in false positives."""
    positive, defect = np.asarray(suspicion) >= threshold, np.asarray(defect, dtype=bool)
    return false_negative_cost * float(np.sum(defect & ~positive)) + float(
        np.sum(positive & ~defect)
    )


def cheapest(suspicion: ArrayLike, defect: ArrayLike, *, false_negative_cost: float) -> float:
    """Returns the threshold with the lowest cost.

    It is the midpoint of two scores, or 1 / (1 + cost) where that lies between them.
    """
    suspicion, defect = np.asarray(suspicion, dtype=np.float64), np.asarray(defect, dtype=bool)
    scores, position = np.unique(suspicion, return_inverse=True)
    # the highest threshold with the same positives, and the highest one with more
    above = np.append(scores, max(1.0, np.nextafter(scores[-1], 2)))
    below = np.concatenate([[0.0], scores])
    counts = np.stack(
        [np.bincount(position[kind], minlength=len(scores)) for kind in (defect, ~defect)]
    ).cumsum(axis=1)
    false_negatives, true_negatives = np.concatenate(
        [np.zeros((2, 1), dtype=np.int64), counts], axis=1
    )
    costs = false_negative_cost * false_negatives + (~defect).sum() - true_negatives
    ideal = calibrated_threshold(false_negative_cost)
    within = (below < ideal) & (ideal <= above)
    points = np.where(within, ideal, np.minimum((below + above) / 2, above))
    # two scores can be so close that their midpoint rounds to the lower one
    points = np.where(points > below, points, above)
    cheap = np.flatnonzero(costs == costs.min())
    return float(points[cheap[np.argmin(np.abs(points[cheap] - ideal))]])

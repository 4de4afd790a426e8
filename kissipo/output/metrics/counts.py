"""How good forecasts of counts are.

deviance = 2 mean (t log(t / m) - (t - m))     t log t = 0 where t is 0
hit rate = how many of the k places that are forecast as the busiest are among them

Example:  >>> import numpy as np
          >>> truth, mean = np.array([0.0, 2.0]), np.array([1.0, 2.0])
          >>> poisson_deviance(truth, mean)
          1.0
          >>> counts = np.array([[5.0, 0.0, 1.0]])
          >>> forecasts = np.array([[2.0, 9.0, 3.0]])
          >>> hit_rate(counts, forecasts, 2)
          0.5
"""

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.float64]
_MIN_MEAN = 1e-6  # a mean of 0 would make any event infinitely improbable


def poisson_deviance(truth: Counts, mean: Counts) -> float:
    """Returns the mean Poisson deviance, as scikit-learn does.

    A mean below one millionth counts as one millionth.
    """
    mean = np.maximum(mean, _MIN_MEAN)
    logarithm = np.log(np.where(truth > 0, truth, 1.0) / mean)
    return float(2 * np.mean(np.where(truth > 0, truth * logarithm, 0.0) - truth + mean))


def hit_rate(truth: Counts, mean: Counts, k: int) -> float:
    """Returns the mean share of hits among the k busiest places of each step.

    A place is a hit if nothing in the step is ahead of it k times: places with equal
    counts at the limit all count. Places with no event are no hits, so a step with
    fewer than k busy places needs only these. Of places with equal forecasts at the
    limit each counts with the share of them that is among the k. Steps without an event
    are left out.

    Shapes:   truth and mean (step, place)
    """
    limit = np.sort(truth, axis=1)[:, -k][:, None]
    busy = (truth >= limit) & (truth > 0)
    wanted = np.minimum((truth > 0).sum(axis=1), k)
    last = np.sort(mean, axis=1)[:, -k][:, None]
    above, tied = mean > last, mean == last
    share = (k - above.sum(axis=1)) / tied.sum(axis=1)
    hits = (busy & above).sum(axis=1) + share * (busy & tied).sum(axis=1)
    some = wanted > 0
    return float(np.mean(np.minimum(hits[some] / wanted[some], 1.0))) if some.any() else 0.0

"""Macro measures sample by sample: numbers whose mean is the measure and whose spread is its uncertainty.

A mean over classes is no mean over samples. To first order it is: each sample gets the measure plus what the measure would change
if there were a little more of that sample,    m_i = M + n · (dM / dw_i),    the delta method (pseudo-values). Two answers to the same
samples can so be compared pair by pair, as the verdict does.

Example:  >>> truth, chosen = np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1])
          >>> [round(float(np.mean(f(truth, chosen, 2))), 4) for f in (macro_f1_by_sample, balanced_accuracy_by_sample)]
          [0.7333, 0.8333]
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


def macro_f1_by_sample(truth: Any, chosen: Any, classes: int) -> Values:
    """F1 = 2 TP / (true + answered), its mean over the classes that occur in either."""
    is_so, said = _one_hot(truth, classes), _one_hot(chosen, classes)
    return _by_sample(2 * is_so * said, is_so + said)


def balanced_accuracy_by_sample(truth: Any, chosen: Any, classes: int) -> Values:
    """Recall = TP / true, its mean over the classes that occur in the truth."""
    is_so, said = _one_hot(truth, classes), _one_hot(chosen, classes)
    return _by_sample(is_so * said, is_so)


def _by_sample(part: Values, whole: Values) -> Values:
    """The mean over classes of sum(part) / sum(whole), and d of it for each sample times n; (sample, class) both."""
    present = whole.sum(axis=0) > 0
    part, whole = part[:, present], whole[:, present]
    total = whole.sum(axis=0)
    rate = part.sum(axis=0) / total
    return np.asarray((rate + len(part) * (part - rate * whole) / total).mean(axis=1))


def _one_hot(numbers: Any, classes: int) -> Values:
    return np.eye(classes)[np.asarray(numbers, dtype=np.int64)]

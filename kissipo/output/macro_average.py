"""Rates per sample: their mean is the metric, their std is its uncertainty.

A mean over classes, or a rate of counts, is not a mean over samples. To first order,
each sample gets the metric plus the change of the metric when the weight of that sample
grows: m_i = M + n · (dM / dw_i), the delta method (pseudo-values). So two predictions
of the same samples can be compared in pairs, as the verdict does.

Example:  >>> truth, predicted = np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1])
          >>> round(float(macro_f1_by_sample(truth, predicted, 2).mean()), 4)
          0.7333
          >>> round(float(balanced_accuracy_by_sample(truth, predicted, 2).mean()), 4)
          0.8333
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Values = NDArray[np.float64]


def macro_f1_by_sample(truth: ArrayLike, predicted: ArrayLike, classes: int) -> Values:
    """F1 = 2 TP / (true + predicted), its mean over the classes in either."""
    true, positive = _one_hot(truth, classes), _one_hot(predicted, classes)
    return _by_sample(2 * true * positive, true + positive)


def balanced_accuracy_by_sample(truth: ArrayLike, predicted: ArrayLike, classes: int) -> Values:
    """Recall = TP / true, its mean over the classes in the truth."""
    true, positive = _one_hot(truth, classes), _one_hot(predicted, classes)
    return _by_sample(true * positive, true)


def f1_by_sample(right: ArrayLike, predicted: ArrayLike, true: ArrayLike) -> Values:
    """F1 = 2 right / (predicted + true) of counts per sample, 0 where all are 0.

    Example:  >>> round(float(f1_by_sample([1, 0], [1, 2], [1, 1]).mean()), 4)
              0.4
    """
    part = 2.0 * np.asarray(right, dtype=np.float64)
    whole = np.asarray(predicted, dtype=np.float64) + np.asarray(true, dtype=np.float64)
    if not whole.any():
        return np.zeros(len(part))
    return _by_sample(part[:, None], whole[:, None])


def _by_sample(part: Values, whole: Values) -> Values:
    """Returns mean over classes of sum(part) / sum(whole), plus n times its derivative.

    Shapes:   part, whole (sample, class) -> (sample)
    """
    present = whole.sum(axis=0) > 0
    part, whole = part[:, present], whole[:, present]
    total = whole.sum(axis=0)
    rate = part.sum(axis=0) / total
    return np.asarray((rate + len(part) * (part - rate * whole) / total).mean(axis=1))


def _one_hot(numbers: ArrayLike, classes: int) -> Values:
    return np.eye(classes)[np.asarray(numbers, dtype=np.int64)]

"""Metrics of class probabilities, which need the samples in order of their scores.

All take probabilities as (sample, class). They are those of scikit-learn, whose import
takes longer than the training of a small net. Where the value differs from
scikit-learn's, the function says so.

Source:   Fawcett 2006 (ROC); Russakovsky et al. 2015 (ImageNet's top-5 error is one
          minus the top-5 accuracy).
Example:  >>> probabilities = [[0.9, 0.1], [0.6, 0.4], [0.65, 0.35], [0.2, 0.8]]
          >>> roc_auc([0, 0, 1, 1], probabilities)
          0.75
          >>> [round(p, 4) for p in average_precision([0, 0, 1, 1], probabilities)]
          [0.8333, 0.8333]
          >>> round(log_loss([0, 0, 1, 1], probabilities), 4)
          0.4723
          >>> top_k([2], [[0.1, 0.5, 0.4]], 2)
          1.0
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Curve = NDArray[np.float64]
_MIN_PROBABILITY = np.finfo(np.float32).eps
_MAX_PROBABILITY = 1 - np.finfo(np.float64).eps


def roc_curve(positive: ArrayLike, scores: ArrayLike) -> tuple[Curve, Curve]:
    """Returns FPR and TPR from the highest threshold to the lowest.

    They are NaN for a class that does not occur.
    """
    false_positives, true_positives = _positives(positive, scores)
    return _fraction_of_last(false_positives), _fraction_of_last(true_positives)


def roc_auc(truth: ArrayLike, probabilities: ArrayLike) -> float:
    """Returns the area under the ROC curve, the mean of each class against the rest.

    Of two classes it is the area of the second. Classes that do not occur are left out,
    where scikit-learn raises. It is NaN when only one class occurs.
    """
    truth, probabilities = np.asarray(truth), np.asarray(probabilities)
    occurring = np.unique(truth)
    if len(occurring) < 2:
        return float("nan")
    classes = [1] if probabilities.shape[1] == 2 else occurring
    curves = [roc_curve(truth == index, probabilities[:, index]) for index in classes]
    return float(np.mean([np.trapezoid(tpr, fpr) for fpr, tpr in curves]))


def precision_recall_curve(positive: ArrayLike, scores: ArrayLike) -> tuple[Curve, Curve]:
    """Returns recall and precision from the highest threshold to the lowest.

    Before the first threshold nothing is predicted: recall 0, precision 1. Recall is
    NaN, not 1 as in scikit-learn, when no sample is positive.
    """
    false_positives, true_positives = _positives(positive, scores)
    predicted = (false_positives + true_positives)[1:]
    return _fraction_of_last(true_positives), np.concatenate([[1], true_positives[1:] / predicted])


def average_precision(truth: ArrayLike, probabilities: ArrayLike) -> list[float]:
    """Returns the average precision per class; NaN, not 0, for an absent class."""
    truth, probabilities = np.asarray(truth), np.asarray(probabilities)
    curves = [
        precision_recall_curve(truth == index, scores)
        for index, scores in enumerate(probabilities.T)
    ]
    return [float(np.sum((np.diff(recall) * precision[1:])[::-1])) for recall, precision in curves]


def log_loss(truth: Sequence[int] | NDArray[np.int64], probabilities: ArrayLike) -> float:
    """Returns the mean of -log p[truth]; p is at least the epsilon of float32."""
    likelihood = np.asarray(probabilities, dtype=np.float64)[
        np.arange(len(truth)), np.asarray(truth)
    ]
    return float(np.mean(-np.log(likelihood.clip(_MIN_PROBABILITY, _MAX_PROBABILITY))))


def top_k(truth: ArrayLike, probabilities: ArrayLike, k: int) -> float:
    """Returns the fraction of samples with the truth among the k most probable classes.

    Ties go to the first class, in scikit-learn to the last.
    """
    truth, probabilities = np.asarray(truth)[:, None], np.asarray(probabilities)
    likelihood = np.take_along_axis(probabilities, truth, axis=1)
    is_earlier = np.arange(probabilities.shape[1]) < truth
    is_ahead = (probabilities > likelihood) | ((probabilities == likelihood) & is_earlier)
    return float(np.mean(is_ahead.sum(axis=1) < k))


def _positives(positive: ArrayLike, scores: ArrayLike) -> tuple[Curve, Curve]:
    """Counts the false and the true positives at every threshold, the highest first.

    Before these, a threshold is above all scores: nothing is positive. Samples with the
    same score are counted together.
    """
    positive, scores = np.asarray(positive, dtype=bool), np.asarray(scores)
    falling = np.argsort(-scores, kind="stable")
    last_of_score = np.append(np.flatnonzero(np.diff(scores[falling])), len(scores) - 1)
    true_positives = np.cumsum(positive[falling], dtype=np.float64)[last_of_score]
    false_positives = last_of_score + 1 - true_positives
    return np.concatenate([[0], false_positives]), np.concatenate([[0], true_positives])


def _fraction_of_last(counts: Curve) -> Curve:
    """Returns counts as fractions of the last, NaN where that is 0."""
    return counts / counts[-1] if counts[-1] else np.full(len(counts), np.nan)

"""Metrics of class probabilities, by scikit-learn, which is imported on first use.

All take probabilities as (sample, class). Where the value differs from scikit-learn's,
the function says so.

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

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Curve = NDArray[np.float64]
_MIN_PROBABILITY = np.finfo(np.float32).eps


def roc_curve(positive: ArrayLike, scores: ArrayLike) -> tuple[Curve, Curve]:
    """Returns FPR and TPR from the highest threshold to the lowest.

    They are NaN for a class that does not occur.
    """
    from sklearn import metrics

    with warnings.catch_warnings(action="ignore"):
        fpr, tpr, _ = metrics.roc_curve(positive, scores, drop_intermediate=False)
    return fpr, tpr


def roc_auc(truth: ArrayLike, probabilities: ArrayLike) -> float:
    """Returns the area under the ROC curve, the mean of each class against the rest.

    Of two classes it is the area of the second. Classes that do not occur are left out,
    where scikit-learn raises. It is NaN when only one class occurs.
    """
    from sklearn import metrics

    truth, probabilities = np.asarray(truth), np.asarray(probabilities)
    occurring = np.unique(truth)
    if len(occurring) < 2:
        return float("nan")
    classes = [1] if probabilities.shape[1] == 2 else occurring
    return float(
        np.mean(
            [metrics.auc(*roc_curve(truth == index, probabilities[:, index])) for index in classes]
        )
    )


def precision_recall_curve(positive: ArrayLike, scores: ArrayLike) -> tuple[Curve, Curve]:
    """Returns recall and precision from the highest threshold to the lowest.

    Recall is NaN, not 1 as in scikit-learn, when no sample is positive.
    """
    from sklearn import metrics

    with warnings.catch_warnings(action="ignore"):
        precision, recall, _ = metrics.precision_recall_curve(positive, scores)
    return recall[::-1] if np.any(positive) else np.full(len(recall), np.nan), precision[::-1]


def average_precision(truth: ArrayLike, probabilities: ArrayLike) -> list[float]:
    """Returns the average precision per class; NaN, not 0, for an absent class."""
    from sklearn import metrics

    truth, probabilities = np.asarray(truth), np.asarray(probabilities)
    return [
        float(metrics.average_precision_score(truth == index, scores))
        if np.any(truth == index)
        else float("nan")
        for index, scores in enumerate(probabilities.T)
    ]


def log_loss(truth: Sequence[int] | NDArray[np.int64], probabilities: ArrayLike) -> float:
    """Returns the mean of -log p[truth]; p is at least the epsilon of float32."""
    from sklearn import metrics

    likelihood = np.asarray(probabilities, dtype=np.float64)[
        np.arange(len(truth)), np.asarray(truth)
    ].clip(_MIN_PROBABILITY, 1)
    return float(
        metrics.log_loss(
            np.ones(len(likelihood)), np.stack([1 - likelihood, likelihood], axis=1), labels=[0, 1]
        )
    )


def top_k(truth: ArrayLike, probabilities: ArrayLike, k: int) -> float:
    """Returns the fraction of samples with the truth among the k most probable classes.

    Ties go to the first class, in scikit-learn to the last.
    """
    from sklearn import metrics

    flipped = np.asarray(probabilities)[:, ::-1]
    classes = flipped.shape[1]
    return float(
        metrics.top_k_accuracy_score(
            classes - 1 - np.asarray(truth), flipped, k=k, labels=range(classes)
        )
    )

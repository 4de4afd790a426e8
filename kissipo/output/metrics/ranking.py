"""Measures of probabilities before a class is chosen, by scikit-learn, which is imported when the first one is asked for.

All take probabilities as (sample, class). Where our value differs from scikit-learn's, the function says so.

Source:   Fawcett 2006 (ROC); Russakovsky et al. 2015 (ImageNet's top-5 error is one minus top k).
Example:  >>> probabilities = [[0.9, 0.1], [0.6, 0.4], [0.65, 0.35], [0.2, 0.8]]
          >>> roc_auc([0, 0, 1, 1], probabilities)
          0.75
          >>> [round(each, 4) for each in average_precision([0, 0, 1, 1], probabilities)]
          [0.8333, 0.8333]
          >>> round(log_loss([0, 0, 1, 1], probabilities), 4), top_k([2], [[0.1, 0.5, 0.4]], 2)
          (0.4723, 1.0)
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

Curve = NDArray[np.float64]
_LEAST = np.finfo(np.float32).eps


def roc_curve(positive: Any, scores: Any) -> tuple[Curve, Curve]:
    """FPR and TPR from the highest threshold to the lowest; NaN for a class that does not occur."""
    from sklearn import metrics

    with warnings.catch_warnings(action="ignore"):
        fpr, tpr, _ = metrics.roc_curve(positive, scores, drop_intermediate=False)
    return fpr, tpr


def roc_auc(truth: Any, probabilities: Any) -> float:
    """The mean over the classes that occur of the area under the ROC curve against all others; of two classes the area of the second.

    It is NaN where only one class occurs. scikit-learn refuses a class that does not occur.
    """
    from sklearn import metrics

    truth, probabilities = np.asarray(truth), np.asarray(probabilities)
    occurring = np.unique(truth)
    if len(occurring) < 2:
        return float("nan")
    classes = [1] if probabilities.shape[1] == 2 else occurring
    return float(
        np.mean(
            [metrics.auc(*roc_curve(truth == each, probabilities[:, each])) for each in classes]
        )
    )


def precision_recall_curve(positive: Any, scores: Any) -> tuple[Curve, Curve]:
    """Recall and precision from the highest threshold to the lowest; recall is NaN, not 1, where no sample is positive."""
    from sklearn import metrics

    with warnings.catch_warnings(action="ignore"):
        precision, recall, _ = metrics.precision_recall_curve(positive, scores)
    return recall[::-1] if np.any(positive) else np.full(len(recall), np.nan), precision[::-1]


def average_precision(truth: Any, probabilities: Any) -> list[float]:
    """The average precision of every class; NaN, not 0, for a class that does not occur."""
    from sklearn import metrics

    truth, probabilities = np.asarray(truth), np.asarray(probabilities)
    return [
        float(metrics.average_precision_score(truth == each, scores))
        if np.any(truth == each)
        else float("nan")
        for each, scores in enumerate(probabilities.T)
    ]


def log_loss(truth: Any, probabilities: Any) -> float:
    """The mean of -log p[truth], in nats. A probability counts as at least the smallest that float32 knows beside 1."""
    from sklearn import metrics

    chosen = np.asarray(probabilities, dtype=np.float64)[
        np.arange(len(truth)), np.asarray(truth)
    ].clip(_LEAST, 1)
    return float(
        metrics.log_loss(
            np.ones(len(chosen)), np.stack([1 - chosen, chosen], axis=1), labels=[0, 1]
        )
    )


def top_k(truth: Any, probabilities: Any, k: int) -> float:
    """How often the truth is among the k likeliest classes; of equally likely ones the first count, in scikit-learn the last."""
    from sklearn import metrics

    flipped = np.asarray(probabilities)[:, ::-1]
    classes = flipped.shape[1]
    return float(
        metrics.top_k_accuracy_score(
            classes - 1 - np.asarray(truth), flipped, k=k, labels=range(classes)
        )
    )

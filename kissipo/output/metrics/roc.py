"""ROC curve and the area under it: how well the scores order the positives before the negatives, at every threshold.

TPR = TP / (TP + FN) against FPR = FP / (FP + TN); the area is the chance that a positive scores above a negative, ties half.

Example:  >>> fpr, tpr = roc_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
          >>> roc_area([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
          0.75
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Curve = NDArray[np.float64]


def roc_curve(truth: Any, scores: Any) -> tuple[Curve, Curve]:
    """FPR and TPR from the highest threshold to the lowest, starting at (0, 0); NaN where a class does not occur."""
    truth, scores = np.asarray(truth, dtype=bool), np.asarray(scores, dtype=np.float64)
    order = np.argsort(-scores, kind="stable")
    truth, scores = truth[order], scores[order]
    ends = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1) if len(scores) else np.zeros(0, dtype=np.int64)
    true_positives = np.concatenate([[0], np.cumsum(truth)[ends]])
    false_positives = np.concatenate([[0], (ends + 1) - np.cumsum(truth)[ends]])
    positives, negatives = int(truth.sum()), int((~truth).sum())
    fpr = false_positives / negatives if negatives else np.full(len(ends) + 1, np.nan)
    tpr = true_positives / positives if positives else np.full(len(ends) + 1, np.nan)
    return fpr, tpr


def roc_area(truth: Any, scores: Any) -> float:
    """AUC; NaN when only one of both classes occurs."""
    fpr, tpr = roc_curve(truth, scores)
    return float(np.trapezoid(tpr, fpr))


def roc_area_of_classes(truth: Any, probabilities: Any) -> float:
    """Mean of each class's AUC against all others, over the classes that occur; for two classes, the AUC of the second."""
    truth, probabilities = np.asarray(truth), np.asarray(probabilities)
    if probabilities.shape[1] == 2:
        return roc_area(truth == 1, probabilities[:, 1])
    areas = [roc_area(truth == each, probabilities[:, each]) for each in np.unique(truth)]
    return float(np.mean(areas)) if areas else float("nan")

"""Precision and recall at every threshold, and the average precision: for classes that are rare, where a ROC curve flatters.

precision = TP / (TP + FP)      recall = TP / (TP + FN)      average precision = sum over thresholds of (R_n - R_n-1) · P_n

Choices:  no line is drawn between two thresholds, as scikit-learn; scores that are equal are one threshold.
Example:  >>> recall, precision = precision_recall_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
          >>> recall.tolist(), [round(each, 2) for each in precision.tolist()]
          ([0.0, 0.5, 0.5, 1.0, 1.0], [1.0, 1.0, 0.5, 0.67, 0.5])
          >>> round(average_precision([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]), 4)
          0.8333
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Curve = NDArray[np.float64]


def precision_recall_curve(truth: Any, scores: Any) -> tuple[Curve, Curve]:
    """Recall and precision from the highest threshold to the lowest, starting at (0, 1); recall is NaN where nothing is to be found."""
    truth, scores = np.asarray(truth, dtype=bool), np.asarray(scores, dtype=np.float64)
    order = np.argsort(-scores, kind="stable")
    truth, scores = truth[order], scores[order]
    ends = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1) if len(scores) else np.zeros(0, dtype=np.int64)
    found = np.cumsum(truth)[ends]
    wanted = int(truth.sum())
    recall = found / wanted if wanted else np.full(len(ends), np.nan)
    return np.concatenate([[0.0], recall]), np.concatenate([[1.0], found / (ends + 1)])


def average_precision(truth: Any, scores: Any) -> float:
    """The area under the steps of the curve; NaN where nothing is to be found."""
    recall, precision = precision_recall_curve(truth, scores)
    return float((np.diff(recall) * precision[1:]).sum()) if np.any(truth) else float("nan")

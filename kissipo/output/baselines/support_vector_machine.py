"""Support vector machine on all columns, where texts stand beside other columns (S47).

It has a Gaussian kernel and is for few rows. Its scores become probabilities on other
rows than those it was fitted on (Platt scaling in five folds).
"""

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.svm import SVC, SVR

from kissipo.output.all_columns import sparse_columns
from kissipo.output.answer import Scores
from kissipo.output.baseline_data import BaselineData
from kissipo.output.sklearn_models import MAX_CLASSES, classify, estimate

NAME = "support vector machine on all columns"
_MAX_ROWS, _FOLDS = 2_000, 5


def predict(data: BaselineData) -> Scores | None:
    """Returns probabilities, or numbers; None for many rows, and where other baselines
    see all columns."""
    classes = data.answer.class_count
    if len(data.train) > _MAX_ROWS or classes > MAX_CLASSES:
        return None
    features = sparse_columns(data)
    if features is None:
        return None
    if not classes:
        spread = float(np.std(data.train.truth)) or 1.0
        return estimate(data, SVR(C=spread, epsilon=0.1 * spread), features=features)
    rarest = int(np.unique(data.train.truth, return_counts=True)[1].min())
    if rarest < 2:
        return None
    model = CalibratedClassifierCV(SVC(), cv=min(_FOLDS, rarest), ensemble=False)
    return classify(data, model, features=features)

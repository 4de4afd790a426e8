"""Logistic regression on the encoded features (scikit-learn, L2 with C = 1)."""

import warnings

from sklearn.linear_model import LogisticRegression

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import BaselineData
from kissipo.output.sklearn_models import MAX_CLASSES, classify

NAME = "logistic regression"


def predict(data: BaselineData) -> Scores | None:
    """Returns class probabilities; None for hundreds of classes, as they take long."""
    if len(data.answer.classes) > MAX_CLASSES:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return classify(data, LogisticRegression(max_iter=1000))

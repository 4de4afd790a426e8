"""TF-IDF with logistic regression: a bag of words per text (scikit-learn; S31, S47)."""

import warnings

from sklearn.linear_model import LogisticRegression

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import BaselineData
from kissipo.output.sklearn_models import classify

NAME = "TF-IDF + logistic regression"


def predict(data: BaselineData) -> Scores | None:
    """Returns class probabilities; None when there is no text."""
    weights = data.text_weights
    if weights is None:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return classify(data, LogisticRegression(C=30, max_iter=1000), features=weights)

"""Logistic regression on the encoded features (scikit-learn, L2 with C = 1).

It ends after at most 1,000 iterations. For many samples of many features, such as
thousands of images, it may end after fewer, but not before 100, scikit-learn's default.
"""

import warnings

from sklearn.linear_model import LogisticRegression

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import BaselineData
from kissipo.output.sklearn_models import MAX_CLASSES, classify, encoded

NAME = "logistic regression"
_MIN_ITERATIONS, _MAX_ITERATIONS = 100, 1_000
_MAX_PRODUCTS = 10_000_000_000  # of features and weights, in all iterations


def predict(data: BaselineData) -> Scores | None:
    """Returns class probabilities; None for hundreds of classes, as they take long."""
    if len(data.answer.classes) > MAX_CLASSES:
        return None
    features = encoded(data)
    if features is None:
        return None
    products = max(1, features[0].shape[0] * features[0].shape[1] * len(data.answer.classes))
    iterations = min(_MAX_ITERATIONS, max(_MIN_ITERATIONS, _MAX_PRODUCTS // products))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return classify(data, LogisticRegression(max_iter=iterations), features=features)

"""Logistic regression on all columns, where texts stand beside other columns (S47).

The features are scaled numbers, one-hot categories and the TF-IDF weights of texts.
"""

import warnings

from sklearn.linear_model import LogisticRegression

from kissipo.output.all_columns import sparse_columns
from kissipo.output.answer import Scores
from kissipo.output.baseline_data import BaselineData
from kissipo.output.sklearn_models import MAX_CLASSES, classify

NAME = "logistic regression on all columns"


def predict(data: BaselineData) -> Scores | None:
    """Returns class probabilities; None where other baselines see all columns."""
    features = sparse_columns(data)
    if features is None or len(data.answer.classes) > MAX_CLASSES:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return classify(data, LogisticRegression(max_iter=1000), features=features)

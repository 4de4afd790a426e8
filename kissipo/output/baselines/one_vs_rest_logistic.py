"""One-vs-rest logistic regression: one model per label, on all columns."""

import warnings

import numpy as np
from sklearn.linear_model import LogisticRegression

from kissipo.output.all_columns import sparse_columns
from kissipo.output.answer import Scores
from kissipo.output.baseline_data import BaselineData
from kissipo.output.sklearn_models import MAX_CLASSES, encoded

NAME = "one-vs-rest logistic regression"


def predict(data: BaselineData) -> Scores | None:
    """Returns probabilities (sample, label); None for hundreds of labels."""
    features = sparse_columns(data) or encoded(data) or data.text_weights
    if features is None or len(data.answer.classes) > MAX_CLASSES:
        return None
    train, test = features
    probabilities = np.tile(data.train.truth.mean(axis=0), (len(data.test), 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number, truth in enumerate(data.train.truth.T):
            if len(np.unique(truth)) == 2:
                model = LogisticRegression(max_iter=1000)
                model.fit(train, truth, sample_weight=data.train.weights)
                probabilities[:, number] = model.predict_proba(test)[:, 1]
    return probabilities

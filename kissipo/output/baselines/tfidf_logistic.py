"""TF-IDF with logistic regression: a bag of words per text (scikit-learn; S31, S47).

tf-idf = (1 + ln count) · (ln((1 + texts) / (1 + texts with the term)) + 1)

Rows are scaled to length 1. The terms are words and pairs of words. With a character
tokenizer they are one to three characters, with a space before and after each word.
"""

import warnings

from sklearn.linear_model import LogisticRegression

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import BaselineData
from kissipo.output.sklearn_models import classify, text_weights

NAME = "TF-IDF + logistic regression"


def predict(data: BaselineData) -> Scores | None:
    """Returns class probabilities; None when there is no text."""
    weights = text_weights(data)
    if weights is None:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return classify(data, LogisticRegression(C=30, max_iter=1000), features=weights)

"""TF-IDF with logistic regression: each text as the weights of its words (scikit-learn), no order of words (S31, S47).

tf-idf = (1 + ln count) · (ln((1 + texts) / (1 + texts with the word)) + 1), rows of length 1; words and pairs of words. Where
characters are read, one to three of them in a row, with a blank before and after each word, stand in the place of words.
"""

import warnings

from sklearn.linear_model import LogisticRegression

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import Case
from kissipo.output.sklearn_models import classify, text_weights

NAME = "TF-IDF + logistic regression"


def answer(case: Case) -> Scores | None:
    """Probabilities of the classes; None when there is no text."""
    weights = text_weights(case)
    if weights is None:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return classify(case, LogisticRegression(C=30, max_iter=1000), features=weights)

"""Logistic regression on the encoded features (scikit-learn, L2 with C = 1)."""

import warnings

from sklearn.linear_model import LogisticRegression

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import Case
from kissipo.output.sklearn_models import MOST_CLASSES, classify

NAME = "logistic regression"


def answer(case: Case) -> Scores | None:
    """Probabilities of the classes; None where there are hundreds, which would take longer than the net."""
    if len(case.answer.levels) > MOST_CLASSES:  # type: ignore[attr-defined]
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return classify(case, LogisticRegression(max_iter=1000))

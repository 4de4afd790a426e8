"""TF-IDF with ridge regression: each text as the weights of its words (scikit-learn), no order of words."""

from sklearn.linear_model import Ridge

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import Case
from kissipo.output.sklearn_models import estimate, text_weights

NAME = "TF-IDF + ridge regression"


def answer(case: Case) -> Scores | None:
    """Numbers in the unit of the data; None when there is no text."""
    weights = text_weights(case)
    return None if weights is None else estimate(case, Ridge(), features=weights)

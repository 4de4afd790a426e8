"""TF-IDF with ridge regression: a bag of words per text (scikit-learn)."""

from sklearn.linear_model import Ridge

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import BaselineData
from kissipo.output.sklearn_models import estimate

NAME = "TF-IDF + ridge regression"


def predict(data: BaselineData) -> Scores | None:
    """Returns numbers in the unit of the data; None when there is no text."""
    weights = data.text_weights
    return None if weights is None else estimate(data, Ridge(), features=weights)

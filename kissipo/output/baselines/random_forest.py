"""Random forest on the encoded features (scikit-learn, 100 trees)."""

from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import BaselineData
from kissipo.output.sklearn_models import MAX_CLASSES, classify, estimate

NAME = "random forest"


def predict(data: BaselineData) -> Scores | None:
    """Returns probabilities, or numbers in the unit of the data.

    It returns None for hundreds of classes, whose leaves would fill gigabytes.
    """
    if data.answer.class_count:
        if len(data.answer.classes) > MAX_CLASSES:
            return None
        return classify(data, RandomForestClassifier(100, random_state=data.seed, n_jobs=-1))
    return estimate(data, RandomForestRegressor(100, random_state=data.seed, n_jobs=-1))

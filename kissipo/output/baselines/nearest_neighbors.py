"""k nearest neighbors on the encoded features (scikit-learn, k = 5)."""

from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import Case
from kissipo.output.sklearn_models import classify, estimate

NAME = "5 nearest neighbors"


def answer(case: Case) -> Scores | None:
    """Probabilities, or numbers in the unit of the data."""
    neighbors = min(5, len(case.train))
    if case.answer.WORD == "category":
        return classify(case, KNeighborsClassifier(neighbors))
    return estimate(case, KNeighborsRegressor(neighbors))

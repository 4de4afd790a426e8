"""Random forest on the encoded features (scikit-learn, 100 trees)."""

from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import Case
from kissipo.output.sklearn_models import MOST_CLASSES, classify, estimate

NAME = "random forest"


def answer(case: Case) -> Scores | None:
    """Probabilities, or numbers in the unit of the data; None for hundreds of classes, whose shares in every leaf fill gigabytes."""
    if case.answer.WORD == "category":
        if len(case.answer.levels) > MOST_CLASSES:  # type: ignore[attr-defined]
            return None
        return classify(case, RandomForestClassifier(100, random_state=case.seed, n_jobs=-1))
    return estimate(case, RandomForestRegressor(100, random_state=case.seed, n_jobs=-1))

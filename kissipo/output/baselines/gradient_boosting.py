"""Gradient boosting on all columns, where texts stand beside other columns (S47).

Histogram gradient boosting of scikit-learn with 100 trees per class, and fewer trees
per class above ten classes.
"""

from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from kissipo.output.all_columns import count_categories, dense_columns
from kissipo.output.answer import Scores
from kissipo.output.baseline_data import BaselineData
from kissipo.output.sklearn_models import MAX_CLASSES, classify, estimate

NAME = "gradient boosting on all columns"
_TREES, _ALL_TREES = 100, 1_000


def predict(data: BaselineData) -> Scores | None:
    """Returns probabilities, or numbers; None where other baselines see all columns."""
    classes, features = data.answer.class_count, dense_columns(data)
    if features is None or classes > MAX_CLASSES:
        return None
    categories = list(range(count_categories(data)))
    if not classes:
        regressor = HistGradientBoostingRegressor(
            categorical_features=categories, early_stopping=False, random_state=data.seed
        )
        return estimate(data, regressor, features=features)
    classifier = HistGradientBoostingClassifier(
        categorical_features=categories,
        max_iter=min(_TREES, _ALL_TREES // classes),
        early_stopping=False,
        random_state=data.seed,
    )
    return classify(data, classifier, features=features)

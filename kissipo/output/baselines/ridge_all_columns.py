"""Ridge regression on all columns, where texts stand beside other columns (S47).

The features are scaled numbers, one-hot categories and the TF-IDF weights of texts.
"""

from sklearn.linear_model import Ridge

from kissipo.output.all_columns import sparse_columns
from kissipo.output.answer import Scores
from kissipo.output.baseline_data import BaselineData
from kissipo.output.sklearn_models import estimate

NAME = "ridge regression on all columns"


def predict(data: BaselineData) -> Scores | None:
    """Returns numbers; None where other baselines see all columns."""
    features = sparse_columns(data)
    return None if features is None else estimate(data, Ridge(), features=features)

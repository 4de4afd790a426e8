"""Ridge regression on the encoded features (scikit-learn), its strength chosen by leave-one-out on the training part."""

import numpy as np
from sklearn.linear_model import RidgeCV

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import Case
from kissipo.output.sklearn_models import estimate

NAME = "ridge regression"


def answer(case: Case) -> Scores | None:
    """Numbers in the unit of the data."""
    return estimate(case, RidgeCV(alphas=np.logspace(-3, 4, 29)))

"""Linear autoregression: each step ahead is a weighted sum of the steps in the window (ridge regression)."""

import numpy as np
from sklearn.linear_model import RidgeCV

from kissipo.output.answer import Scores
from kissipo.output.case import Case

NAME = "linear autoregression"


def answer(case: Case) -> Scores:
    """(sample, horizon, variable)."""
    known, asked = case.windows(case.train), case.windows(case.test)
    model = RidgeCV(alphas=np.logspace(-3, 4, 15)).fit(
        known.reshape(len(known), -1), case.train.truth.reshape(len(known), -1)
    )
    answers = model.predict(asked.reshape(len(asked), -1))
    return np.asarray(answers).reshape(len(asked), *case.train.truth.shape[1:])

"""Linear autoregression: each step is a weighted sum of its window (ridge regression).

Each variable has its own model.
"""

import numpy as np
from sklearn.linear_model import RidgeCV

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import BaselineData

NAME = "linear autoregression"


def predict(data: BaselineData) -> Scores:
    """Returns forecasts (sample, horizon, variable)."""
    train, test, truth = data.windows(data.train), data.windows(data.test), data.train.truth
    forecasts = []
    for variable in range(truth.shape[2]):
        model = RidgeCV(alphas=np.logspace(-3, 4, 15)).fit(
            train[:, :, variable], truth[:, :, variable]
        )
        forecasts.append(model.predict(test[:, :, variable]).reshape(len(test), -1))
    return np.stack(forecasts, axis=2)

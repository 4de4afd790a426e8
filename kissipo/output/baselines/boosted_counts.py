"""Gradient boosting of counts: trees on the same inputs as the net, with the Poisson
loss.

Histogram gradient boosting of scikit-learn, one model per step ahead. Like the net, it
forecasts the count relative to the usual one, by which a sample is weighted; this is
the Poisson loss of the count. Inputs are those of the newest steps of the window, and
of the steps to come, of which the first feature is the logarithm of the usual count.
"""

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import BaselineData, Samples

NAME = "gradient boosting on the same inputs"
_TREES, _NEWEST = 100, 3


def predict(data: BaselineData) -> Scores:
    """Returns forecasts (sample, horizon, 1)."""
    train, test = _features(data.train), _features(data.test)
    forecasts = []
    for step in range(data.train.truth.shape[1]):
        model = HistGradientBoostingRegressor(
            loss="poisson",
            max_iter=_TREES,
            min_samples_leaf=100,
            learning_rate=0.05,
            early_stopping=False,
            random_state=data.seed,
        )
        usual, usual_of_test = (_usual(samples, step) for samples in (data.train, data.test))
        model.fit(train, data.train.truth[:, step, 0] / usual, sample_weight=usual)
        forecasts.append(model.predict(test) * usual_of_test)
    return np.stack(forecasts, axis=1)[:, :, None]


def _usual(samples: Samples, step: int) -> NDArray[np.float64]:
    """Returns the usual count of each sample at a step ahead."""
    return np.asarray(np.exp(samples.inputs[1][:, step, 0].double().numpy()))


def _features(samples: Samples) -> NDArray[np.float32]:
    """Returns the newest steps of the windows, and all that is known ahead."""
    newest = samples.inputs[0][:, -_NEWEST:].flatten(1)
    rest = [x.flatten(1) for x in samples.inputs[1:]]
    return np.concatenate([x.numpy() for x in (newest, *rest)], axis=1)

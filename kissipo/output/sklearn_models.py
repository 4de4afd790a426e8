"""Models of scikit-learn as baselines, on the same samples as the model (S47)."""

from typing import Any

import numpy as np

from kissipo.core.numpy_array import NumpyArray
from kissipo.output.answer import Scores
from kissipo.output.baseline_data import BaselineData
from kissipo.output.tfidf import Features

MAX_CLASSES = 100


def encoded(data: BaselineData) -> Features | None:
    """Returns the features of both splits; None when the inputs are not numbers."""
    train, test = data.features(data.train), data.features(data.test)
    return None if train is None or test is None else (train, test)


def classify(data: BaselineData, model: Any, *, features: Features | None = None) -> Scores | None:
    """Fits a classifier and returns its probabilities (sample, class)."""
    both = features or encoded(data)
    if both is None:
        return None
    train, test = both
    if len(np.unique(data.train.truth)) < 2:
        return None
    _fit(model, train, data)
    classes = len(data.answer.classes)
    probabilities = np.zeros((len(data.test), classes))
    probabilities[:, model.classes_] = model.predict_proba(test)
    return probabilities


def estimate(data: BaselineData, model: Any, *, features: Features | None = None) -> Scores | None:
    """Fits a regressor and returns its predictions."""
    both = features or encoded(data)
    if both is None:
        return None
    train, test = both
    _fit(model, train, data)
    return np.asarray(model.predict(test))


def _fit(model: Any, train: object, data: BaselineData) -> None:
    """Fits on all cores, but predicts on one core.

    A forest that sums its trees in any order differs in the last digit. Sample weights
    are used by the models that take them.
    """
    from sklearn.utils.validation import has_fit_parameter

    weights = data.train.weights
    takes_weights = weights is not None and has_fit_parameter(model, "sample_weight")
    model.fit(train, data.train.truth, **({"sample_weight": weights} if takes_weights else {}))
    if hasattr(model, "n_jobs"):
        model.n_jobs = 1


def resized(masks: NumpyArray, size: tuple[int, ...]) -> NumpyArray:
    """Resizes class indices (image, height, width) to the nearest pixel."""
    rows, columns = (
        np.arange(target) * source // target
        for target, source in zip(size, masks.shape[1:], strict=True)
    )
    return masks[:, rows[:, None], columns]

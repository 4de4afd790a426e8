"""Models of scikit-learn as baselines, on the same samples as the model (S47).

A comparison trains many nets on the same samples: a baseline that was fitted on them in
this process is not fitted again.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from kissipo.core.numpy_array import NumpyArray
from kissipo.output.answer import Scores
from kissipo.output.baseline_data import BaselineData
from kissipo.output.tfidf import Features

MAX_CLASSES = 100
_MAX_RESULTS, _MAX_VALUES = 64, 1_000_000
_results: dict[str, NumpyArray] = {}


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
    classes = len(data.answer.classes)

    def predict() -> Scores:
        _fit(model, train, data)
        probabilities = np.zeros((len(data.test), classes))
        probabilities[:, model.classes_] = model.predict_proba(test)
        return probabilities

    return computed_once(predict, model, *both, data.train.truth, data.train.weights, classes)


def estimate(data: BaselineData, model: Any, *, features: Features | None = None) -> Scores | None:
    """Fits a regressor and returns its predictions."""
    both = features or encoded(data)
    if both is None:
        return None
    train, test = both

    def predict() -> Scores:
        _fit(model, train, data)
        return np.asarray(model.predict(test))

    return computed_once(predict, model, *both, data.train.truth, data.train.weights)


def computed_once(compute: Callable[[], NumpyArray], *inputs: object) -> NumpyArray:
    """Returns what this process has computed from equal inputs, or computes it.

    inputs:  all that the result depends on
    """
    from joblib import hash as digest

    key = digest((f"{compute.__module__}.{compute.__qualname__}", inputs))
    if key in _results:
        return _results[key].copy()
    result = compute()
    if result.size <= _MAX_VALUES:
        _results[key] = result.copy()
    if len(_results) > _MAX_RESULTS:
        del _results[next(iter(_results))]
    return result


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

"""Models of scikit-learn: a baseline is fitted once for equal samples of a process."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from kissipo.output import sklearn_models
from kissipo.output.sklearn_models import computed_once


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Counts the fits of ridge regressions; the strength of each is listed."""
    strengths: list[float] = []
    plain = Ridge.fit

    def fit(model: Ridge, *arguments: object, **options: object) -> Ridge:
        strengths.append(model.alpha)
        return plain(model, *arguments, **options)

    monkeypatch.setattr(Ridge, "fit", fit)
    monkeypatch.setattr(sklearn_models, "_results", {})
    return strengths


def predict(x: np.ndarray, y: np.ndarray, strength: float = 1.0) -> np.ndarray:
    model = Ridge(strength)
    return computed_once(lambda: model.fit(x, y).predict(x), model, x, y)


def test_a_model_is_fitted_again_only_for_other_samples_or_options(fits: list[float]) -> None:
    x, y = np.random.default_rng(0).normal(size=(20, 3)), np.arange(20.0)
    first = predict(x, y)
    assert np.array_equal(predict(x.copy(), y.copy()), first) and fits == [1.0]
    for change in (lambda: predict(x, y + 1), lambda: predict(x * 2, y), lambda: predict(x, y, 9)):
        assert not np.array_equal(change(), first)
    assert fits == [1.0, 1.0, 1.0, 9.0]
    x[3, 1] += 1e-9
    predict(x, y)
    assert len(fits) == 5


def test_a_result_that_is_changed_does_not_change_the_next(fits: list[float]) -> None:
    x, y = np.eye(3), np.arange(3.0)
    first = predict(x, y)
    expected = first.copy()
    for _ in range(2):
        first[:] = 7
        first = predict(x, y)
        assert np.array_equal(first, expected)
    assert fits == [1.0]


def test_large_results_are_computed_again_and_old_ones_are_forgotten(
    fits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sklearn_models, "_MAX_VALUES", 3)
    monkeypatch.setattr(sklearn_models, "_MAX_RESULTS", 2)
    x, y = np.eye(4), np.arange(4.0)
    for _ in range(2):
        predict(x, y)
    assert len(fits) == 2
    for strength in (1.0, 2.0, 3.0, 1.0, 3.0):
        predict(x[:3], y[:3], strength)
    assert fits[2:] == [1.0, 2.0, 3.0, 1.0]

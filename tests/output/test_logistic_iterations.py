"""A logistic regression of many pixels ends after fewer iterations."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from kissipo.output.baselines import logistic_regression


@pytest.mark.parametrize(
    ("samples", "features", "classes", "iterations"),
    [(900, 784, 10, 1_000), (3_600, 600, 10, 462), (3_600, 3_072, 10, 100)],
)
def test_iterations_depend_on_the_size(
    monkeypatch: pytest.MonkeyPatch, samples: int, features: int, classes: int, iterations: int
) -> None:
    models: list[Any] = []
    row = np.broadcast_to(np.float32(0), (samples, features))
    monkeypatch.setattr(logistic_regression, "encoded", lambda data: (row, row))
    monkeypatch.setattr(
        logistic_regression, "classify", lambda data, model, features: models.append(model)
    )
    data: Any = SimpleNamespace(answer=SimpleNamespace(classes=range(classes)))
    logistic_regression.predict(data)
    assert [model.max_iter for model in models] == [iterations]

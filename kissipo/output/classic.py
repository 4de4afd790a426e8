"""Classic models of scikit-learn put to the same question as the net (S47)."""

from __future__ import annotations

from typing import Any

import numpy as np

from kissipo.output.answer import Scores
from kissipo.output.case import Case

Features = tuple[Any, Any]


def encoded(case: Case) -> Features | None:
    """The encoded features of both parts, None where the inputs are not plain numbers."""
    train, test = case.features(case.train), case.features(case.test)
    return None if train is None or test is None else (train, test)


def classify(case: Case, model: Any, *, features: Features | None = None) -> Scores | None:
    """Probabilities (sample, class) of a fitted classifier."""
    both = features or encoded(case)
    if both is None:
        return None
    train, test = both
    if len(np.unique(case.train.truth)) < 2:
        return None
    _fit(model, train, case)
    probabilities = np.zeros((len(case.test), len(case.answer.levels)))  # type: ignore[attr-defined]
    probabilities[:, model.classes_] = model.predict_proba(test)
    return probabilities


def estimate(case: Case, model: Any, *, features: Features | None = None) -> Scores | None:
    """Numbers of a fitted regressor."""
    both = features or encoded(case)
    if both is None:
        return None
    train, test = both
    _fit(model, train, case)
    return np.asarray(model.predict(test))


def _fit(model: Any, train: Any, case: Case) -> None:
    """Trained by all cores, asked by one: a forest that sums its trees in any order differs in the last digit."""
    model.fit(train, case.train.truth)
    if hasattr(model, "n_jobs"):
        model.n_jobs = 1


def text_weights(case: Case) -> Features:
    """TF-IDF weights of words and pairs of words of all columns of prose."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    assert case.train.frame is not None and case.test.frame is not None
    train, test = (
        [_prose(frame, case.texts, row) for row in range(len(frame))] for frame in (case.train.frame, case.test.frame)
    )
    weights = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=1 if len(train) < 1000 else 2)
    try:
        return weights.fit_transform(train), weights.transform(test)
    except ValueError:
        return np.zeros((len(train), 1)), np.zeros((len(test), 1))


def _prose(frame: Any, names: tuple[str, ...], row: int) -> str:
    return " ".join(str(frame[name].show(row) or "") for name in names)

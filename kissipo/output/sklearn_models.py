"""Classic models of scikit-learn put to the same question as the net (S47)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import Case

Features = tuple[Any, Any]
MOST_CLASSES = 100
_PIECES: dict[str, dict[str, Any]] = {
    "words": {"ngram_range": (1, 2)},
    "characters": {"analyzer": "char_wb", "ngram_range": (1, 3), "lowercase": False},
}


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


def text_weights(case: Case) -> Features | None:
    """TF-IDF weights of all columns of text, what is read as words beside what is read as characters; None when there are none."""
    from scipy.sparse import hstack

    read = {unit: [name for name, how in case.texts.items() if how == unit] for unit in _PIECES}
    weights = [_weights(case, names, _PIECES[unit]) for unit, names in read.items() if names]
    if not weights:
        return None
    train, test = (hstack(part, format="csr") for part in zip(*weights, strict=True))
    return train, test


def _weights(case: Case, names: Sequence[str], pieces: Mapping[str, Any]) -> Features:
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import TfidfVectorizer

    assert case.train.frame is not None and case.test.frame is not None
    train, test = (
        [" ".join(str(frame[name].show(row) or "") for name in names) for row in range(len(frame))]
        for frame in (case.train.frame, case.test.frame)
    )
    weights = TfidfVectorizer(sublinear_tf=True, min_df=1 if len(train) < 1000 else 2, **pieces)
    try:
        return weights.fit_transform(train), weights.transform(test)
    except ValueError:
        return csr_matrix((len(train), 1)), csr_matrix((len(test), 1))  # there is no term at all


def at_size(marks: Any, size: tuple[int, ...]) -> Any:
    """Class numbers (image, height, width) at another size, each from the nearest place."""
    rows, columns = (
        np.arange(wanted) * given // wanted
        for wanted, given in zip(size, marks.shape[1:], strict=True)
    )
    return marks[:, rows[:, None], columns]

"""Metrics of ranked samples equal scikit-learn's to the last bit, ties included."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sklearn

from kissipo.output.metrics import ranking

SEEDS = range(20)


def case(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the classes and the probabilities of samples; half have many ties."""
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.full(5, 0.3), size=random.integers(40, 200))
    truth = np.resize(np.arange(5), len(probabilities))
    return truth, probabilities.round(1) if seed % 2 else probabilities.astype(np.float32)


@pytest.mark.parametrize("seed", SEEDS)
def test_curves(seed: int) -> None:
    truth, probabilities = case(seed)
    positive, scores = truth == 2, probabilities[:, 2]
    fpr, tpr, _ = sklearn.roc_curve(positive, scores, drop_intermediate=False)
    np.testing.assert_array_equal(ranking.roc_curve(positive, scores), (fpr, tpr))
    precision, recall, _ = sklearn.precision_recall_curve(positive, scores)
    np.testing.assert_array_equal(
        ranking.precision_recall_curve(positive, scores), (recall[::-1], precision[::-1])
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_areas(seed: int) -> None:
    truth, probabilities = case(seed)
    pairs = [(truth == index, scores) for index, scores in enumerate(probabilities.T)]
    curves = [sklearn.roc_curve(*pair, drop_intermediate=False)[:2] for pair in pairs]
    assert ranking.roc_auc(truth, probabilities) == np.mean([sklearn.auc(*c) for c in curves])
    precisions = [sklearn.average_precision_score(*pair) for pair in pairs]
    assert ranking.average_precision(truth, probabilities) == precisions

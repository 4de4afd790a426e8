"""Ranking metrics over all items: equal to scikit-learn and to plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from kissipo.output.metrics.top_items import first_items, ranking_metrics, user_ndcg

K = 5


@pytest.fixture(params=range(4))
def case(request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores, excluded items and liked items of 30 users and 40 items."""
    generator = np.random.default_rng(request.param)
    scores = generator.normal(size=(30, 40))
    excluded = generator.random((30, 40)) < 0.3
    liked = (generator.random((30, 40)) < 0.2) & ~excluded
    liked[:, 7], excluded[:, 7] = True, False
    return scores, excluded, liked


def metrics_of(scores: np.ndarray, excluded: np.ndarray, liked: np.ndarray) -> dict[str, float]:
    first = first_items(scores, excluded, K)
    is_hit = np.take_along_axis(liked, first, axis=1)
    return ranking_metrics(first, is_hit, liked.sum(axis=1), K, scores.shape[1])


def test_ndcg_equals_sklearn(case: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    scores, excluded, liked = case
    expected = [
        ndcg_score([truth[~out].astype(float)], [row[~out]], k=K)
        for row, out, truth in zip(scores, excluded, liked, strict=True)
    ]
    assert metrics_of(*case)[f"ndcg_at_{K}"] == pytest.approx(np.mean(expected), rel=1e-12)


def test_precision_recall_and_coverage_equal_loops(
    case: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    precisions, recalls, recommended = [], [], set()
    for scores, excluded, liked in zip(*case, strict=True):
        order = sorted(range(len(scores)), key=lambda item: -scores[item])
        first = [item for item in order if not excluded[item]][:K]
        hits = sum(bool(liked[item]) for item in first)
        precisions.append(hits / K)
        recalls.append(hits / liked.sum())
        recommended |= set(first)
    metrics = metrics_of(*case)
    assert metrics[f"precision_at_{K}"] == pytest.approx(np.mean(precisions))
    assert metrics[f"recall_at_{K}"] == pytest.approx(np.mean(recalls))
    assert metrics[f"coverage_at_{K}"] == pytest.approx(len(recommended) / 40)


def test_perfect_scores_have_ndcg_one_and_excluded_items_are_never_first() -> None:
    generator = np.random.default_rng(9)
    liked = generator.random((6, 12)) < 0.5
    liked[:, 0] = True
    first = first_items(liked.astype(float), np.zeros_like(liked), 3)
    is_hit = np.take_along_axis(liked, first, axis=1)
    assert user_ndcg(is_hit, liked.sum(axis=1), 3).tolist() == [1.0] * 6
    first = first_items(liked.astype(float), liked, 12)
    assert not liked[np.nonzero(first >= 0)[0], first[first >= 0]].any()
    assert (first < 0).sum() == liked.sum()


def test_new_liked_items_count_as_misses() -> None:
    first = first_items(np.array([[3.0, 2.0, 1.0]]), np.zeros((1, 3), dtype=bool), 2)
    is_hit = np.array([[True, False]])
    one, three = (ranking_metrics(first, is_hit, np.array([n]), 2, 3) for n in (1, 3))
    assert one["recall_at_2"] == 1.0 and three["recall_at_2"] == pytest.approx(1 / 3)
    assert three["ndcg_at_2"] == pytest.approx(1 / (1 + 1 / np.log2(3)))

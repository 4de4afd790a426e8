"""Ranking: how good the first k of all items are that a user has not rated yet.

precision@k  the share of the first k that the user liked in the test split
recall@k     the share of the liked items that are among the first k
NDCG@k       hits count 1 / log2(rank + 1), relative to the best possible order
coverage@k   the share of all items that are among the first k of any user

All items are ranked but those that the user rated in training: a metric over a sample
of them is biased, and can even reverse the order of two models (Krichene and Rendle
2020). The first three are means over users who liked at least one item.

Source:   Järvelin and Kekäläinen 2002 for NDCG with 0 and 1.
Example:  >>> scores = np.array([[3.0, 2.0, 1.0, 0.0]])
          >>> is_liked = np.array([[False, True, False, True]])
          >>> first = first_items(scores, np.zeros_like(is_liked), 2)
          >>> is_hit = np.take_along_axis(is_liked, first, axis=1)
          >>> result = ranking_metrics(first, is_hit, np.array([2]), 2, 4)
          >>> result["precision_at_2"], result["recall_at_2"], result["coverage_at_2"]
          (0.5, 0.5, 0.5)
"""

import numpy as np
from numpy.typing import NDArray

NAMES = ("ndcg", "precision", "recall", "coverage")


def first_items(
    scores: NDArray[np.float64], excluded: NDArray[np.bool_], k: int
) -> NDArray[np.int64]:
    """Returns the numbers of the k items with the largest scores; -1 if none is left.

    Of equal scores the first item wins.

    Shapes:   scores, excluded (user, item) -> (user, k)
    """
    candidates = np.where(excluded, -np.inf, scores)
    first = np.argsort(-candidates, axis=1, kind="stable")[:, :k]
    rows = np.take_along_axis(candidates, first, axis=1)
    return np.where(np.isfinite(rows), first, -1)


def ranking_metrics(
    first: NDArray[np.int64],
    is_hit: NDArray[np.bool_],
    num_liked: NDArray[np.int64],
    k: int,
    num_items: int,
) -> dict[str, float]:
    """Returns the metrics by name, such as `ndcg_at_10`.

    first:      (user, rank) the numbers of the first items, as `first_items` returns
    is_hit:     (user, rank) whether the user liked the item
    num_liked:  (user) at least 1; also items that no model can rank, as they are new
    """
    hits = is_hit.sum(axis=1)
    values = {
        "ndcg": float(user_ndcg(is_hit, num_liked, k).mean()),
        "precision": float((hits / k).mean()),
        "recall": float((hits / num_liked).mean()),
        "coverage": len(np.unique(first[first >= 0])) / num_items,
    }
    return {f"{name}_at_{k}": values[name] for name in NAMES}


def user_ndcg(
    is_hit: NDArray[np.bool_], num_liked: NDArray[np.int64], k: int
) -> NDArray[np.float64]:
    """Returns the NDCG of each user."""
    gains = 1 / np.log2(np.arange(2, k + 2))
    best = np.cumsum(gains)[np.minimum(num_liked, k) - 1]
    ndcg: NDArray[np.float64] = (is_hit * gains[: is_hit.shape[1]]).sum(axis=1) / best
    return ndcg

"""Ranked users: who liked what in a split, for the ranking metrics of any scores."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kissipo.output.answer import Evaluation, Scores
from kissipo.output.metrics.top_items import first_items, ranking_metrics, user_ndcg
from kissipo.output.rating_history import PARTS, RatingHistory


@dataclass(frozen=True)
class RankedUsers:
    """The users that are ranked in an evaluation, and what they liked there.

    part:       the split that is evaluated; items of earlier splits are left out
    users:      the ids of the users
    num_items:  the number of items, whose ids begin at 1
    relevant:   the smallest rating of an item that a user likes
    top_k:      the number of items per list
    """

    history: RatingHistory
    part: str
    users: NDArray[np.int64]
    num_items: int
    relevant: float
    top_k: int

    @property
    def known_parts(self) -> tuple[str, ...]:
        """The splits before that which is evaluated."""
        return PARTS[: PARTS.index(self.part)]

    @cached_property
    def excluded(self) -> NDArray[np.bool_]:
        """The items that the users rated in earlier splits (user, item)."""
        rows = self.history.in_parts(self.known_parts)
        return self.history.table(self.users, self.num_items, rows)

    @cached_property
    def liked(self) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """The liked items of the split (user, item), and their number, in which new
        items count."""
        rows = self.history.liked_rows(self.part, self.relevant)
        users = self.history.users[rows]
        counts = np.bincount(users, minlength=int(self.users.max()) + 1)[self.users]
        return self.history.table(self.users, self.num_items, rows), counts

    def tested(self, user: int) -> dict[int, float]:
        """Returns the ratings of a user in the split, by item."""
        history = self.history
        rows = history.rows_of_user(user, [self.part])
        return dict(zip(history.items[rows].tolist(), history.ratings[rows].tolist(), strict=True))

    def evaluation(self, scores: Scores) -> Evaluation:
        """Returns the ranking metrics of scores (user, item)."""
        first = first_items(scores, self.excluded, self.top_k)
        liked, counts = self.liked
        is_hit = np.take_along_axis(liked, np.maximum(first, 0), axis=1) & (first >= 0)
        metrics = ranking_metrics(first, is_hit, counts, self.top_k, self.num_items)
        return Evaluation(metrics, per_sample=user_ndcg(is_hit, counts, self.top_k))

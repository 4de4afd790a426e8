"""Ranked users: who liked what in a split, for the ranking metrics of any scores."""

from __future__ import annotations

from dataclasses import dataclass

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

    def excluded(self) -> NDArray[np.bool_]:
        """Returns the items that the users rated in earlier splits (user, item)."""
        return self._table(self.history.in_parts(self.known_parts), first=True)

    def liked(self) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """Returns the liked items of the split (user, item), and their number, in which
        new items count."""
        rows = self.history.in_parts([self.part]) & (self.history.ratings >= self.relevant)
        users = self.history.users[rows]
        counts = np.bincount(users, minlength=int(self.users.max()) + 1)[self.users]
        return self._table(rows, first=False), counts

    def tested(self, user: int) -> dict[int, float]:
        """Returns the ratings of a user in the split, by item."""
        history = self.history
        rows = history.rows_of_user(user, [self.part])
        return dict(zip(history.items[rows].tolist(), history.ratings[rows].tolist(), strict=True))

    def evaluation(self, scores: Scores) -> Evaluation:
        """Returns the ranking metrics of scores (user, item)."""
        first = first_items(scores, self.excluded(), self.top_k)
        liked, counts = self.liked()
        is_hit = np.take_along_axis(liked, np.maximum(first, 0), axis=1) & (first >= 0)
        metrics = ranking_metrics(first, is_hit, counts, self.top_k, self.num_items)
        return Evaluation(metrics, per_sample=user_ndcg(is_hit, counts, self.top_k))

    def _table(self, rows: NDArray[np.bool_], *, first: bool) -> NDArray[np.bool_]:
        """Returns rows of the history as a table (user, item); `first` is item 0."""
        history = self.history
        place = np.full(max(int(self.users.max()), int(history.users.max())) + 1, -1)
        place[self.users] = np.arange(len(self.users))
        table = np.zeros((len(self.users), self.num_items + 1), dtype=bool)
        places = place[history.users[rows]]
        table[places[places >= 0], history.items[rows][places >= 0]] = True
        table[:, 0] = first
        return table

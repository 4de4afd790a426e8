"""Rating history: who rated what, in which split, as ids.

It is saved with the answer, so that a run recommends nothing that the user has rated,
and names rated items as reasons.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kissipo.core.json_object import JsonObject

PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class RatingHistory:
    """All ratings, sorted by user.

    users, items:  ids; 0 is a user or an item without a rating in the training split
    ratings:       in the unit of the data; 1 where there are no ratings
    parts:         the position of the split among PARTS
    """

    users: NDArray[np.int64]
    items: NDArray[np.int64]
    ratings: NDArray[np.float64]
    parts: NDArray[np.int8]

    @cached_property
    def _starts(self) -> NDArray[np.int64]:
        """The first row of each user, and the number of rows."""
        return np.searchsorted(self.users, np.arange(int(self.users.max(initial=0)) + 2))

    def of_user(self, user: int) -> slice:
        """Returns the rows of a user; none for a new one."""
        if user <= 0 or user + 1 >= len(self._starts):
            return slice(0, 0)
        return slice(int(self._starts[user]), int(self._starts[user + 1]))

    def rows_of_user(self, user: int, parts: Sequence[str]) -> NDArray[np.int64]:
        """Returns the numbers of the rows of a user in some of the splits."""
        owned = self.of_user(user)
        numbers = [PARTS.index(part) for part in parts]
        rows: NDArray[np.int64] = owned.start + np.flatnonzero(np.isin(self.parts[owned], numbers))
        return rows

    def in_parts(self, parts: Sequence[str]) -> NDArray[np.bool_]:
        """Returns which rows are in one of these splits."""
        return np.isin(self.parts, [PARTS.index(part) for part in parts])

    def liked_rows(self, part: str, relevant: float) -> NDArray[np.bool_]:
        """Returns which rows of a split are items that their user liked."""
        return self.in_parts([part]) & (self.ratings >= relevant)

    def table(
        self, users: NDArray[np.int64], num_items: int, rows: NDArray[np.bool_] | None = None
    ) -> NDArray[np.bool_]:
        """Returns the items that users have rated (user, item); item 0 is always among
        them.

        rows:  the rows of the history that count; all of them when omitted
        """
        table = np.zeros((len(users), num_items + 1), dtype=bool)
        for row, user in enumerate(users.tolist()):
            owned = self.of_user(user)
            items = self.items[owned]
            table[row, items if rows is None else items[rows[owned]]] = True
        table[:, 0] = True
        return table

    def state(self) -> JsonObject:
        """Returns the history as JSON values; long columns are one text each, because a
        line per number would be a large file."""
        return {
            "counts": np.bincount(self.users).tolist(),
            "items": " ".join(map(str, self.items.tolist())),
            "ratings": " ".join(f"{rating:.17g}" for rating in self.ratings.tolist()),
            "parts": "".join(map(str, self.parts.tolist())),
        }

    @classmethod
    def from_state(cls, state: JsonObject) -> RatingHistory:
        """Restores a history from its `state`."""
        counts = np.array(state["counts"], dtype=np.int64)
        return cls(
            np.repeat(np.arange(len(counts)), counts),
            np.array(state["items"].split(), dtype=np.int64),
            np.array(state["ratings"].split(), dtype=np.float64),
            np.array([int(part) for part in state["parts"]], dtype=np.int8),
        )


def history_of(
    users: NDArray[np.int64],
    items: NDArray[np.int64],
    ratings: NDArray[np.float64],
    parts: NDArray[np.int8],
) -> RatingHistory:
    """Returns the history of rows in any order."""
    order = np.argsort(users, kind="stable")
    return RatingHistory(users[order], items[order], ratings[order], parts[order])


def no_history() -> RatingHistory:
    """Returns the history of an answer that has not been fitted yet."""
    ids = np.zeros(0, dtype=np.int64)
    return RatingHistory(ids, ids, np.zeros(0), np.zeros(0, dtype=np.int8))

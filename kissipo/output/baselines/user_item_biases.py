"""User and item biases: the mean, plus what the user and the item add to it.

y = m + b_user + b_item, by alternating least squares with a ridge penalty. Where all
ratings are equal, there is nothing to fit, and this baseline does not apply.

Source:   Koren, Factor in the Neighbors, 2010 (the baseline predictor).
"""

from typing import cast

import numpy as np
from numpy.typing import NDArray

from kissipo.output.answer import Scores
from kissipo.output.answers.rating import Rating
from kissipo.output.baseline_data import BaselineData

NAME = "user and item biases"
_PENALTIES, _TURNS = (5.0, 2.0), 15


def predict(data: BaselineData) -> Scores | None:
    """Returns ratings; a new user or item has a bias of zero."""
    if cast(Rating, data.answer).is_implicit and np.ptp(data.train.truth) == 0:
        return None
    users, items = (ids.clamp(min=0).numpy() for ids in data.train.inputs[:2])
    mean, user, item = biases(
        users, items, data.train.truth, tuple(s.vocab_size for s in data.specs[:2])
    )
    new_users, new_items = (ids.clamp(min=0).numpy() for ids in data.test.inputs[:2])
    return mean + user[new_users] + item[new_items]


def biases(
    users: NDArray[np.int64],
    items: NDArray[np.int64],
    ratings: NDArray[np.float64],
    counts: tuple[int, ...],
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Returns the mean and the biases of users and items, by id; those of id 0 are 0.

    Example:  >>> ids, ratings = np.array([1, 1]), np.array([1.0, 3.0])
              >>> mean, user, item = biases(ids, np.array([1, 2]), ratings, (2, 3))
              >>> mean, user.tolist(), bool(item[1] < 0 < item[2])
              (2.0, [0.0, 0.0], True)
    """
    mean = float(ratings.mean())
    rest = ratings - mean
    user, item = np.zeros(counts[0]), np.zeros(counts[1])
    rated = [np.bincount(ids, minlength=n) for ids, n in zip((users, items), counts, strict=True)]
    for _ in range(_TURNS):
        item = np.bincount(items, rest - user[users], counts[1]) / (_PENALTIES[1] + rated[1])
        user = np.bincount(users, rest - item[items], counts[0]) / (_PENALTIES[0] + rated[0])
        item[0] = user[0] = 0.0
    return mean, user, item

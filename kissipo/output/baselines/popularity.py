"""Most popular: the items that most users rated or chose, for everybody.

It ranks items and predicts no rating.
"""

from typing import cast

import numpy as np

from kissipo.output.answer import Scores
from kissipo.output.answers.rating import Rating
from kissipo.output.baseline_data import BaselineData

NAME = "most popular"
TRIVIAL = True


def predict(data: BaselineData) -> Scores | None:
    """Returns how often the item of each row was rated; None for ratings."""
    if not cast(Rating, data.answer).is_implicit:
        return None
    items = data.train.inputs[1].clamp(min=0).numpy()
    counts = np.bincount(items, minlength=data.specs[1].vocab_size).astype(np.float64)
    counts[0] = 0.0
    return counts[data.test.inputs[1].clamp(min=0).numpy()]

"""Nearest text: the target of the training sample with the most similar input.

Inputs are compared by their edit distance; of equally near ones the first counts.
"""

from typing import Any

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import BaselineData
from kissipo.output.metrics.edit_distance import edit_distances

NAME = "nearest training text"
_MAX_CELLS = 1_000_000_000  # of all tables of edits


def predict(data: BaselineData) -> Scores | None:
    """Returns the target of the nearest input; None without one text, or with many."""
    is_text = [bool(spec.vocab_size) and spec.axes == ("time",) for spec in data.specs]
    if is_text != [True]:
        return None
    train, test = (split.inputs[0].numpy() for split in (data.train, data.test))
    if len(train) * len(test) * train.shape[1] ** 2 > _MAX_CELLS:
        return None
    nearest = [int(edit_distances(train, row[None]).argmin()) for row in test]
    answer: Any = data.answer
    scores: Scores = answer.scores_of(data.train.truth[nearest])
    return scores

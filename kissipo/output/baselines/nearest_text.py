"""Nearest text: the target of the training sample with the most similar input.

Inputs are compared by their edit distance, or where these are too many long texts by
the cosine of their TF-IDF weights. Of equally near ones the first counts.
"""

from typing import cast

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import BaselineData
from kissipo.output.metrics.edit_distance import edit_distances
from kissipo.output.target_text import TargetText

NAME = "nearest training text"
_MAX_CELLS = 1_000_000_000  # of all tables of edits


def predict(data: BaselineData) -> Scores | None:
    """Returns the target of the nearest input; None without one text."""
    is_text = [bool(spec.vocab_size) and spec.axes == ("time",) for spec in data.specs]
    if is_text != [True]:
        return None
    train, test = (split.inputs[0].numpy() for split in (data.train, data.test))
    if len(train) * len(test) * train.shape[1] ** 2 <= _MAX_CELLS:
        nearest = [int(edit_distances(train, row[None]).argmin()) for row in test]
    elif data.text_weights is not None:
        train_weights, test_weights = data.text_weights
        nearest = [int((train_weights @ row.T).toarray().argmax()) for row in test_weights]
    else:
        return None
    answer = cast(TargetText, data.answer)
    return answer.scores_of(data.train.truth[nearest])

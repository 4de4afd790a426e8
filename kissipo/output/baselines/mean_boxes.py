"""Mean boxes: every image shows the mean box of each class, the most frequent first."""

import numpy as np

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import BaselineData

NAME = "mean boxes"


def predict(data: BaselineData) -> Scores:
    """Returns per class its mean box; the score is its share of the training boxes."""
    boxes = data.train.truth.reshape(-1, 5)
    boxes = boxes[boxes[:, 0] >= 0]
    labels, counts = np.unique(boxes[:, 0], return_counts=True)
    order = np.argsort(-counts, kind="stable")
    rows = [
        [label, *boxes[boxes[:, 0] == label, 1:].mean(axis=0), count / len(boxes)]
        for label, count in zip(labels[order], counts[order], strict=True)
    ]
    one = np.array(rows, dtype=np.float32).reshape(-1, 6)
    return np.broadcast_to(one, (len(data.test), *one.shape)).copy()

"""Item cosine: the items that stand in the same baskets as those of the basket.

cos(i, j) = baskets with both / sqrt(baskets with i · baskets with j)

An item scores the sum of its cosines with the items of the basket.

Source:   Sarwar et al., Item-Based Collaborative Filtering, 2001.
"""

import numpy as np

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import BaselineData

NAME = "item cosine"
_MAX_ITEMS = 10_000


def predict(data: BaselineData) -> Scores | None:
    """Returns the sums of cosines, 0 for items that are there; None for very many
    items."""
    table = data.train.inputs[0].numpy().astype(np.float32)
    if table.shape[1] > _MAX_ITEMS:
        return None
    together = table.T @ table
    counts = np.sqrt(np.maximum(np.diag(together), 1))
    cosines = together / counts[:, None] / counts[None]
    baskets = data.test.inputs[0].numpy()
    sums: Scores = (baskets.astype(np.float32) @ cosines).astype(np.float64)
    return np.where(baskets > 0, 0.0, sums)

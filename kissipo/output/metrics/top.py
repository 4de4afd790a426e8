"""Top k: how often the truth is among the k likeliest answers; of many classes more telling than the likeliest alone.

Choices:  of equally likely classes the first ones count, as for the decision.
Source:   Russakovsky et al. 2015 (ImageNet's top-5 error is one minus this).
Example:  >>> top([2, 0], [[0.1, 0.5, 0.4], [0.1, 0.5, 0.4]], 2)
          0.5
"""

from typing import Any

import numpy as np


def top(truth: Any, probabilities: Any, most: int) -> float:
    """Share of the samples; probabilities are (sample, class). NaN for no samples."""
    likeliest = np.argsort(-np.asarray(probabilities, dtype=np.float64), axis=-1, kind="stable")[:, :most]
    found = (likeliest == np.asarray(truth)[:, None]).any(axis=1)
    return float(found.mean()) if len(found) else float("nan")

"""Published weights -> a run that predicts, or what a training starts from.

The file of a set of weights states which it is (`process/published/`).
"""

from kissipo.runs.published.get import (
    PublishedWeights,
    get_weights,
    published_module,
    published_names,
)

__all__ = ["PublishedWeights", "get_weights", "published_module", "published_names"]

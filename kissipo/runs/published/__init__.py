"""Published weights -> a run that predicts, or a folder that a training starts from.

The file of a set of weights states which of the two it is (`process/published/`).
"""

from kissipo.runs.published.get import (
    PublishedWeights,
    get_weights,
    published_module,
    published_names,
)

__all__ = ["PublishedWeights", "get_weights", "published_module", "published_names"]

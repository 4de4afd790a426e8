"""Cosine similarity: a loss of the direction of a vector, not of its length.

L = -mean (y . t) / (|y| |t|)        -1: same direction, 0: right angle

Shapes:   outputs and targets (batch, feature)
Example:  >>> import torch
          >>> outputs, targets = torch.tensor([[2.0, 2.0]]), torch.tensor([[1.0, 1.0]])
          >>> round(loss(outputs, targets).item(), 6)
          -1.0
"""

from torch import Tensor
from torch.nn import functional

SUITABLE_ANSWERS = ("number", "forecast", "anomaly")


def loss(outputs: Tensor, targets: Tensor, *, probabilities: bool = False) -> Tensor:
    """Returns minus the mean similarity, so that lower is better."""
    return -functional.cosine_similarity(outputs.flatten(1), targets.flatten(1), dim=1).mean()

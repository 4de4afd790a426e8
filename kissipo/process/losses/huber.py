"""Huber loss: squared for small errors and linear for large ones, against outliers.

L = mean (e^2 / 2 where |e| <= 1, else |e| - 1/2)      e = y - t, in scaled units

Shapes:   outputs and targets have the same shape
Source:   Huber 1964.
Example:  >>> import torch
          >>> loss(torch.tensor([0.5, 3.0]), torch.tensor([0.0, 0.0])).item()
          1.3125
"""

from torch import Tensor
from torch.nn import functional

SUITABLE_ANSWERS = ("number", "forecast", "anomaly")


def loss(outputs: Tensor, targets: Tensor, *, probabilities: bool = False) -> Tensor:
    """Returns the mean over all values."""
    return functional.huber_loss(outputs, targets)

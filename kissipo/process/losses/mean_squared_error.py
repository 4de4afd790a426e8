"""Mean squared error: far errors count much more than near ones.

L = mean (y - t)^2

Shapes:   outputs and targets alike
Example:  >>> import torch
          >>> loss(torch.tensor([1.0, 4.0]), torch.tensor([1.0, 2.0])).item()
          2.0
"""

from torch import Tensor
from torch.nn import functional

PROPER = ("number", "forecast", "anomaly")


def loss(outputs: Tensor, targets: Tensor, *, probabilities: bool = False) -> Tensor:
    """Mean over all values."""
    return functional.mse_loss(outputs, targets)


def gradient(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """The loss and its slope at the outputs: 2 (y - t) / count."""
    off = outputs - targets
    return functional.mse_loss(outputs, targets), off.mul_(2 / off.numel())

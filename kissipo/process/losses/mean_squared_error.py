"""Mean squared error: large errors count more than small ones; the mean minimizes it.

L = mean (y - t)^2

Shapes:   outputs and targets have the same shape
Example:  >>> import torch
          >>> loss(torch.tensor([1.0, 4.0]), torch.tensor([1.0, 2.0])).item()
          2.0
"""

from torch import Tensor
from torch.nn import functional

SUITABLE_ANSWERS = ("number", "forecast", "anomaly")


def loss(outputs: Tensor, targets: Tensor, *, probabilities: bool = False) -> Tensor:
    """Returns the mean over all values."""
    return functional.mse_loss(outputs, targets)


def gradient(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the loss and its gradient 2 (y - t) / count."""
    error = outputs - targets
    return functional.mse_loss(outputs, targets), error.mul_(2 / error.numel())

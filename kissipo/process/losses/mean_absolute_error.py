"""Mean absolute error: every step away counts the same; the best answer is the median.

L = mean |y - t|

Shapes:   outputs and targets alike
Example:  >>> import torch
          >>> loss(torch.tensor([1.0, 4.0]), torch.tensor([1.0, 2.0])).item()
          1.0
"""

from torch import Tensor
from torch.nn import functional

PROPER = ("number", "forecast", "anomaly")


def loss(outputs: Tensor, targets: Tensor, *, probabilities: bool = False) -> Tensor:
    """Mean over all values."""
    return functional.l1_loss(outputs, targets)

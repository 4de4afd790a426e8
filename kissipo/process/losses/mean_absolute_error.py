"""Mean absolute error: every unit of error counts the same; the median minimizes it.

L = mean |y - t|

Shapes:   outputs and targets have the same shape
Example:  >>> import torch
          >>> loss(torch.tensor([1.0, 4.0]), torch.tensor([1.0, 2.0])).item()
          1.0
"""

from torch import Tensor
from torch.nn import functional

SUITABLE_ANSWERS = ("number", "forecast", "anomaly")


def loss(outputs: Tensor, targets: Tensor, *, probabilities: bool = False) -> Tensor:
    """Returns the mean over all values."""
    return functional.l1_loss(outputs, targets)

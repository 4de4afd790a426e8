"""Half the mean squared error, as in the lecture on backpropagation (S04).

L = 1 / (2 n) sum (y - t)^2        n dL/dy = y - t

Shapes:   outputs and targets have the same shape
Example:  >>> import torch
          >>> loss(torch.tensor([1.0, 4.0]), torch.tensor([1.0, 2.0])).item()
          1.0
"""

from torch import Tensor
from torch.nn import functional

SUITABLE_ANSWERS = ("number",)


def loss(outputs: Tensor, targets: Tensor, *, probabilities: bool = False) -> Tensor:
    """Returns half the mean over all values."""
    return functional.mse_loss(outputs, targets) / 2

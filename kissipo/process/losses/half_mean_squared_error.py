"""Half the mean squared error, the form that the backpropagation lecture uses: its derivative is y - t (S04).

L = 1 / (2 n) sum (y - t)^2

Shapes:   outputs and targets alike
Example:  >>> import torch
          >>> loss(torch.tensor([1.0, 4.0]), torch.tensor([1.0, 2.0])).item()
          1.0
"""

from torch import Tensor
from torch.nn import functional

PROPER = ("number",)


def loss(outputs: Tensor, targets: Tensor, *, probabilities: bool = False) -> Tensor:
    """Half the mean over all values."""
    return functional.mse_loss(outputs, targets) / 2

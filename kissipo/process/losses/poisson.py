"""Poisson loss of counts: the output is the logarithm of the expected count.

L = mean (m - t log m)      m = e^y; with `probabilities` y is the expected count itself

Shapes:   outputs and targets have the same shape; targets are counts, not scaled
Example:  >>> import torch
          >>> outputs, targets = torch.tensor([2.0]), torch.tensor([3.0])
          >>> round(loss(outputs, targets, probabilities=True).item(), 4)
          -0.0794
"""

from torch import Tensor
from torch.nn import functional

SUITABLE_ANSWERS = ("number", "forecast", "count_forecast")
LINK = "log"


def loss(outputs: Tensor, targets: Tensor, *, probabilities: bool = False) -> Tensor:
    """Returns the mean without the term that does not depend on the output."""
    return functional.poisson_nll_loss(outputs, targets, log_input=not probabilities, eps=1e-7)

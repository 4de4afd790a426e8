"""Poisson loss: for counts; the net answers the logarithm of the expected count.

L = mean (m - t log m)      m = e^y; with `probabilities` y is the expected count itself

Shapes:   outputs and targets alike; targets are counts, not scaled
Example:  >>> import torch
          >>> round(loss(torch.tensor([2.0]), torch.tensor([3.0]), probabilities=True).item(), 4)
          -0.0794
"""

from torch import Tensor
from torch.nn import functional

PROPER = ("number", "forecast", "anomaly")
LINK = "log"


def loss(outputs: Tensor, targets: Tensor, *, probabilities: bool = False) -> Tensor:
    """Mean over all values, without the term that does not depend on the answer."""
    return functional.poisson_nll_loss(outputs, targets, log_input=not probabilities, eps=1e-7)

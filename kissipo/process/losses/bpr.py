"""Bayesian personalized ranking: a chosen item must score higher than another one.

L = mean -log sigmoid(d)        d = y_chosen - y_other        n dL/dd = sigmoid(d) - 1

Shapes:   outputs are the differences of two scores; targets are not read
Source:   Rendle, Freudenthaler, Gantner and Schmidt-Thieme 2009.
Example:  >>> import torch
          >>> round(loss(torch.tensor([0.0]), torch.tensor([1.0])).item(), 4)
          0.6931
"""

from torch import Tensor
from torch.nn import functional

SUITABLE_ANSWERS = ("rating",)


def loss(outputs: Tensor, targets: Tensor, *, probabilities: bool = False) -> Tensor:
    """Returns the mean over all pairs of items."""
    return functional.softplus(-outputs).mean()

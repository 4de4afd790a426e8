"""Negative binomial loss of counts whose variance is larger than their mean.

The net has two outputs per count: the logarithm of the mean m, and of the dispersion a.
The variance is m + a m^2; with a -> 0 it is the Poisson distribution.

r = 1 / a
L = -mean (lgamma(t + r) - lgamma(r) - lgamma(t + 1)
           + r log(r / (r + m)) + t log(m / (r + m)))

Shapes:   outputs (..., 2), targets (..., 1) are counts, not scaled
Choices:  log a is kept between -8 and 8, where the functions are exact in float32.
Source:   Hilbe 2011, NB2; as the likelihood of a recurrent net Salinas et al. 2020.
Example:  >>> import torch
          >>> outputs, targets = torch.tensor([[0.0, 0.0]]), torch.tensor([[2.0]])
          >>> round(loss(outputs, targets).item(), 4)  # m = a = 1: P(2) = 1 / 8
          2.0794
"""

import torch
from torch import Tensor
from torch.nn import functional

SUITABLE_ANSWERS = ("count_forecast",)
LINK = "log"
_LIMIT = 8.0


def loss(outputs: Tensor, targets: Tensor, *, probabilities: bool = False) -> Tensor:
    """Returns the mean negative log-likelihood in nats."""
    log_mean, log_dispersion = outputs[..., :1], outputs[..., 1:].clamp(-_LIMIT, _LIMIT)
    size = torch.exp(-log_dispersion)
    excess = log_mean + log_dispersion  # log of m / r
    combinations = torch.lgamma(targets + size) - torch.lgamma(size) - torch.lgamma(targets + 1)
    likelihood = combinations - size * functional.softplus(excess)
    return -(likelihood + targets * (excess - functional.softplus(excess))).mean()

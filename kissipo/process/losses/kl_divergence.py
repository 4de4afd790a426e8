"""Kullback-Leibler divergence: how far the answered shares are from the true ones.

L = mean sum_k t_k log(t_k / p_k)      0 where both are equal

Shapes:   outputs (batch, class), targets (batch, class), or class numbers (batch), which are made one-hot
Example:  >>> import torch
          >>> round(loss(torch.tensor([[0.4, 0.6]]), torch.tensor([[0.0, 1.0]]), probabilities=True).item(), 3)
          0.511
"""

from torch import Tensor
from torch.nn import functional

from kissipo.process.losses.categorical_cross_entropy import shares

PROPER = ("category",)
_LEAST = 1e-7


def loss(outputs: Tensor, targets: Tensor, *, probabilities: bool = False) -> Tensor:
    """Mean divergence in nats."""
    logs = outputs.clamp(min=_LEAST).log() if probabilities else outputs.log_softmax(dim=-1)
    return functional.kl_div(logs, shares(outputs, targets), reduction="none").sum(dim=-1).mean()

"""Kullback-Leibler divergence from the target distribution to the predicted one.

L = mean sum_k t_k log(t_k / p_k)        0 where both are equal

Shapes:   outputs (batch, class), targets (batch, class) of probabilities or (batch) of
          class numbers, which are one-hot encoded
Example:  >>> import torch
          >>> outputs, targets = torch.tensor([[0.4, 0.6]]), torch.tensor([[0.0, 1.0]])
          >>> round(loss(outputs, targets, probabilities=True).item(), 3)
          0.511
"""

import torch
from torch import Tensor

from kissipo.process.losses.categorical_cross_entropy import shares

SUITABLE_ANSWERS = ("category",)
_MIN_PROBABILITY = 1e-7


def loss(outputs: Tensor, targets: Tensor, *, probabilities: bool = False) -> Tensor:
    """Returns the mean divergence in nats."""
    logs = (
        outputs.clamp(min=_MIN_PROBABILITY).log() if probabilities else outputs.log_softmax(dim=-1)
    )
    targets = shares(outputs, targets)
    return (torch.xlogy(targets, targets) - targets * logs).sum(dim=-1).mean()

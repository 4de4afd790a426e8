"""Categorical cross-entropy: one class among several, with one-hot targets.

L = -mean sum_k t_k log p_k      p = softmax(logits)

Shapes:   outputs (batch, class), targets (batch, class) of probabilities or (batch) of
          class numbers, which are one-hot encoded
Example:  >>> import torch
          >>> targets = torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
          >>> outputs = torch.tensor([[0.05, 0.95, 0.0], [0.1, 0.8, 0.1]])
          >>> round(loss(outputs, targets, probabilities=True).item(), 3)
          1.177
"""

from torch import Tensor
from torch.nn import functional

SUITABLE_ANSWERS = ("category",)
_MIN_PROBABILITY = 1e-7


def loss(outputs: Tensor, targets: Tensor, *, probabilities: bool = False) -> Tensor:
    """Returns the mean cross-entropy in nats."""
    targets = shares(outputs, targets)
    logs = (
        outputs.clamp(min=_MIN_PROBABILITY).log() if probabilities else outputs.log_softmax(dim=-1)
    )
    return -(targets * logs).sum(dim=-1).mean()


def shares(outputs: Tensor, targets: Tensor) -> Tensor:
    """Returns the targets as one probability per class."""
    if targets.is_floating_point():
        return targets
    return functional.one_hot(targets, outputs.shape[-1]).to(outputs.dtype)

"""Categorical cross-entropy: classes that exclude each other, the truth one-hot or as shares.

L = -mean sum_k t_k log p_k      p = softmax(logits)

Shapes:   outputs (batch, class), targets (batch, class), or class numbers (batch), which are made one-hot
Example:  >>> import torch
          >>> truth = torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
          >>> round(loss(torch.tensor([[0.05, 0.95, 0.0], [0.1, 0.8, 0.1]]), truth, probabilities=True).item(), 3)
          1.177
"""

from torch import Tensor
from torch.nn import functional

PROPER = ("category",)
_LEAST = 1e-7


def loss(outputs: Tensor, targets: Tensor, *, probabilities: bool = False) -> Tensor:
    """Mean cross-entropy in nats."""
    targets = shares(outputs, targets)
    logs = outputs.clamp(min=_LEAST).log() if probabilities else outputs.log_softmax(dim=-1)
    return -(targets * logs).sum(dim=-1).mean()


def shares(outputs: Tensor, targets: Tensor) -> Tensor:
    """The truth as one share a class."""
    if targets.is_floating_point():
        return targets
    return functional.one_hot(targets, outputs.shape[-1]).to(outputs.dtype)

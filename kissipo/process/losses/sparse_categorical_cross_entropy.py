"""Sparse categorical cross-entropy: one class among several, by class number.

L = -mean log p[target]      p = softmax(logits)

Shapes:   outputs (batch, class) or (batch, time, class), targets (batch) or (batch,
          time)
Example:  >>> import torch
          >>> outputs = torch.tensor([[0.05, 0.95, 0.0], [0.1, 0.8, 0.1]])
          >>> round(loss(outputs, torch.tensor([1, 2]), probabilities=True).item(), 3)
          1.177
"""

from torch import Tensor
from torch.nn import functional

SUITABLE_ANSWERS = ("category", "text")
_MIN_PROBABILITY = 1e-7


def loss(outputs: Tensor, targets: Tensor, *, probabilities: bool = False) -> Tensor:
    """Returns the mean cross-entropy in nats."""
    outputs, targets = outputs.reshape(-1, outputs.shape[-1]), targets.reshape(-1)
    if probabilities:
        return functional.nll_loss(outputs.clamp(min=_MIN_PROBABILITY).log(), targets)
    return functional.cross_entropy(outputs, targets)


def gradient(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the loss of logits (batch, class) and its gradient.

    It is (p - [class = target]) / batch.
    """
    p = outputs.log_softmax(1)
    mean, truth = functional.nll_loss(p, targets), targets.unsqueeze(1)
    p.exp_().scatter_add_(1, truth, p.new_full(truth.shape, -1.0))
    return mean, p.div_(len(p))

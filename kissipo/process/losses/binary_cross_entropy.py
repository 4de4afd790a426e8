"""Binary cross-entropy: the loss of yes-or-no classification with one output.

L = -mean [t log p + (1 - t) log(1 - p)]        p = 1 / (1 + e^-logit)
odds = p / (1 - p)        logit = ln odds, so logit(0.5) = 0

Shapes:   outputs (batch, 1), targets (batch) of 0 and 1; or both (batch, label)
Example:  >>> import torch
          >>> logits = torch.tensor([[-18.6], [0.51], [2.94], [-12.8]])
          >>> round(loss(logits, torch.tensor([0, 1, 0, 0])).item(), 3)
          0.865
"""

from torch import Tensor
from torch.nn import functional

SUITABLE_ANSWERS = ("category", "labels")


def loss(outputs: Tensor, targets: Tensor, *, probabilities: bool = False) -> Tensor:
    """Returns the mean cross-entropy in nats."""
    targets = targets.to(outputs.dtype).reshape(outputs.shape)
    if probabilities:
        return functional.binary_cross_entropy(outputs, targets)
    return functional.binary_cross_entropy_with_logits(outputs, targets)


def gradient(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the loss of logits and its gradient (p - t) / count."""
    targets = targets.to(outputs.dtype).reshape(outputs.shape)
    mean = functional.binary_cross_entropy_with_logits(outputs, targets)
    return mean, outputs.sigmoid().sub_(targets).div_(outputs.numel())

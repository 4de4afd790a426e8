"""Cross-entropy as a class can be learned by: labels smoothed, rare classes weighted (S07, S18).

q = (1 - s) · [class = truth] + s / classes        L = - sum over samples, classes of w · q · log p  /  sum over samples of w[truth]

One output, the logit of the second of two classes, is read as the two logits (0, z).

Shapes:   outputs (..., class) or (batch, 1), targets (...) of class numbers -> one number
Choices:  as torch.nn.CrossEntropyLoss(weight, label_smoothing) counts.
Source:   smoothing Szegedy et al. 2016; balanced weights King and Zeng 2001: samples / (classes · samples of the class).
Example:  >>> round(CrossEntropy(smoothing=0.1)(torch.zeros(1, 4), torch.tensor([2])).item(), 4)
          1.3863
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from kissipo.core.errors import TaskError
from kissipo.process.losses import (
    binary_cross_entropy,
    categorical_cross_entropy,
    sparse_categorical_cross_entropy,
)

Loss = Callable[[Tensor, Tensor], Tensor]
_PLAIN = {
    module.loss
    for module in (
        binary_cross_entropy,
        categorical_cross_entropy,
        sparse_categorical_cross_entropy,
    )
}


@dataclass(frozen=True, eq=False)
class CrossEntropy:
    """A loss with its smoothing and the weight of each class."""

    smoothing: float = 0.0
    weights: Tensor | None = None

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The mean over the samples, each by the weight of its class."""
        if outputs.shape[-1] == 1:
            outputs = torch.cat([torch.zeros_like(outputs), outputs], dim=-1)
        logits = outputs.reshape(-1, outputs.shape[-1])
        weights = None if self.weights is None else self.weights.to(logits.dtype)
        return functional.cross_entropy(
            logits, targets.reshape(-1), weights, label_smoothing=self.smoothing
        )


def smoothed(losses: tuple[Loss, ...], smoothing: float) -> tuple[Loss, ...]:
    """The same losses, cross-entropies by smoothed labels.

    Raises:   TaskError when none is a cross-entropy.
    """
    found = tuple(_cross_entropy(loss) for loss in losses)
    if not smoothing:
        return losses
    if not any(found):
        raise TaskError(
            "process.label_smoothing needs a category that is learned by cross-entropy",
            do="Leave it out, or use process.loss=cross_entropy",
        )
    return tuple(
        loss if soft is None else replace(soft, smoothing=smoothing)
        for loss, soft in zip(losses, found, strict=True)
    )


def weighted(loss: Loss, targets: Tensor, classes: int) -> Loss:
    """The same loss by class weights that let every class count alike.

    Raises:   TaskError when it is no cross-entropy.
    """
    soft = _cross_entropy(loss)
    if soft is None:
        raise TaskError(
            "process.class_weights needs cross-entropy", do="Use process.loss=cross_entropy"
        )
    return replace(soft, weights=balanced(targets, classes))


def balanced(targets: Tensor, classes: int) -> Tensor:
    """For each class samples / (classes · samples of the class)."""
    counts = torch.bincount(targets.reshape(-1), minlength=classes).clamp(min=1)
    return targets.numel() / (classes * counts)


def _cross_entropy(loss: Loss) -> CrossEntropy | None:
    if isinstance(loss, CrossEntropy):
        return loss
    return CrossEntropy() if loss in _PLAIN else None

"""Cross-entropy with label smoothing and class weights (S07, S18).

q = (1 - s) · [class = target] + s / classes
L = - sum over samples, classes of w · q · log p  /  sum over samples of w[target]

A single output is the logit z of the second of two classes; the logits are (0, z).

Shapes:   outputs (..., class) or (batch, 1), targets (...) of class numbers -> a scalar
Choices:  the definition of torch.nn.CrossEntropyLoss(weight, label_smoothing).
Source:   smoothing Szegedy et al. 2016; balanced weights King and Zeng 2001:
          samples / (classes · samples of the class).
Example:  >>> loss = CrossEntropy(smoothing=0.1)
          >>> round(loss(torch.zeros(1, 4), torch.tensor([2])).item(), 4)
          1.3863
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from string import Template

import torch
from torch import Tensor
from torch.nn import functional

from kissipo.core.errors import TaskError
from kissipo.core.script_part import ScriptDefinition
from kissipo.process.losses import (
    binary_cross_entropy,
    categorical_cross_entropy,
    padded_cross_entropy,
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

_SCRIPT = Template(
    '''def $name(outputs: Tensor, targets: Tensor) -> Tensor:
    """Returns the cross-entropy with label smoothing or class weights."""
    if outputs.shape[-1] == 1:  # the logit of the second of two classes
        outputs = torch.cat([torch.zeros_like(outputs), outputs], dim=-1)
    logits, weight = outputs.reshape(-1, outputs.shape[-1]), $weight
    targets = targets.reshape(-1)
    return functional.cross_entropy(logits, targets, weight, label_smoothing=$smoothing)'''
)


_PADDED_SCRIPT = Template(
    '''def smoothed_padded_cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Returns the cross-entropy of texts with label smoothing; id 0 is padding."""
    entropy = functional.cross_entropy(
        outputs.transpose(1, 2), targets, ignore_index=0, reduction="none",
        label_smoothing=$smoothing,
    )
    return (entropy.sum(dim=1) / (targets != 0).sum(dim=1).clamp(min=1)).mean()'''
)


@dataclass(frozen=True, eq=False)
class CrossEntropy:
    """A loss with label smoothing and one weight per class."""

    smoothing: float = 0.0
    weights: Tensor | None = None

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Returns the mean over the samples, weighted by class."""
        if outputs.shape[-1] == 1:
            outputs = torch.cat([torch.zeros_like(outputs), outputs], dim=-1)
        logits = outputs.reshape(-1, outputs.shape[-1])
        weights = None if self.weights is None else self.weights.to(logits)
        return functional.cross_entropy(
            logits, targets.reshape(-1), weights, label_smoothing=self.smoothing
        )

    def script(self) -> ScriptDefinition:
        """Returns the loss as a function, for `kissipo eject`."""
        name = f"{'smoothed' if self.smoothing else 'weighted'}_cross_entropy"
        weights = None
        if self.weights is not None:
            weights = f"torch.tensor({self.weights.tolist()}, dtype=outputs.dtype)"
        words = {"name": name, "weight": weights, "smoothing": self.smoothing}
        return ScriptDefinition(name, _SCRIPT.substitute(words))


@dataclass(frozen=True, eq=False)
class PaddedCrossEntropy:
    """The loss of texts, whose padding does not count, with label smoothing."""

    smoothing: float = 0.0

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Returns the mean over the texts of the mean over their tokens."""
        return padded_cross_entropy.loss(outputs, targets, self.smoothing)

    def script(self) -> ScriptDefinition:
        """Returns the loss as a function, for `kissipo eject`."""
        text = _PADDED_SCRIPT.substitute(smoothing=self.smoothing)
        return ScriptDefinition("smoothed_padded_cross_entropy", text)


def smoothed(losses: tuple[Loss, ...], smoothing: float) -> tuple[Loss, ...]:
    """Returns the losses; those that are cross-entropies have smoothed labels.

    Raises:   TaskError when none of them is a cross-entropy.
    """
    if not smoothing:
        return losses
    padded: dict[Loss, PaddedCrossEntropy] = {padded_cross_entropy.loss: PaddedCrossEntropy()}
    cross_entropies = [padded.get(loss) or _cross_entropy(loss) for loss in losses]
    if not any(cross_entropies):
        raise TaskError(
            "process.label_smoothing needs a category or a text with the loss cross-entropy",
            do="Leave it out, or use process.loss=cross_entropy",
        )
    return tuple(
        loss if soft is None else replace(soft, smoothing=smoothing)
        for loss, soft in zip(losses, cross_entropies, strict=True)
    )


def weighted(loss: Loss, targets: Tensor, classes: int) -> Loss:
    """Returns the loss with class weights that give every class the same influence.

    Raises:   TaskError when the loss is not a cross-entropy.
    """
    soft = _cross_entropy(loss)
    if soft is None:
        raise TaskError(
            "process.class_weights needs cross-entropy", do="Use process.loss=cross_entropy"
        )
    return replace(soft, weights=balanced(targets, classes))


def balanced(targets: Tensor, classes: int) -> Tensor:
    """Returns samples / (classes · samples of the class) for each class."""
    counts = torch.bincount(targets.reshape(-1), minlength=classes).clamp(min=1)
    return targets.numel() / (classes * counts)


def _cross_entropy(loss: Loss) -> CrossEntropy | None:
    if isinstance(loss, CrossEntropy):
        return loss
    return CrossEntropy() if loss in _PLAIN else None

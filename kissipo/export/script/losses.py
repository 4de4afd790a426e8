"""Losses: answer against truth as a script writes it, with what is added while learning: smoothed labels, penalties on weights."""

from __future__ import annotations

from typing import Any

from kissipo.core.errors import NotBuiltError
from kissipo.export.script.part import filled

_LOSS = '''
def loss_of(outputs: Tensor, truth: Tensor) -> Tensor:
    """How far off the answers are."""
    return $loss
'''

_SMOOTHED = '''
def taught(outputs: Tensor, truth: Tensor) -> Tensor:
    """The loss that is learned by: a share of each label is spread over all classes."""
    $logits
    return functional.cross_entropy(outputs, truth, label_smoothing=$smoothing)
'''

_TWO = "outputs = torch.cat([torch.zeros_like(outputs), outputs], 1)  # of both classes"

_PENALTY = '''
def penalty(net: nn.Module) -> Tensor:
    """What large weights cost; biases may be of any size."""
    large = [weight.flatten() for weight in net.parameters() if weight.dim() > 1]
    return $cost
'''

_DICE = '''
def loss_of(outputs: Tensor, truth: Tensor) -> Tensor:
    """Cross-entropy of the pixels, and one less the overlap (Dice) of what is marked."""
    entropy = functional.cross_entropy(outputs, truth.long())
    likely = outputs.softmax(1)[:, 1]
    overlap = 2 * (likely * truth).sum() / (likely + truth).sum()
    return entropy + (1 - overlap) * truth.any()
'''

_ENTROPY = "sparse_categorical_cross_entropy"
_BINARY = "binary_cross_entropy"
_LOSSES = {
    _ENTROPY: "functional.cross_entropy(outputs, truth)",
    _BINARY: "functional.binary_cross_entropy_with_logits(outputs[:, 0], truth.float())",
    "mean_squared_error": "functional.mse_loss(outputs, truth)",
    "half_mean_squared_error": "functional.mse_loss(outputs, truth) / 2",
    "mean_absolute_error": "functional.l1_loss(outputs, truth)",
}
_TEXT_LOSS = "functional.cross_entropy(outputs.flatten(0, 1), truth.flatten())"


def loss_pieces(loss: str, options: Any, *, text: bool) -> list[str]:
    """`loss_of`, and `taught` and `penalty` where they are asked for.

    Raises:   NotBuiltError for a loss that no script has yet.
    """
    if loss == "dice_cross_entropy":
        pieces = [filled(_DICE)]
    elif loss in _LOSSES:
        pieces = [filled(_LOSS, loss=_TEXT_LOSS if text else _LOSSES[loss])]
    else:
        allowed = ", ".join([*_LOSSES, "dice_cross_entropy"])
        raise NotBuiltError(f"kissipo eject does not write process.loss={loss} yet", allowed=allowed)
    if options.label_smoothing:
        pieces.append(_smoothed(loss, options.label_smoothing, text=text))
    if options.l1 or options.l2:
        l1 = [f"{options.l1} * torch.cat(large).abs().sum()"] if options.l1 else []
        l2 = [f"{options.l2} * torch.cat(large).square().sum()"] if options.l2 else []
        pieces.append(filled(_PENALTY, cost=" + ".join(l1 + l2)))
    return pieces


def _smoothed(loss: str, smoothing: float, *, text: bool) -> str:
    if text or loss not in (_ENTROPY, _BINARY):
        raise NotBuiltError("kissipo eject writes process.label_smoothing only of one category", do="Leave it out")
    return filled(_SMOOTHED, logits=[_TWO] if loss == _BINARY else [], smoothing=smoothing)

"""Dice and cross-entropy: every pixel counts, and every class as much as the others, however few pixels it has.

L = -mean log p[truth]  +  1 - mean over classes of  2 · sum p · [truth = class]  /  (sum p + sum [truth = class])

Shapes:   outputs (batch, class, height, width), targets (batch, height, width) of class numbers; 255 is not judged
Choices:  both sums go over the whole batch, so that an image without marks needs no rule of its own; a class that is nowhere in the
          batch is left out of the mean, class 0 (nothing) always is, where there are others.
Source:   Milletari, Navab and Ahmadi 2016; the sum with cross-entropy as in nnU-Net, Isensee et al. 2021.
Example:  >>> import torch
          >>> round(loss(torch.zeros(1, 2, 1, 2), torch.tensor([[[0, 1]]])).item(), 4)      # log 2, and 1 - 2 · 0.5 / (1 + 1)
          1.1931
"""

from torch import Tensor
from torch.nn import functional

from kissipo.codec.mask import VOID

PROPER = ("mask",)


def loss(outputs: Tensor, targets: Tensor, *, probabilities: bool = False) -> Tensor:
    """Mean cross-entropy in nats, and one less the mean overlap."""
    targets = targets.long()
    judged = targets != VOID
    log_p = outputs.clamp(min=1e-7).log() if probabilities else outputs.log_softmax(dim=1)
    entropy = functional.nll_loss(log_p, targets, ignore_index=VOID)
    truth = functional.one_hot(targets.where(judged, 0), outputs.shape[1]).movedim(
        -1, 1
    ) * judged.unsqueeze(1)
    likely = log_p.exp() * judged.unsqueeze(1)
    both, either = ((likely * truth).sum(dim=(0, 2, 3)), (likely + truth).sum(dim=(0, 2, 3)))
    there = truth.sum(dim=(0, 2, 3)) > 0
    there[0] = False
    if not there.any():
        return entropy
    return entropy + 1 - (2 * both / either)[there].mean()

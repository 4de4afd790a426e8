"""Dice and cross-entropy: a segmentation loss in which rare classes count as much.

L = -mean log p[target]
    + 1 - mean over classes of 2 · sum p · t / (sum p + sum t),  t = [target = class]

Shapes:   outputs (batch, class, height, width); targets (batch, height, width) of class
          numbers, where pixels of class 255 are ignored
Choices:  Both sums cover the whole batch, so an image without marked pixels needs no
          special rule. The mean leaves out classes that are not in the batch, and class
          0, the background.
Source:   Milletari, Navab and Ahmadi 2016; the sum with cross-entropy is that of
          nnU-Net, Isensee et al. 2021.
Example:  >>> import torch
          >>> round(loss(torch.zeros(1, 2, 1, 2), torch.tensor([[[0, 1]]])).item(), 4)
          1.1931
          >>> round(torch.log(torch.tensor(2.0)).item() + 1 - 2 * 0.5 / (1 + 1), 4)
          1.1931
"""

from torch import Tensor
from torch.nn import functional

from kissipo.codec.mask import VOID

SUITABLE_ANSWERS = ("mask",)


def loss(outputs: Tensor, targets: Tensor, *, probabilities: bool = False) -> Tensor:
    """Returns the mean cross-entropy in nats plus 1 minus the mean Dice coefficient."""
    targets = targets.long()
    valid = targets != VOID
    log_p = outputs.clamp(min=1e-7).log() if probabilities else outputs.log_softmax(dim=1)
    entropy = functional.nll_loss(log_p, targets, ignore_index=VOID)
    one_hot = functional.one_hot(targets.where(valid, 0), outputs.shape[1]).movedim(-1, 1)
    truth = one_hot * valid.unsqueeze(1)
    predicted = log_p.exp() * valid.unsqueeze(1)
    overlap, total = (
        (predicted * truth).sum(dim=(0, 2, 3)),
        (predicted + truth).sum(dim=(0, 2, 3)),
    )
    present = truth.sum(dim=(0, 2, 3)) > 0
    present[0] = False
    if not present.any():
        return entropy
    return entropy + 1 - (2 * overlap / total)[present].mean()

"""Masked cross-entropy: -log q of each piece that is to be guessed.

L = -mean over texts of (mean over its targets of log q[target])    q = softmax(logits)

Shapes:   logits (batch, time, piece), targets (batch, time) -> a scalar
Choices:  Targets of 0 are not guessed. In the first place of a row stands the label of
          the pair instead, whose loss the algorithm adds.
Source:   Devlin et al., BERT, 2019, section 3.1.
Example:  >>> import torch
          >>> logits, targets = torch.zeros(1, 3, 4), torch.tensor([[2, 3, 0]])
          >>> round(loss(logits, targets).item(), 4)
          1.3863
"""

from torch import Tensor

from kissipo.process.losses import padded_cross_entropy

SUITABLE_ANSWERS: tuple[str, ...] = ()  # the answer of masked text names it


def loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """Returns the mean of -log q of the targets after the first place."""
    return padded_cross_entropy.loss(outputs[:, 1:], targets[:, 1:])

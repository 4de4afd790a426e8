"""Span cross-entropy: where an answer starts, and where it ends, in a text.

L = -mean over samples of (log p_start[start] + log p_end[end]) / 2

p = softmax over the visible steps: step 0, which stands for "no answer", and those from
`first` to `last`, where an answer may be. The question and the padding are not visible.

Shapes:   outputs (batch, time, 2), targets (batch, 4 or more): start, end, first, last;
          what follows them is not read
Source:   Devlin et al., BERT, 2019, section 4.2; the question is left out here.
Example:  >>> import torch
          >>> outputs = torch.zeros(1, 6, 2)
          >>> round(loss(outputs, torch.tensor([[3, 4, 2, 4]])).item(), 4)
          1.3863
"""

import torch
from torch import Tensor
from torch.nn import functional

SUITABLE_ANSWERS = ("span",)


def loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """Returns the mean cross-entropy of a start and an end in nats."""
    edges, first, last = targets[:, :2], targets[:, 2:3], targets[:, 3:4]
    steps = torch.arange(outputs.shape[1], device=outputs.device)
    visible = (steps == 0) | ((steps >= first) & (steps <= last))
    logits = outputs.masked_fill(~visible.unsqueeze(-1), -torch.inf)
    return functional.cross_entropy(logits, edges)

"""Weighted mean of a loss over the samples of a batch.

L = sum w_i · L_i / sum w_i        L_i: the loss of sample i as a batch of its own

Shapes:   outputs (batch, ...), targets (batch, ...), weights (batch) -> a scalar
Choices:  divided by the sum of the weights, as by torch's cross-entropy with class
          weights, and as by the reduction "mean_with_sample_weight" of Keras. A weight
          of 2 then counts as the same sample twice. Keras' default divides by the
          number of samples. A batch whose weights are all 0 has the loss 0.
Example:  >>> from kissipo.process.losses.mean_squared_error import loss
          >>> outputs, targets = torch.tensor([[1.0], [4.0]]), torch.zeros(2, 1)
          >>> weighted_mean(loss, outputs, targets, torch.tensor([1.0, 2.0])).item()
          11.0
"""

from collections.abc import Callable

import torch
from torch import Tensor

_TINY = 1e-12


def weighted_mean(
    loss: Callable[[Tensor, Tensor], Tensor], outputs: Tensor, targets: Tensor, weights: Tensor
) -> Tensor:
    """Returns the mean loss of the samples, weighted.

    loss:  a mean over the samples of a batch, which vmap can compute for each of them
    """
    losses: Tensor = torch.vmap(lambda y, t: loss(y.unsqueeze(0), t.unsqueeze(0)))(outputs, targets)
    return (losses * weights).sum() / weights.sum().clamp(min=_TINY)

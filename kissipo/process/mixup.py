"""Mixup: training on weighted means of two samples (S07).

x = share · x1 + (1 - share) · x2        L = share · L(y, t1) + (1 - share) · L(y, t2)
share ~ Beta(alpha, alpha)

Shapes:   floating-point inputs (batch, ...) -> the same; every sample is mixed with
          another sample of its batch, with one share per batch
Source:   Zhang, Cisse, Dauphin and Lopez-Paz 2018.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from kissipo.core.batch import Batch


@dataclass(frozen=True)
class Mixed:
    """A batch in which every sample is the weighted mean of two samples.

    batch:   the mixed inputs, and the targets of the first samples
    second:  the targets of the second samples
    share:   the weight of the first samples
    """

    batch: Batch
    second: tuple[Tensor, ...]
    share: float


def mix(batch: Batch, alpha: float) -> Mixed:
    """Mixes a batch with its random permutation.

    The random numbers come from torch's generator, whose state is in every checkpoint.
    The inputs must be floating-point, so token ids cannot be mixed.
    """
    assert all(x.is_floating_point() for x in batch.inputs)
    share = float(torch.distributions.Beta(alpha, alpha).sample())
    order = torch.randperm(len(batch))
    inputs = tuple(share * x + (1 - share) * x[order] for x in batch.inputs)
    return Mixed(
        Batch(inputs, batch.targets), tuple(target[order] for target in batch.targets), share
    )

"""Mixup: two samples in one, and the loss of both truths by their shares (S07).

x = share · x1 + (1 - share) · x2        L = share · L(y, t1) + (1 - share) · L(y, t2)        share ~ Beta(alpha, alpha)

Shapes:   inputs of numbers (batch, ...) -> the same; every sample with another of its batch, one share a batch
Source:   Zhang, Cisse, Dauphin and Lopez-Paz 2018.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from kissipo.core.batch import Batch


@dataclass(frozen=True)
class Mixed:
    """A batch of which every sample is two.

    batch:   mixed inputs, the truth of the first of the two
    second:  the truth of the other
    share:   of the first
    """

    batch: Batch
    second: tuple[Tensor, ...]
    share: float


def mix(batch: Batch, alpha: float) -> Mixed:
    """By torch's dice, which every checkpoint holds; the words of a text cannot be mixed."""
    assert all(x.is_floating_point() for x in batch.inputs)
    share = float(torch.distributions.Beta(alpha, alpha).sample())
    order = torch.randperm(len(batch))
    inputs = tuple(share * x + (1 - share) * x[order] for x in batch.inputs)
    return Mixed(
        Batch(inputs, batch.targets), tuple(target[order] for target in batch.targets), share
    )

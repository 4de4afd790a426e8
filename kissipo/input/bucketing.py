"""Bucketing: training batches of texts of similar length, which need little padding.

The samples of an epoch are shuffled; in each pool of 50 batches they are sorted by
length, and the batches are shuffled again. So a batch is random, but for its length.
What is padding in all texts of a batch is cut off.

Example:  >>> lengths = torch.tensor([3, 9, 3, 9, 3, 9, 3])
          >>> order = bucketed_order(lengths, 2, torch.Generator().manual_seed(0))
          >>> sorted(lengths[order[step : step + 2]].tolist() for step in (0, 2, 4))
          [[3, 3], [3, 3], [9, 9]]
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from kissipo.core.batch import Batch, is_step
from kissipo.core.protocols import Dataset, ahead

_POOL = 50  # batches that are sorted together


@dataclass(frozen=True)
class Texts:
    """The positions of the tensors of a sample that are texts or recordings, which
    have padding at their end."""

    inputs: tuple[int, ...]
    targets: tuple[int, ...]


@dataclass(frozen=True)
class BucketedDataset:
    """Training samples in batches of similar length."""

    samples: Dataset
    texts: Texts
    lengths: Tensor

    def __len__(self) -> int:
        return len(self.samples)

    def batch(self, index: Tensor | slice) -> Batch:
        """Returns the batch at these positions, without common padding."""
        return self.samples.batch(index).trimmed(self.texts.inputs, self.texts.targets)

    def ahead(self, order: Iterable[Tensor | slice]) -> Iterator[Batch]:
        """Yields the batches at these positions, without common padding."""
        return (
            batch.trimmed(self.texts.inputs, self.texts.targets)
            for batch in ahead(self.samples, order)
        )

    def order(self, batch: int, generator: Generator) -> Tensor:
        """Returns the order of the samples in one epoch."""
        return bucketed_order(self.lengths, batch, generator)


def bucketed_order(lengths: Tensor, batch: int, generator: Generator) -> Tensor:
    """Returns a random order whose batches have similar lengths; the last batch, which
    may be smaller, has random ones."""
    order = torch.randperm(len(lengths), generator=generator)
    whole = len(order) // batch * batch
    pools = [
        pool[lengths[pool].argsort(stable=True)] for pool in order[:whole].split(_POOL * batch)
    ]
    if not pools:
        return order
    batches = torch.cat(pools).view(-1, batch)
    shuffled = batches[torch.randperm(len(batches), generator=generator)]
    return torch.cat([shuffled.flatten(), order[whole:]])


def joint_lengths(texts: Iterable[Tensor]) -> Tensor:
    """Returns one number per sample that sorts by the length of the first text, then by
    that of the next; of several options, the longest counts."""
    total = torch.zeros(1, dtype=torch.int64)
    for ids in texts:
        lengths = is_step(ids).sum(dim=-1)
        longest = lengths if lengths.dim() == 1 else lengths.amax(dim=1)
        total = total * (int(longest.max()) + 1) + longest
    return total

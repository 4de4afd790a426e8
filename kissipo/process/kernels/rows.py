"""How sequences of any layout become rows in packed order: step after step, in each the sequences that are still going on.

A layer of kissipo reads and writes tensors where they are: rows are not copied together, `Rows` says where each stands.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from kissipo.core.errors import ShapeError


@dataclass(frozen=True)
class Rows:
    """Where the steps of the sequences stand.

    Rows are counted in packed order, as in a PackedSequence: step t holds the rows offsets[t] .. offsets[t + 1], one for each
    sequence that is at least t + 1 long, the longest sequence first.

    offsets:  (step + 1), int64
    first:    (sequence), int64: where the first step of a sequence stands in the tensors, laid flat; None: rows stand in packed order
    apart:    how far the steps of a sequence stand apart there
    whole:    whether the tensors have no other places than these
    """

    steps: int
    batch: int
    count: int
    offsets: Tensor
    first: Tensor | None = None
    apart: int = 0
    whole: bool = True

    def places(self, t: int) -> Tensor:
        """Where the rows of step t stand."""
        begin, end = int(self.offsets[t]), int(self.offsets[t + 1])
        return torch.arange(begin, end) if self.first is None else self.first[: end - begin] + t * self.apart


def even_rows(steps: int, batch: int, batch_first: bool) -> Rows:
    """Sequences of equal length.

    Example:  >>> even_rows(2, 3, True).places(1).tolist()
              [1, 3, 5]
    """
    offsets, first = _even(steps, batch)
    first_rows = torch.from_numpy(first) if batch_first and steps > 1 and batch > 1 else None
    return Rows(steps, batch, steps * batch, torch.from_numpy(offsets), first_rows, 1)


@lru_cache(maxsize=32)
def _even(steps: int, batch: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Arrays, as a tensor made while a graph is captured is none that lasts."""
    return np.arange(steps + 1, dtype=np.int64) * batch, np.arange(batch, dtype=np.int64) * steps


def uneven_rows(lengths: Tensor, steps: int, batch_first: bool) -> tuple[Rows, Tensor, Tensor]:
    """Sequences of their own lengths in one padded tensor; the order of the sequences by length, and its inverse.

    Raises:   ShapeError when there is not one length of 1 to `steps` for each sequence.
    """
    batch = len(lengths)
    least, most = (int(lengths.min()), int(lengths.max())) if batch else (1, steps)
    if least < 1 or most > steps:
        raise ShapeError(
            "every sequence needs a length of at least 1 and at most the number of steps of the tensor",
            given=f"lengths from {least} to {most} for {steps} steps",
        )
    ordered, order = torch.sort(lengths, descending=True, stable=True)
    offsets = torch.zeros(steps + 1, dtype=torch.int64)
    torch.cumsum(batch - torch.searchsorted(ordered.flip(0), torch.arange(1, steps + 1)), 0, out=offsets[1:])
    count = int(offsets[-1])
    first, apart = (order * steps, 1) if batch_first else (order, batch)
    rows = Rows(steps, batch, count, offsets, first, apart, whole=count == steps * batch)
    return rows, order, torch.argsort(order)


def packed_rows(packed: PackedSequence) -> Rows:
    """Rows that are packed already."""
    sizes = packed.batch_sizes
    offsets = torch.zeros(len(sizes) + 1, dtype=torch.int64)
    torch.cumsum(sizes, 0, out=offsets[1:])
    return Rows(len(sizes), int(sizes[0]), len(packed.data), offsets)

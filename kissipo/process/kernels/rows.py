"""The rows of a batch of sequences: (step, sequence) -> row of a tensor.

A kernel reads and writes tensors in their own layout and copies no rows together:
`SequenceRows` has the position of each row.
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
class SequenceRows:
    """The rows of all sequences of a batch.

    Rows are counted in packed order, as in a PackedSequence: step t has the rows
    offsets[t] .. offsets[t + 1], one for each sequence of at least t + 1 steps, and the
    longest sequence comes first.

    offsets:      (step + 1), int64
    starts:       (sequence), int64: the row of its first step in the flattened tensors;
                  None: the tensors are in packed order
    time_stride:  rows between two steps of a sequence in the tensors
    fill:         whether the tensors have no other rows
    """

    steps: int
    batch: int
    count: int
    offsets: Tensor
    starts: Tensor | None = None
    time_stride: int = 0
    fill: bool = True

    def tensor_rows(self, t: int) -> Tensor:
        """The rows of step t in the tensors."""
        begin, end = int(self.offsets[t]), int(self.offsets[t + 1])
        if self.starts is None:
            return torch.arange(begin, end)
        return self.starts[: end - begin] + t * self.time_stride


def equal_lengths(steps: int, batch: int, batch_first: bool) -> SequenceRows:
    """The rows of sequences of equal length.

    Example:  >>> equal_lengths(2, 3, True).tensor_rows(1).tolist()
              [1, 3, 5]
    """
    offsets, starts = _equal_lengths(steps, batch)
    return SequenceRows(
        steps=steps,
        batch=batch,
        count=steps * batch,
        offsets=torch.from_numpy(offsets),
        starts=torch.from_numpy(starts) if batch_first and steps > 1 and batch > 1 else None,
        time_stride=1,
    )


@lru_cache(maxsize=32)
def _equal_lengths(steps: int, batch: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Offsets and starts, as arrays: a tensor made in a graph capture does not last."""
    return np.arange(steps + 1, dtype=np.int64) * batch, np.arange(batch, dtype=np.int64) * steps


def varied_lengths(
    lengths: Tensor, steps: int, batch_first: bool
) -> tuple[SequenceRows, Tensor, Tensor]:
    """The rows of sequences of different lengths in one padded tensor.

    It also returns the order of the sequences by length, and the inverse of that order.

    Raises:   ShapeError when there is not one length of 1 to `steps` for each sequence.
    """
    batch = len(lengths)
    shortest, longest = (int(lengths.min()), int(lengths.max())) if batch else (1, steps)
    if shortest < 1 or longest > steps:
        raise ShapeError(
            "every sequence needs a length of at least 1 and at most the number of steps "
            "of the tensor",
            got=f"lengths from {shortest} to {longest} for {steps} steps",
        )
    ordered, order = torch.sort(lengths, descending=True, stable=True)
    active = batch - torch.searchsorted(ordered.flip(0), torch.arange(1, steps + 1))
    offsets = torch.zeros(steps + 1, dtype=torch.int64)
    torch.cumsum(active, 0, out=offsets[1:])
    count = int(offsets[-1])
    rows = SequenceRows(
        steps=steps,
        batch=batch,
        count=count,
        offsets=offsets,
        starts=order * steps if batch_first else order,
        time_stride=1 if batch_first else batch,
        fill=count == steps * batch,
    )
    return rows, order, torch.argsort(order)


def packed_order(packed: PackedSequence) -> SequenceRows:
    """The rows of a PackedSequence."""
    sizes = packed.batch_sizes
    offsets = torch.zeros(len(sizes) + 1, dtype=torch.int64)
    torch.cumsum(sizes, 0, out=offsets[1:])
    return SequenceRows(len(sizes), int(sizes[0]), len(packed.data), offsets)

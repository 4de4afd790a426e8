"""How sequences of any layout become rows in packed order: step after step, in each the sequences that are still going on.

A layer of kissipo reads and writes tensors where they are: rows are not copied together, `Rows.place` says where each stands.
"""

from __future__ import annotations

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
    place:    (row), int64: where a row stands in the tensors, laid flat; None: at its own number
    whole:    whether the tensors have no other places than these
    """

    steps: int
    batch: int
    count: int
    offsets: Tensor
    place: Tensor | None = None
    whole: bool = True


def even_rows(steps: int, batch: int, batch_first: bool) -> Rows:
    """Sequences of equal length.

    Example:  >>> even_rows(2, 3, True).place.tolist()
              [0, 2, 4, 1, 3, 5]
    """
    offsets, place = _even(steps, batch, batch_first)
    return Rows(
        steps, batch, steps * batch, torch.from_numpy(offsets), None if place is None else torch.from_numpy(place)
    )


@lru_cache(maxsize=32)
def _even(steps: int, batch: int, batch_first: bool) -> tuple[NDArray[np.int64], NDArray[np.int64] | None]:
    """Arrays, as a tensor made while a graph is captured is none that lasts."""
    offsets = np.arange(steps + 1, dtype=np.int64) * batch
    if not batch_first or steps == 1 or batch == 1:
        return offsets, None
    return offsets, np.arange(batch * steps, dtype=np.int64).reshape(batch, steps).T.flatten()


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
    there = ordered.unsqueeze(0) > torch.arange(steps).unsqueeze(1)
    step, sequence = there.nonzero(as_tuple=True)
    place = order[sequence] * steps + step if batch_first else step * batch + order[sequence]
    offsets = torch.zeros(steps + 1, dtype=torch.int64)
    torch.cumsum(there.sum(1), 0, out=offsets[1:])
    rows = Rows(steps, batch, len(place), offsets, place, whole=len(place) == steps * batch)
    return rows, order, torch.argsort(order)


def packed_rows(packed: PackedSequence) -> Rows:
    """Rows that are packed already."""
    sizes = packed.batch_sizes
    offsets = torch.zeros(len(sizes) + 1, dtype=torch.int64)
    torch.cumsum(sizes, 0, out=offsets[1:])
    return Rows(len(sizes), int(sizes[0]), len(packed.data), offsets)

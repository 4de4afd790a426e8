"""Streams: the pieces of one long text in an order for stateful training.

The pieces are divided into as many streams as a batch has rows. The lengths of the
streams differ by at most one, and the longer ones come first. Step k reads piece k of
every stream: row b of a step continues row b of the step before.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor


def stream_steps(pieces: int, rows: int) -> Iterator[Tensor]:
    """Yields the pieces of each step.

    Example:  >>> [step.tolist() for step in stream_steps(5, 2)]
              [[0, 3], [1, 4], [2]]
    """
    rows = min(rows, pieces)
    lengths = pieces // rows + (torch.arange(rows) < pieces % rows).long()
    starts = torch.cumsum(lengths, 0) - lengths
    for step in range(int(lengths.max())):
        yield starts[lengths > step] + step

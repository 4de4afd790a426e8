"""Streams: pieces of one long text, read side by side, so that a net with a state can go on from piece to piece.

The pieces are cut into as many streams of equal length as a batch has rows (lengths differ by one at most, the longer ones first).
Step k reads piece k of every stream: row b of a step goes on where row b of the step before ended.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor


def stream_steps(pieces: int, rows: int) -> Iterator[Tensor]:
    """The pieces of each step.

    Example:  >>> [step.tolist() for step in stream_steps(5, 2)]
              [[0, 3], [1, 4], [2]]
    """
    rows = min(rows, pieces)
    lengths = pieces // rows + (torch.arange(rows) < pieces % rows).long()
    starts = torch.cumsum(lengths, 0) - lengths
    for step in range(int(lengths.max())):
        yield starts[lengths > step] + step

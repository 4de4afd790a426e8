"""Across: what comes from below is stacked on what goes across.

y = [x, below]      along the channels; where what comes from below is smaller by an odd row or column, its last one is repeated

Shapes:   (batch, channel, height, width), (batch, channel', height or less, width or less) -> (batch, channel + channel', height, width)
Source:   Ronneberger, Fischer and Brox 2015.
Example:  >>> x = torch.arange(3.0).reshape(1, 1, 1, 3)
          >>> Across()(x, torch.full((1, 1, 1, 2), 7.0)).tolist()
          [[[[0.0, 1.0, 2.0]], [[7.0, 7.0, 7.0]]]]
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class Across(nn.Module):
    """[x, below]."""

    TELL = "what comes from below, stacked on what goes across"

    def forward(self, x: Tensor, below: Tensor) -> Tensor:
        rows, columns = x.shape[2] - below.shape[2], x.shape[3] - below.shape[3]
        if rows or columns:
            below = functional.pad(below, (0, columns, 0, rows), mode="replicate")
        return torch.cat([x, below], dim=1)

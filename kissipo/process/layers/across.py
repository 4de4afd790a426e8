"""Across: what goes through the layers below is stacked upon what goes by them.

y = [x, f(x)]      along the channels; where f gives a picture that is smaller by an odd row or column, its last one is repeated

Shapes:   (batch, channel, height, width) -> (batch, channel + channel', height, width)
Source:   Ronneberger, Fischer and Brox 2015.
Example:  >>> below = nn.Sequential(nn.MaxPool2d(2), nn.Upsample(scale_factor=2))
          >>> Across(below)(torch.arange(3.0).reshape(1, 1, 1, 3).expand(1, 1, 2, 3)).tolist()
          [[[[0.0, 1.0, 2.0], [0.0, 1.0, 2.0]], [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]]]
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from kissipo.core.protocols import Combined, Source
from kissipo.process.layers.stacked import stacked


class Across(nn.Module):
    """[x, inside(x)]."""

    TELL = "what came from below, stacked on what went across"

    def __init__(self, inside: nn.Module) -> None:
        super().__init__()
        self.inside = inside

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self._below(x)], dim=1)

    def opens(self, index: tuple[int, ...], x: Tensor) -> tuple[list[Source], Combined]:
        """What went across, or what came from below."""
        return [stacked({"input": x, "inside": self._below(x)}, index)], "sum"

    def _below(self, x: Tensor) -> Tensor:
        y: Tensor = self.inside(x)
        rows, columns = x.shape[2] - y.shape[2], x.shape[3] - y.shape[3]
        if rows or columns:
            y = functional.pad(y, (0, columns, 0, rows), mode="replicate")
        return y

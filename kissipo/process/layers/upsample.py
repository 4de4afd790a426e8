"""Upsampling: every value is repeated in two rows and two columns.

y[i, j] = x[i // 2, j // 2]

Shapes:   (batch, channel, height, width) -> (batch, channel, 2 · height, 2 · width)
Source:   nearest neighbor, as in Redmon and Farhadi, YOLOv3, 2018.
Example:  >>> import torch
          >>> Upsample()(torch.tensor([[[[1.0, 2.0]]]])).tolist()
          [[[[1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0]]]]
"""

from torch import Tensor, nn
from torch.nn.functional import interpolate

from kissipo.core.protocols import Combined, Source


class Upsample(nn.Module):
    """A layer that doubles the height and the width."""

    DESCRIPTION = "every value twice in height and width"

    def forward(self, x: Tensor) -> Tensor:
        return interpolate(x, scale_factor=2.0, mode="nearest")

    def explain(self, index: tuple[int, ...], x: Tensor) -> tuple[list[Source], Combined]:
        """Returns the value that is repeated."""
        row, channel, y, across = index
        place = (row, channel, y // 2, across // 2)
        return [Source("input", place, x[place])], "sum"

"""Skip connection: concatenates encoder features with upsampled decoder features.

y = [x, below]      along the channels

Where the upsampled features are smaller by an odd row or column, the last one is
repeated.

Shapes:   x (batch, channel, height, width), below (batch, channel', height or less,
          width or less) -> (batch, channel + channel', height, width)
Source:   Ronneberger, Fischer and Brox 2015.
Example:  >>> x = torch.arange(3.0).reshape(1, 1, 1, 3)
          >>> SkipConcat()(x, torch.full((1, 1, 1, 2), 7.0)).tolist()
          [[[[0.0, 1.0, 2.0]], [[7.0, 7.0, 7.0]]]]
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from kissipo.core.protocols import Combined, Source
from kissipo.process.layers.stacked import stacked


class SkipConcat(nn.Module):
    """A layer that computes [x, below]."""

    DESCRIPTION = "skip connection: encoder and upsampled features, concatenated"

    def forward(self, x: Tensor, below: Tensor) -> Tensor:
        return torch.cat([x, _padded(below, x)], dim=1)

    def explain(
        self, index: tuple[int, ...], x: Tensor, below: Tensor
    ) -> tuple[list[Source], Combined]:
        """Returns the value of the encoder or of the upsampled features."""
        return [stacked({"across": x, "below": _padded(below, x)}, index)], "sum"


def _padded(below: Tensor, x: Tensor) -> Tensor:
    rows, columns = x.shape[2] - below.shape[2], x.shape[3] - below.shape[3]
    return (
        functional.pad(below, (0, columns, 0, rows), mode="replicate") if rows or columns else below
    )

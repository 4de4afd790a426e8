"""Convolutions over recordings of different lengths, with the maximum over their steps.

A recording (time, feature) is read as an image with one channel. After each convolution
the steps of padding are left out of the pooling, and set back to 0 for the next one, so
that the result does not depend on the other recordings of a batch. Then the maximum
over the real steps is taken, for each filter and feature: was it there at any time?

Shapes:   (batch, time, feature), padded with zeros -> (batch, filter · f)
Example:  >>> pool = nn.MaxPool2d(2, ceil_mode=True)
          >>> block = (nn.Conv2d(1, 2, 3, padding=1), pool, nn.ReLU())
          >>> net = ConvolutionsOverTime([block], [2])
          >>> x = torch.tensor([[[1.0, 1.0]] * 3 + [[0.0, 0.0]] * 5])
          >>> torch.equal(net(x), net(x[:, :3]))
          True
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool1d

from kissipo.core.batch import is_step, trim
from kissipo.core.protocols import Combined, Source


class ConvolutionsOverTime(nn.Module):
    """Blocks of convolutions over time and features, then the maximum over time.

    blocks:  of each the layers before the pooling, the pooling, and those after it
    pools:   by what factor each block shortens the time
    """

    DESCRIPTION = "maximum over the steps"

    def __init__(
        self, blocks: Sequence[tuple[nn.Module, nn.Module, nn.Module]], pools: Sequence[int]
    ) -> None:
        super().__init__()
        self.before, self.pool, self.after = map(nn.ModuleList, zip(*blocks, strict=True))
        self.pools = tuple(pools)

    def forward(self, x: Tensor) -> Tensor:
        x = trim(x)
        steps = is_step(x).to(x.dtype)
        x = x.unsqueeze(1)
        for number, size in enumerate(self.pools):
            before, pool, after = (block[number] for block in (self.before, self.pool, self.after))
            x = pool(before(x).masked_fill((steps == 0)[:, None, :, None], -torch.inf))
            if size > 1:
                steps = max_pool1d(steps.unsqueeze(1), size, ceil_mode=True).squeeze(1)
            is_padding = (steps == 0)[:, None, :, None]
            x = after(x.masked_fill(is_padding, 0.0)).masked_fill(is_padding, 0.0)
        return x.masked_fill((steps == 0)[:, None, :, None], -torch.inf).amax(dim=2).flatten(1)


class MeanOverSteps(nn.Module):
    """The mean of the numbers of all steps that are not padding.

    Shapes:   (batch, time, feature) -> (batch, feature)
    Example:  >>> import torch
              >>> MeanOverSteps()(torch.tensor([[[1.0, 4.0], [3.0, 0.0], [0.0, 0.0]]]))
              tensor([[2., 2.]])
    """

    DESCRIPTION = "mean over the steps"

    def forward(self, x: Tensor) -> Tensor:
        mask = is_step(x).unsqueeze(-1)
        return (x * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)

    def explain(self, index: tuple[int, ...], x: Tensor) -> tuple[list[Source], Combined]:
        """Returns the steps that are no padding, each with an equal weight."""
        row, feature = index
        steps = is_step(x)[row].nonzero().flatten().tolist()
        places = [(row, step, feature) for step in steps]
        return [Source("input", place, x[place], 1 / len(steps)) for place in places], "sum"

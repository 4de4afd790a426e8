"""Convolutions over recordings of different lengths, with a mean over their steps.

A recording (time, feature) is read as an image with one channel. Each block of
convolution, pooling and activation also pools the mask of its steps, and sets what is
padding back to 0, so that the result does not depend on the other recordings of a
batch. Then the mean over the real steps is taken, for each filter and feature.

Shapes:   (batch, time, feature), padded with zeros -> (batch, filter · f)
Example:  >>> import torch
          >>> block = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.MaxPool2d(2))
          >>> net = ConvolutionsOverTime([block], [2])
          >>> x = torch.tensor([[[1.0, 1.0]] * 2 + [[0.0, 0.0]] * 6])
          >>> torch.equal(net(x), net(x[:, :2]))
          True
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn.functional import max_pool1d

from kissipo.core.batch import is_step, trim


class ConvolutionsOverTime(nn.Module):
    """Blocks of convolutions over time and features, then the mean over time.

    pools:   by what factor each block shortens the time
    """

    DESCRIPTION = "mean over the steps of each filter"

    def __init__(self, blocks: Sequence[nn.Module], pools: Sequence[int]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.pools = tuple(pools)

    def forward(self, x: Tensor) -> Tensor:
        x = trim(x)
        steps = is_step(x).to(x.dtype)
        x = x.unsqueeze(1)
        for block, pool in zip(self.blocks, self.pools, strict=True):
            x = block(x)
            if pool > 1:
                steps = max_pool1d(steps.unsqueeze(1), pool, ceil_mode=True).squeeze(1)
            x = x * steps[:, None, :, None]
        mean = x.sum(dim=2) / steps.sum(dim=1).clamp(min=1)[:, None, None]
        return mean.flatten(1)


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

"""Inception module: filters of several sizes on one image, concatenated.

naive:       y = [1x1(x), 3x3(x), 5x5(x), pool(x)]
bottleneck:  y = [1x1(x), 3x3(1x1(x)), 5x5(1x1(x)), 1x1(pool(x))]

In a bottleneck module the large filters have fewer input channels. Pooling returns as
many channels as it gets, so naive modules can only increase the number of channels.

Shapes:   (batch, channel, height, width) -> (batch, sum of the filters, height, width)
Choices:  max pooling of 3x3 with stride 1; a relu after every convolution. With `norm`
          there is a batch normalization after every convolution, and 3x3 replaces 5x5,
          as in the published weights.
Source:   Szegedy et al., Going Deeper with Convolutions, 2015; with norm Ioffe and
          Szegedy 2015.
Example:  >>> import torch
          >>> bottlenecks = dict(three_reduced=64, five_reduced=64, pooled=64)
          >>> widths = Widths(one=128, three=192, five=96, **bottlenecks)
          >>> Inception(256, widths)(torch.zeros(1, 256, 28, 28)).shape
          torch.Size([1, 480, 28, 28])
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from kissipo.core.protocols import Combined, Source
from kissipo.process.layers.convolution import convolution
from kissipo.process.layers.image_spec import channels_of
from kissipo.process.layers.stacked import stacked

Module = Literal["bottleneck", "naive"]
EPSILON = 1e-3  # of batch norm in the published weights


@dataclass(frozen=True)
class Widths:
    """The numbers of filters; the `reduced` ones and `pooled` are the bottlenecks."""

    one: int
    three_reduced: int
    three: int
    five_reduced: int
    five: int
    pooled: int

    def scaled(self, width: float) -> Widths:
        """Returns the widths times a width multiplier."""
        return Widths(**{name: channels_of(count, width) for name, count in vars(self).items()})


class Inception(nn.Module):
    """Four branches whose channels are concatenated."""

    DESCRIPTION = "concatenation of the branches"

    def __init__(
        self, channels: int, widths: Widths, *, module: Module = "bottleneck", norm: bool = False
    ) -> None:
        super().__init__()
        naive = module == "naive"

        def branch(reduced: int, filters: int, kernel: int) -> nn.Sequential:
            layers: OrderedDict[str, nn.Module] = OrderedDict()
            if not naive:
                layers["reduce"] = convolution(channels, reduced, 1, norm=norm, epsilon=EPSILON)
            layers["filter"] = convolution(
                channels if naive else reduced, filters, kernel, norm=norm, epsilon=EPSILON
            )
            return nn.Sequential(layers)

        self.one = convolution(channels, widths.one, 1, norm=norm, epsilon=EPSILON)
        self.three = branch(widths.three_reduced, widths.three, 3)
        self.five = branch(widths.five_reduced, widths.five, 3 if norm else 5)
        self.pool = nn.Sequential(OrderedDict(pool=nn.MaxPool2d(3, stride=1, padding=1)))
        if not naive:
            self.pool.add_module(
                "reduce", convolution(channels, widths.pooled, 1, norm=norm, epsilon=EPSILON)
            )
        self.channels = (
            widths.one + widths.three + widths.five + (channels if naive else widths.pooled)
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.one(x), self.three(x), self.five(x), self.pool(x)], dim=1)

    def explain(self, index: tuple[int, ...], x: Tensor) -> tuple[list[Source], Combined]:
        """Returns the value in the branch that it comes from."""
        names = ("one", "three", "five", "pool")
        return [stacked({name: self.get_submodule(name)(x) for name in names}, index)], "sum"

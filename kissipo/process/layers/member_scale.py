"""Layers of an ensemble that shares weights: each member has a scale and a bias.

y_i = s_i · (W (r_i · x_i)) + b_i          for each member i, with one W for all

Shapes:   (batch, member, feature) -> (batch, member, unit)
Choices:  The scales are 1, or at random -1 or 1 where members start to differ. Biases
          start uniform in 1/sqrt(features), as in torch.nn.Linear.
Source:   Wen, Tran and Ba, BatchEnsemble, ICLR 2020; the start with signs from
          Gorishniy, Kotelnikov and Babenko, TabM, ICLR 2025.
Example:  >>> layer = member_linear(3, 2, members=4)
          >>> layer(torch.ones(5, 4, 3)).shape
          torch.Size([5, 4, 2])
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kissipo.core.protocols import Combined, Source


class MemberScale(nn.Module):
    """Multiplies each feature by a number of the member."""

    DESCRIPTION = "scale per member"

    def __init__(self, members: int, features: int, *, signs: bool = False) -> None:
        super().__init__()
        scale = torch.ones(members, features)
        if signs:
            scale = torch.randint(0, 2, (members, features)) * 2.0 - 1
        self.scale = nn.Parameter(scale)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale

    def explain(self, index: tuple[int, ...], x: Tensor) -> tuple[list[Source], Combined]:
        """Returns the input, times the scale."""
        scale = float(self.scale.detach()[index[1:]])
        return [Source("input", index, x[index], scale)], "sum"


class MemberBias(nn.Module):
    """Adds a bias of the member to each unit."""

    DESCRIPTION = "bias per member"

    def __init__(self, members: int, units: int, bound: float) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.empty(members, units).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.bias

    def explain(self, index: tuple[int, ...], x: Tensor) -> tuple[list[Source], Combined]:
        """Returns the input and the bias."""
        bias = self.bias.detach()[index[1:]]
        return [Source("input", index, x[index]), Source("bias", index[1:], bias)], "sum"


def member_linear(features: int, units: int, *, members: int, signs: bool = False) -> nn.Sequential:
    """Returns a linear layer of all members, which share its weights.

    signs:  whether the first scales are -1 or 1 at random
    """
    return nn.Sequential(
        MemberScale(members, features, signs=signs),
        nn.Linear(features, units, bias=False),
        MemberScale(members, units),
        MemberBias(members, units, features**-0.5),
    )

"""Wide and deep: a linear path beside the hidden layers; the output is their sum.

The linear path models what is linear, and the hidden layers learn only the rest. The
last layer of the deep path starts at zero, so at first the whole net is linear.

Shapes:   (batch, feature) -> (batch, output)
Source:   Cheng et al., Wide & Deep Learning for Recommender Systems, 2016.
Example:  >>> import torch
          >>> deep = nn.Sequential(nn.Linear(3, 8), nn.ReLU())
          >>> net = WideAndDeep(deep, nn.Linear(8, 2), 3)
          >>> bool((net(torch.ones(1, 3)) == net.wide(torch.ones(1, 3))).all())
          True
"""

from torch import Tensor, nn

from kissipo.core.protocols import Combined, Source


class WideAndDeep(nn.Module):
    """The sum of a linear and a deep path."""

    DESCRIPTION = "sum of the linear and the deep path"

    def __init__(self, deep: nn.Module, head: nn.Linear, features: int) -> None:
        super().__init__()
        self.wide = nn.Linear(features, head.out_features)
        self.deep, self.head = deep, head
        for parameter in head.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        wide: Tensor = self.wide(x)
        return wide + self.head(self.deep(x))

    def explain(self, index: tuple[int, ...], x: Tensor) -> tuple[list[Source], Combined]:
        """Returns the values of both paths."""
        wide, deep = self.wide(x)[index], self.head(self.deep(x))[index]
        return [Source("wide", index, wide), Source("deep", index, deep)], "sum"

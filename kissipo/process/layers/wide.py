"""Wide and deep: a linear path beside the hidden layers; the answer is the sum of both.

What is linear in the data is left to the linear path, so that the hidden layers learn only what it cannot say. The last layer
of the deep path starts at zero: at first the whole net is the linear one.

Shapes:   (batch, feature) -> (batch, answer)
Source:   Cheng et al., Wide & Deep Learning for Recommender Systems, 2016.
Example:  >>> import torch
          >>> net = WideAndDeep(nn.Sequential(nn.Linear(3, 8), nn.ReLU()), nn.Linear(8, 2), 3)
          >>> bool((net(torch.ones(1, 3)) == net.wide(torch.ones(1, 3))).all())
          True
"""

from torch import Tensor, nn

from kissipo.core.protocols import Combined, Source


class WideAndDeep(nn.Module):
    """Two paths, one sum."""

    DESCRIPTION = "sum of the linear path and the deep one"

    def __init__(self, deep: nn.Module, head: nn.Linear, features: int) -> None:
        super().__init__()
        self.wide = nn.Linear(features, head.out_features)
        self.deep, self.head = deep, head
        for parameter in head.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        wide: Tensor = self.wide(x)
        return wide + self.head(self.deep(x))

    def opens(self, index: tuple[int, ...], x: Tensor) -> tuple[list[Source], Combined]:
        """Both paths."""
        wide, deep = self.wide(x)[index], self.head(self.deep(x))[index]
        return [Source("wide", index, wide), Source("deep", index, deep)], "sum"

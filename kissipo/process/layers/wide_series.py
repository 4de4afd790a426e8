"""Wide and deep for windows: a linear autoregression beside any net.

y = linear autoregression of x + net(x)

The net learns what is not linear, or comes from other variables and from what is known
about the steps ahead. Its output layer starts at zero, so at first the whole net is the
linear autoregression.

Shapes:   x (batch, time, variable), and what is known ahead (batch, ahead, feature)
          -> (batch, horizon, target variable)
Source:   Cheng et al., Wide & Deep Learning for Recommender Systems, 2016.
Example:  >>> import torch
          >>> forecast = nn.Unflatten(1, (2, 1))
          >>> deep = nn.Sequential(nn.Flatten(), nn.Linear(3, 2), forecast)
          >>> net = WideSeries(LinearAutoregression((0,), 3, 2), deep)
          >>> net(torch.full((1, 3, 1), 7.0)).flatten().tolist()
          [7.0, 7.0]
"""

from torch import Tensor, nn

from kissipo.core.protocols import Combined, Source
from kissipo.process.layers.heads import heads_of, is_under
from kissipo.process.layers.linear_autoregression import LinearAutoregression


class WideSeries(nn.Module):
    """The sum of a linear autoregression and a net."""

    DESCRIPTION = "sum of the linear and the deep path"

    def __init__(self, wide: LinearAutoregression, deep: nn.Module) -> None:
        super().__init__()
        self.wide, self.deep = wide, deep
        for parameter in self.output_weights():
            nn.init.zeros_(parameter)

    def output_weights(self) -> list[nn.Parameter]:
        """Returns the weights of the output layer of the deep path."""
        places = heads_of(self.deep)
        return [
            parameter for name, parameter in self.deep.named_parameters() if is_under(name, places)
        ]

    def forward(self, x: Tensor, *ahead: Tensor) -> Tensor:
        wide: Tensor = self.wide(x)
        return wide + self.deep(x, *ahead)

    def explain(
        self, index: tuple[int, ...], x: Tensor, *ahead: Tensor
    ) -> tuple[list[Source], Combined]:
        """Returns the values of both paths."""
        wide, deep = self.wide(x)[index], self.deep(x, *ahead)[index]
        return [Source("wide", index, wide), Source("deep", index, deep)], "sum"

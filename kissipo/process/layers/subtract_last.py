"""Relative to the last value: a window is shifted so that its last step is zero, and the forecast is shifted back.

A net then learns how a series moves, not where it stands, and a level that it never saw in training does not disturb it.

y = net(x - x_last) + x_last

Shapes:   x (batch, time, variable) -> (batch, horizon, answered variable)
Source:   NLinear in Zeng et al., Are Transformers Effective for Time Series Forecasting?, AAAI 2023.
Example:  >>> import torch
          >>> keep = RelativeToLastValue(nn.Sequential(nn.Flatten(), nn.Linear(3, 1, bias=False), nn.Unflatten(1, (1, 1))), (0,))
          >>> bool((keep(torch.full((1, 3, 1), 7.0)) == 7).all())
          True
"""

from torch import Tensor, nn

from kissipo.core.protocols import Combined, Source


class RelativeToLastValue(nn.Module):
    """A net on windows, made blind to the level."""

    DESCRIPTION = "plus the last value"

    def __init__(self, net: nn.Module, answered: tuple[int, ...]) -> None:
        super().__init__()
        self.less_last = SubtractLast()
        self.net, self.answered = net, list(answered)

    def forward(self, x: Tensor, *ahead: Tensor) -> Tensor:
        shifted: Tensor = self.net(self.less_last(x), *ahead)
        return shifted + x[:, -1:, self.answered]

    def opens(
        self, index: tuple[int, ...], x: Tensor, *ahead: Tensor
    ) -> tuple[list[Source], Combined]:
        """What the net says, and the last value."""
        last = (index[0], x.shape[1] - 1, self.answered[index[2]])
        said = self.net(self.less_last(x), *ahead)[index]
        return [Source("net", index, said), Source("input", last, x[last])], "sum"


class SubtractLast(nn.Module):
    """Every step less the last one."""

    DESCRIPTION = "less the last value"

    def forward(self, x: Tensor) -> Tensor:
        return x - x[:, -1:, :]

    def opens(self, index: tuple[int, ...], x: Tensor) -> tuple[list[Source], Combined]:
        """The value and the last one."""
        last = (index[0], x.shape[1] - 1, index[2])
        return [Source("input", index, x[index]), Source("input", last, x[last], -1.0)], "sum"

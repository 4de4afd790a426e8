"""Subtraction of the last value: a window is shifted to end at zero, its forecast back.

y = net(x - x_last) + x_last

So a net learns the changes of a series, and an unknown level does not matter.

Shapes:   x (batch, time, variable) -> (batch, horizon, target variable)
Source:   NLinear in Zeng et al., Are Transformers Effective for Time Series
          Forecasting?, AAAI 2023.
Example:  >>> import torch
          >>> linear = nn.Linear(3, 1, bias=False)
          >>> net = nn.Sequential(nn.Flatten(), linear, nn.Unflatten(1, (1, 1)))
          >>> relative = RelativeToLastValue(net, (0,))
          >>> bool((relative(torch.full((1, 3, 1), 7.0)) == 7).all())
          True
"""

from torch import Tensor, nn

from kissipo.core.protocols import Combined, Source


class RelativeToLastValue(nn.Module):
    """A net on windows that are relative to their last value."""

    DESCRIPTION = "plus the last value"

    def __init__(self, net: nn.Module, answered: tuple[int, ...]) -> None:
        super().__init__()
        self.subtract_last = SubtractLast()
        self.net, self.answered = net, list(answered)

    def forward(self, x: Tensor, *ahead: Tensor) -> Tensor:
        shifted: Tensor = self.net(self.subtract_last(x), *ahead)
        return shifted + x[:, -1:, self.answered]

    def explain(
        self, index: tuple[int, ...], x: Tensor, *ahead: Tensor
    ) -> tuple[list[Source], Combined]:
        """Returns the output of the net, and the last value."""
        last = (index[0], x.shape[1] - 1, self.answered[index[2]])
        output = self.net(self.subtract_last(x), *ahead)[index]
        return [Source("net", index, output), Source("input", last, x[last])], "sum"


class ChangesSinceLastValue(nn.Module):
    """A net on windows that are relative to their last value, which is not added."""

    DESCRIPTION = "a net of the changes"

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.subtract_last, self.net = SubtractLast(), net

    def forward(self, x: Tensor, *ahead: Tensor) -> Tensor:
        y: Tensor = self.net(self.subtract_last(x), *ahead)
        return y

    def explain(
        self, index: tuple[int, ...], x: Tensor, *ahead: Tensor
    ) -> tuple[list[Source], Combined]:
        """Returns the output of the net, which is not changed."""
        return [Source("net", index, self(x, *ahead)[index])], "sum"


class SubtractLast(nn.Module):
    """A layer that subtracts the last step from every step."""

    DESCRIPTION = "minus the last value"

    def forward(self, x: Tensor) -> Tensor:
        return x - x[:, -1:, :]

    def explain(self, index: tuple[int, ...], x: Tensor) -> tuple[list[Source], Combined]:
        """Returns the value and the last one."""
        last = (index[0], x.shape[1] - 1, index[2])
        return [Source("input", index, x[index]), Source("input", last, x[last], -1.0)], "sum"

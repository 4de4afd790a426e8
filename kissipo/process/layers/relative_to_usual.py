"""Relative to the usual count: a net forecasts how much more or less than usual it is.

log m = net(window, ahead) + log u        u is the first feature of the steps ahead

So a net learns what differs from the past mean of a place, and 0 is the usual count.

Shapes:   window (batch, time, feature), ahead (batch, horizon, feature)
          -> (batch, horizon, parameter), of which the first is the log mean
Example:  >>> import torch
          >>> class Nothing(nn.Module):
          ...     def forward(self, window, ahead):
          ...         return torch.zeros(len(window), ahead.shape[1], 2)
          >>> ahead = torch.tensor([[[0.5, 9.0]]])
          >>> RelativeToUsual(Nothing())(torch.zeros(1, 3, 1), ahead).tolist()
          [[[0.5, 0.0]]]
"""

from torch import Tensor, nn
from torch.nn import functional

from kissipo.core.protocols import Combined, Source


class RelativeToUsual(nn.Module):
    """A net whose output is relative to the logarithm of the usual count."""

    DESCRIPTION = "plus the logarithm of the usual count"

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, window: Tensor, ahead: Tensor) -> Tensor:
        y: Tensor = self.net(window, ahead)
        return y + functional.pad(ahead[:, :, :1], (0, y.shape[2] - 1))

    def explain(
        self, index: tuple[int, ...], window: Tensor, ahead: Tensor
    ) -> tuple[list[Source], Combined]:
        """Returns the output of the net, and the logarithm of the usual count."""
        output = Source("net", index, self.net(window, ahead)[index])
        if index[2]:
            return [output], "sum"
        usual = (index[0], index[1], 0)
        return [output, Source("ahead", usual, ahead[usual])], "sum"

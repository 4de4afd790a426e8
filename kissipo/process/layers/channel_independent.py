"""Each variable: one net forecasts every variable of a series from its own past, with the same weights (channel independence).

y_v = net(x_v)   for every variable v

Seven variables give seven times as many windows to learn from, and what one of them does cannot be learned by heart from another.

Shapes:   x (batch, time, variable) -> (batch, horizon, answered variable), the net from (batch, time, 1) to (batch, horizon, 1)
Source:   Nie et al., A Time Series is Worth 64 FrozenConfig, ICLR 2023.
Example:  >>> import torch
          >>> last = ChannelIndependent(nn.Sequential(nn.Flatten(), nn.Linear(3, 2), nn.Unflatten(1, (2, 1))), (0, 2))
          >>> last(torch.zeros(5, 3, 4)).shape
          torch.Size([5, 2, 2])
"""

from torch import Tensor, nn


class ChannelIndependent(nn.Module):
    """A net on one variable, for all of them."""

    DESCRIPTION = "each variable by itself"

    def __init__(self, net: nn.Module, answered: tuple[int, ...]) -> None:
        super().__init__()
        self.net, self.answered = net, list(answered)

    def forward(self, x: Tensor, *ahead: Tensor) -> Tensor:
        variables = len(self.answered)
        alone = x[:, :, self.answered].transpose(1, 2).reshape(-1, x.shape[1], 1)
        y: Tensor = self.net(alone, *(each.repeat_interleave(variables, dim=0) for each in ahead))
        return y.reshape(len(x), variables, -1).transpose(1, 2)

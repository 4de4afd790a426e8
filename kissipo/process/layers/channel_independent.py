"""Channel independence: one net forecasts each variable of a series from its own past.

y_v = net(x_v)   for every variable v, with the same weights

Seven variables give seven times as many windows for training. The net cannot overfit
relations between variables.

Shapes:   x (batch, time, variable) -> (batch, horizon, target variable);
          the net: (batch, time, 1) -> (batch, horizon, 1)
Source:   Nie et al., A Time Series is Worth 64 Words, ICLR 2023.
Example:  >>> import torch
          >>> unflatten = nn.Unflatten(1, (2, 1))
          >>> net = nn.Sequential(nn.Flatten(), nn.Linear(3, 2), unflatten)
          >>> ChannelIndependent(net, (0, 2))(torch.zeros(5, 3, 4)).shape
          torch.Size([5, 2, 2])
"""

from torch import Tensor, nn


class ChannelIndependent(nn.Module):
    """A net of one variable, applied to every variable."""

    DESCRIPTION = "each variable separately"

    def __init__(self, net: nn.Module, answered: tuple[int, ...]) -> None:
        super().__init__()
        self.net, self.answered = net, list(answered)

    def forward(self, x: Tensor, *ahead: Tensor) -> Tensor:
        variables = len(self.answered)
        separate = x[:, :, self.answered].transpose(1, 2).reshape(-1, x.shape[1], 1)
        y: Tensor = self.net(
            separate, *(covariate.repeat_interleave(variables, dim=0) for covariate in ahead)
        )
        return y.reshape(len(x), variables, -1).transpose(1, 2)

"""Autoregressive rollout: a net of one step reaches a horizon by its own predictions.

y_1 = net(x_1 ... x_n)   y_2 = net(x_2 ... x_n, y_1)   y_3 = net(x_3 ... x_n, y_1, y_2)

This is the recursive strategy; the direct strategy predicts all steps at once. The
gradient passes through all steps, so the net also learns from the later effects of its
own errors.

Shapes:   x (batch, time, variable) -> (batch, horizon, variable); each step gets its
          row of the future covariates (batch, horizon, feature)
Source:   Ben Taieb et al., A review and comparison of strategies for multi-step ahead
          time series forecasting, 2012.
Example:  >>> import torch
          >>> linear = nn.Linear(2, 1, bias=False)
          >>> step = nn.Sequential(nn.Flatten(), linear, nn.Unflatten(1, (1, 1)))
          >>> nn.init.constant_(linear.weight, 1.0) is not None
          True
          >>> AutoregressiveRollout(step, 4)(torch.ones(1, 2, 1)).flatten().tolist()
          [2.0, 3.0, 5.0, 8.0]
"""

import torch
from torch import Tensor, nn


class AutoregressiveRollout(nn.Module):
    """A net of one step, applied to its own predictions."""

    DESCRIPTION = "one step ahead, repeated on its own predictions"

    def __init__(self, net: nn.Module, horizon: int) -> None:
        super().__init__()
        self.net, self.horizon = net, horizon

    def forward(self, x: Tensor, *ahead: Tensor) -> Tensor:
        predictions = []
        for step in range(self.horizon):
            predictions.append(self.net(x, *(covariate[:, step : step + 1] for covariate in ahead)))
            x = torch.cat([x[:, 1:], predictions[-1]], dim=1)
        return torch.cat(predictions, dim=1)

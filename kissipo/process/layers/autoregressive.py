"""Own answers: a net of one step ahead reaches a far horizon by taking its answer as the newest step, again and again.

y_1 = net(x_1 ... x_n)     y_2 = net(x_2 ... x_n, y_1)     y_3 = net(x_3 ... x_n, y_1, y_2)     ...

This is the recursive way; the direct one answers all steps at once. It is learned through all steps, so that the net is also
taught by what its own errors do later on.

Shapes:   x (batch, time, variable) -> (batch, horizon, variable); what is known ahead (batch, horizon, feature) is handed on step by step
Source:   Ben Taieb et al., A review and comparison of strategies for multi-step ahead time series forecasting, 2012.
Example:  >>> import torch
          >>> step = nn.Sequential(nn.Flatten(), nn.Linear(2, 1, bias=False), nn.Unflatten(1, (1, 1)))
          >>> nn.init.constant_(step[1].weight, 1.0) is not None
          True
          >>> AutoregressiveRollout(step, 4)(torch.ones(1, 2, 1)).flatten().tolist()  # each the sum of the two before
          [2.0, 3.0, 5.0, 8.0]
"""

import torch
from torch import Tensor, nn


class AutoregressiveRollout(nn.Module):
    """One step ahead, over and over."""

    DESCRIPTION = "one step ahead, again from its own answer"

    def __init__(self, net: nn.Module, horizon: int) -> None:
        super().__init__()
        self.net, self.horizon = net, horizon

    def forward(self, x: Tensor, *ahead: Tensor) -> Tensor:
        answers = []
        for step in range(self.horizon):
            answers.append(self.net(x, *(each[:, step : step + 1] for each in ahead)))
            x = torch.cat([x[:, 1:], answers[-1]], dim=1)
        return torch.cat(answers, dim=1)

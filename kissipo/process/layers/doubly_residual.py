"""Doubly residual block: it explains a part of a window, and forecasts from that part.

h = relu(W_4 relu(W_3 relu(W_2 relu(W_1 x + b_1) + b_2) + b_3) + b_4)
backcast = V_b (W_b h) + c_b        what of the window it has explained
forecast = V_f (W_f h) + c_f        what this means for the steps ahead

The net of such blocks is in `nets/n_beats.py`. Its last block has no backcast, which
nothing would read.

Shapes:   x (batch, time) -> forecast (batch, horizon), backcast (batch, time)
Source:   Oreshkin, Carpov, Chapados and Bengio, N-BEATS: Neural Basis Expansion
          Analysis for Interpretable Time Series Forecasting, ICLR 2020 (section 3.1;
          the generic basis of section 3.3: V is learned, and W has no bias).
Example:  >>> import torch
          >>> block = DoublyResidualBlock(24, 12, units=8, num_layers=4, theta_dim=3)
          >>> forecast, backcast = block(torch.zeros(5, 24))
          >>> forecast.shape, backcast.shape
          (torch.Size([5, 12]), torch.Size([5, 24]))
"""

from torch import Tensor, nn


class DoublyResidualBlock(nn.Module):
    """Layers with a forecast and, unless the block is the last one, a backcast.

    theta_dim:  the length of W h, the coefficients of the learned basis V
    """

    def __init__(
        self,
        window: int,
        horizon: int,
        *,
        units: int,
        num_layers: int,
        theta_dim: int,
        is_last: bool = False,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for width in (window, *[units] * (num_layers - 1)):
            layers += [nn.Linear(width, units), nn.ReLU()]
        self.layers = nn.Sequential(*layers)
        self.theta_forecast = nn.Linear(units, theta_dim, bias=False)
        self.head = nn.Linear(theta_dim, horizon)
        self.theta_backcast = None if is_last else nn.Linear(units, theta_dim, bias=False)
        self.backcast = None if is_last else nn.Linear(theta_dim, window)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Returns the forecast and the backcast; None for the last block."""
        h = self.layers(x)
        forecast: Tensor = self.head(self.theta_forecast(h))
        if self.theta_backcast is None or self.backcast is None:
            return forecast, None
        return forecast, self.backcast(self.theta_backcast(h))

"""Linear autoregression: each step of a forecast is a weighted sum of its own window.

y_h = w_h · x + b_h        one w_h and b_h for each variable and each step h

`solve` computes the weights by ridge regression around a simple forecast s:

minimize   |Y - X W - b|² + a |W - S|²

S are the weights of s, which is the mean (S = 0), the last value, or the value one
season before. The season is the lag whose own forecasts are best. Which s and which
penalty a are used is decided by the errors when each window is left out, for each
variable separately. So few windows give nearly the simple forecast.

Shapes:   x (batch, time, variable) -> (batch, horizon, target variable)
Source:   Hoerl and Kennard 1970; the errors without a window as in Golub, Heath and
          Wahba 1979.
Example:  >>> layer = LinearAutoregression((0,), 4, 2)
          >>> steps = torch.arange(40.0).remainder(4).unfold(0, 6, 1).unsqueeze(2)
          >>> layer.solve(steps[:, :4], steps[:, 4:])
          'the value 4 steps before'
          >>> layer(steps[:1, :4]).flatten().round(decimals=2).tolist()
          [0.0, 1.0]
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kissipo.core.protocols import Combined, Source
from kissipo.core.seeds import drawn

ALPHAS = tuple(10.0 ** (exponent / 4) for exponent in range(-12, 17))
_MAX_LEFT_OUT = 2_000  # windows that are left out once


class LinearAutoregression(nn.Module):
    """One linear layer per target variable, from its window to the horizon."""

    DESCRIPTION = "linear autoregression of each variable"

    def __init__(self, columns: tuple[int, ...], window: int, horizon: int) -> None:
        super().__init__()
        self.columns = list(columns)
        self.weight = nn.Parameter(torch.zeros(len(columns), window, horizon))
        self.bias = nn.Parameter(torch.zeros(len(columns), 1, horizon))
        with torch.no_grad():
            self.weight[:, -1] = 1  # until it is solved, it repeats the last value

    def forward(self, x: Tensor) -> Tensor:
        own = x[:, :, self.columns].permute(2, 0, 1)
        return (torch.bmm(own, self.weight) + self.bias).permute(1, 2, 0)

    def activation_products(self, output: Tensor, x: Tensor) -> int:
        """Returns the products with the weights."""
        return output.numel() * self.weight.shape[1]

    def explain(self, index: tuple[int, ...], x: Tensor) -> tuple[list[Source], Combined]:
        """Returns the steps of the window with their weights, and the bias."""
        row, step, variable = index
        column = self.columns[variable]
        sources = [
            Source("input", (row, time, column), x[row, time, column], float(weight))
            for time, weight in enumerate(self.weight[variable, :, step])
        ]
        bias = self.bias.detach()[variable, 0, step]
        return [*sources, Source("bias", (variable, step), bias)], "sum"

    @torch.no_grad()
    def solve(self, x: Tensor, y: Tensor) -> str:
        """Sets the weights from windows and the steps after them.

        It returns the simple forecasts around which the solutions are, for the log.
        """
        around: list[str] = []
        for number, column in enumerate(self.columns):
            ridge = _Ridge(x[:, :, column].double())
            own = y[:, :, number].double()
            lag = _season(ridge.left_out, own[ridge.rows])
            priors = {
                name: _weights_of_lag(steps, self.weight[number].double())
                for name, steps in (
                    ("the mean", 0),
                    ("the last value", 1),
                    (f"the value {lag} steps before", lag),
                )
                if steps < 2 or lag
            }
            solutions = [(ridge.solve(own, prior), name) for name, prior in priors.items()]
            best, name = min(solutions, key=lambda pair: pair[0].error)
            self.weight[number].copy_(best.weight)
            self.bias[number, 0].copy_(best.bias)
            around.append(name)
        return ", ".join(dict.fromkeys(around))


@dataclass(frozen=True)
class _Solution:
    weight: Tensor
    bias: Tensor
    error: float


class _Ridge:
    """Ridge regression of several targets on the same windows (sample, time).

    rows:      the samples that are left out once to choose the penalty
    left_out:  their windows
    """

    def __init__(self, x: Tensor) -> None:
        self._mean = x.mean(dim=0)
        self._x = x - self._mean
        values, self._axes = torch.linalg.eigh(self._x.T @ self._x)
        self._values = values.clamp(min=0)
        self.rows = torch.from_numpy(drawn(len(x), _MAX_LEFT_OUT, "left out"))
        self.left_out = x[self.rows]

    def solve(self, y: Tensor, prior: Tensor) -> _Solution:
        """Returns the solution around the weights of a simple forecast."""
        rest = y - (self._x + self._mean) @ prior
        mean = rest.mean(dim=0)
        along = self._axes.T @ (self._x.T @ (rest - mean))
        projected = self._x[self.rows] @ self._axes

        def error(alpha: float) -> float:
            """Returns the mean squared error of samples that are left out."""
            shrunk = 1 / (self._values + alpha)
            fitted = projected @ (shrunk[:, None] * along) + mean
            leverage = projected.square() @ shrunk + 1 / len(y)
            return float(((rest[self.rows] - fitted) / (1 - leverage)[:, None]).square().mean())

        best, alpha = min((error(alpha), alpha) for alpha in ALPHAS)
        weight = self._axes @ (along / (self._values + alpha)[:, None])
        return _Solution(weight + prior, mean - self._mean @ weight, best)


def _season(windows: Tensor, y: Tensor) -> int:
    """Returns the lag above 1 whose forecasts differ from the truth in the most even
    way, or 0 where the window is too short."""
    length, steps = windows.shape[1], torch.arange(y.shape[1])
    spreads = {
        lag: float((y - windows[:, length - lag + steps % lag]).var(dim=0).mean())
        for lag in range(2, length + 1)
    }
    return min(spreads, key=lambda lag: spreads[lag], default=0) if len(y) > 1 else 0


def _weights_of_lag(lag: int, like: Tensor) -> Tensor:
    """Returns the weights (time, horizon) of the values one season before, or zeros."""
    weights = torch.zeros_like(like)
    steps = torch.arange(like.shape[1])
    if lag:
        weights[len(like) - lag + steps % lag, steps] = 1
    return weights

"""Linear autoregression: each step of a forecast is a weighted sum of its own window.

y_h = w_h · x + b_h        one w_h and b_h for each variable and each step h

`solve` computes the weights by ridge regression around a simple forecast s:

minimize   |Y - X W - b|² + a |W - S|²

S are the weights of s, which is the mean (S = 0), the last value, or the value one
season before. The season is the lag whose own forecasts are best. Which s and which
penalty a are used is decided for each variable separately, by the absolute errors on
windows that were left out. So few windows, or a series whose rules change, give nearly
the simple forecast.

Neighboring windows share steps. So the windows are cut into ten blocks in their order,
and each block is forecast without itself and without the windows next to it that share
a step of their targets with it, at most a quarter of all windows on each side.

Shapes:   x (batch, time, variable), the windows in order of time, one series after the
          other
          -> (batch, horizon, target variable)
Source:   Hoerl and Kennard 1970; blocks with a gap: Racine, Consistent Cross-Validatory
          Model-Selection for Dependent Data, Journal of Econometrics, 2000.
Example:  >>> layer = LinearAutoregression((0,), 4, 2)
          >>> steps = torch.arange(40.0).remainder(4).unfold(0, 6, 1).unsqueeze(2)
          >>> layer.solve(steps[:, :4], steps[:, 4:])
          'the value 4 steps before'
          >>> layer(steps[:1, :4]).flatten().round(decimals=2).tolist()
          [0.0, 1.0]
"""

import torch
from torch import Tensor, nn

from kissipo.core.protocols import Combined, Source
from kissipo.core.seeds import drawn

ALPHAS = tuple(10.0 ** (exponent / 4) for exponent in range(-12, 29))
BLOCKS = 10
_MAX_LEFT_OUT = 2_000  # windows whose errors are counted


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
        """Sets the weights from windows and the steps after them, in order of time.

        It returns the simple forecasts around which the solutions are, for the log.
        """
        if len(x) < 2:
            return "the last value"
        around: list[str] = []
        counted = torch.from_numpy(drawn(len(x), _MAX_LEFT_OUT, "left out"))
        for number, column in enumerate(self.columns):
            windows, own = x[:, :, column].double(), y[:, :, number].double()
            lag = _season(windows[counted], own[counted])
            priors = {
                name: _weights_of_lag(steps, self.weight[number].double())
                for name, steps in (
                    ("the mean", 0),
                    ("the last value", 1),
                    (f"the value {lag} steps before", lag),
                )
                if steps < 2 or lag
            }
            ridge = _Ridge(windows, own, list(priors.values()))
            place, power = divmod(int(ridge.errors_left_out(counted).argmin()), len(ALPHAS))
            weight, bias = ridge.solution(place, ALPHAS[power])
            self.weight[number].copy_(weight)
            self.bias[number, 0].copy_(bias)
            around.append(list(priors)[place])
        return ", ".join(dict.fromkeys(around))


class _Ridge:
    """Ridge regression around several simple forecasts, on windows in order of time.

    Each block is taken away from the sums over all windows, so that ten regressions
    cost little more than one.

    x:        (sample, time)
    y:        (sample, horizon)
    priors:   weights (time, horizon) of the simple forecasts
    """

    def __init__(self, x: Tensor, y: Tensor, priors: list[Tensor]) -> None:
        self._priors, self._horizon = priors, y.shape[1]
        self._mean = x.mean(dim=0)
        self._x = x - self._mean
        self._rest = torch.cat([y - x @ prior for prior in priors], dim=1)
        self._sums = _sums(self._x, self._rest)

    def solution(self, place: int, alpha: float) -> tuple[Tensor, Tensor]:
        """Returns the weights around one of the priors, and the biases."""
        axes, values, along, mean, mean_rest = _along_axes(*self._sums)
        own = slice(place * self._horizon, (place + 1) * self._horizon)
        weight = axes @ (along[:, own] / (values + alpha)[:, None])
        bias = mean_rest[own] - (mean + self._mean) @ weight
        return weight + self._priors[place], bias

    def errors_left_out(self, counted: Tensor) -> Tensor:
        """Returns the absolute errors (prior, alpha) on some windows of each block,
        which the solution has not seen."""
        count = len(self._x)
        gap = min(self._horizon - 1, count // 4)  # a short series has no more to leave out
        errors = self._x.new_zeros(len(self._priors), len(ALPHAS))
        for block in torch.arange(count).tensor_split(BLOCKS):
            if not len(block) or count == len(block):
                continue
            first, last = int(block[0]), int(block[-1])
            near = slice(max(0, first - gap), last + gap + 1)
            left = _sums(self._x[near], self._rest[near])
            sums = [whole - part for whole, part in zip(self._sums, left, strict=True)]
            axes, values, along, mean, mean_rest = _along_axes(*sums)
            out = counted[(counted >= first) & (counted <= last)]
            projected, rest = (self._x[out] - mean) @ axes, self._rest[out] - mean_rest
            for number, alpha in enumerate(ALPHAS):
                error = (rest - projected @ (along / (values + alpha)[:, None])).abs()
                errors[:, number] += error.sum(dim=0).view(-1, self._horizon).sum(dim=1)
        return errors


def _sums(x: Tensor, rest: Tensor) -> tuple[Tensor, ...]:
    """Returns the number of samples, the sums of both, and the sums of products."""
    return x.new_tensor(len(x)), x.sum(dim=0), rest.sum(dim=0), x.T @ x, x.T @ rest


def _along_axes(
    count: Tensor, sum_x: Tensor, sum_rest: Tensor, squares: Tensor, products: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Returns the principal axes of x around its mean, their values, what the simple
    forecasts leave along each axis, and both means."""
    mean, mean_rest = sum_x / count, sum_rest / count
    values, axes = torch.linalg.eigh(squares - count * torch.outer(mean, mean))
    along = axes.T @ (products - count * torch.outer(mean, mean_rest))
    return axes, values.clamp(min=0), along, mean, mean_rest


def _season(windows: Tensor, y: Tensor) -> int:
    """Returns the lag above 1 whose forecasts differ from the truth in the most even
    way, or 0 where the window is too short."""
    if len(y) < 2:
        return 0
    length, steps = windows.shape[1], torch.arange(y.shape[1])
    spreads = {
        lag: float((y - windows[:, length - lag + steps % lag]).var(dim=0).mean())
        for lag in range(2, length + 1)
    }
    return min(spreads, key=lambda lag: spreads[lag], default=0)


def _weights_of_lag(lag: int, like: Tensor) -> Tensor:
    """Returns the weights (time, horizon) of the values one season before, or zeros."""
    weights = torch.zeros_like(like)
    steps = torch.arange(like.shape[1])
    if lag:
        weights[len(like) - lag + steps % lag, steps] = 1
    return weights

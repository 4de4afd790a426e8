"""Positions: what the net adds to each token, so that it knows the order.

sinusoidal   P[t, 2i] = sin(t / 10,000^(2i / n)), P[t, 2i+1] = cos(of the same)
learned      a row of weights for each position

Without them a Transformer reads a text as a set of tokens.

Shapes:   x (batch, time, feature), first: the position of its first step
          -> (batch, time, feature)
Choices:  Sinusoidal positions are computed for any length; learned ones end with the
          longest text of the training, and start as large as sines and cosines.
Source:   Vaswani et al. 2017, section 3.5; learned as in Devlin et al. 2019.
Example:  >>> (sinusoids(2, 4) * 100).round().int().tolist()
          [[0, 100, 0, 100], [84, 54, 1, 100]]
"""

import math

import torch
from torch import Tensor, nn

from kissipo.core.protocols import Combined, Source
from kissipo.core.script_part import ScriptDefinition

_BASE = 10_000.0
_STD = 0.5**0.5  # that of sines and cosines
_SCRIPT = '''class SinusoidalPositions(Layer):
    """Adds sines and cosines of the position, which are not trained."""

    def forward(self, x: Tensor, first: int = 0) -> Tensor:
        return x + sinusoids(first + x.shape[1], x.shape[2])[first:].to(x)'''


class SinusoidalPositions(nn.Module):
    """Adds sines and cosines of the position, which are not trained."""

    table: Tensor
    DESCRIPTION = "adds sines and cosines of the position"

    def __init__(self, length: int, features: int) -> None:
        super().__init__()
        self.register_buffer("table", sinusoids(length, features), persistent=False)

    def forward(self, x: Tensor, first: int = 0) -> Tensor:
        return x + self.table[first : first + x.shape[1]]

    def explain(
        self, index: tuple[int, ...], x: Tensor, first: int = 0
    ) -> tuple[list[Source], Combined]:
        """Returns the feature of the token, and that of its position."""
        return _sum_of(index, x, self.table, first)

    def script(self) -> ScriptDefinition:
        """Returns a class that computes the table, for `kissipo eject`."""
        return ScriptDefinition("SinusoidalPositions", _SCRIPT)


class LearnedPositions(nn.Module):
    """Adds a learned row of features for each position."""

    DESCRIPTION = "adds a learned row for the position"

    def __init__(self, length: int, features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(length, features).normal_(std=_STD))

    def forward(self, x: Tensor, first: int = 0) -> Tensor:
        return x + self.weight[first : first + x.shape[1]]

    def explain(
        self, index: tuple[int, ...], x: Tensor, first: int = 0
    ) -> tuple[list[Source], Combined]:
        """Returns the feature of the token, and that of its position."""
        return _sum_of(index, x, self.weight, first)


def _sum_of(
    index: tuple[int, ...], x: Tensor, table: Tensor, first: int
) -> tuple[list[Source], Combined]:
    place = (first + index[1], index[2])
    return [
        Source("input", index, x[index]),
        Source("position", place, table[place].detach()),
    ], "sum"


def sinusoids(length: int, features: int) -> Tensor:
    """Returns the table (position, feature) of sines and cosines."""
    rates = torch.exp(torch.arange(0, features, 2) * (-math.log(_BASE) / features))
    angles = torch.arange(length).unsqueeze(1) * rates
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)[:, :features]

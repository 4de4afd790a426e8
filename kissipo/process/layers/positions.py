"""Positions: what the net adds to each token, so that it knows the order.

sinusoidal   P[t, 2i] = sin(t / 10,000^(2i / n)), P[t, 2i+1] = cos(of the same)
learned      a row of weights for each position

Without them a Transformer reads a text as a set of tokens.

Shapes:   x (batch, time, feature), first: the position of its first step
          -> (batch, time, feature)
Choices:  Sinusoidal positions are computed for any length; learned ones end with the
          longest text of the training.
Source:   Vaswani et al. 2017, section 3.5; learned as in Devlin et al. 2019.
Example:  >>> (sinusoids(2, 4) * 100).round().int().tolist()
          [[0, 100, 0, 100], [84, 54, 1, 100]]
"""

import math

import torch
from torch import Tensor, nn

_BASE = 10_000.0


class SinusoidalPositions(nn.Module):
    """Adds sines and cosines of the position, which are not trained."""

    table: Tensor
    DESCRIPTION = "adds sines and cosines of the position"

    def __init__(self, length: int, features: int) -> None:
        super().__init__()
        self.register_buffer("table", sinusoids(length, features), persistent=False)

    def forward(self, x: Tensor, first: int = 0) -> Tensor:
        return x + self.table[first : first + x.shape[1]]


class LearnedPositions(nn.Module):
    """Adds a learned row of features for each position."""

    DESCRIPTION = "adds a learned row for the position"

    def __init__(self, length: int, features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(length, features).normal_(std=0.02))

    def forward(self, x: Tensor, first: int = 0) -> Tensor:
        return x + self.weight[first : first + x.shape[1]]


def sinusoids(length: int, features: int) -> Tensor:
    """Returns the table (position, feature) of sines and cosines."""
    rates = torch.exp(torch.arange(0, features, 2) * (-math.log(_BASE) / features))
    angles = torch.arange(length).unsqueeze(1) * rates
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)[:, :features]

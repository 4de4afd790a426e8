"""Embeddings of numbers: each column of a table becomes several features.

piecewise linear   component t of a number x, whose bin t goes from b_t to b_(t+1):
                   (x - b_t) / (b_(t+1) - b_t), cut to 0 below the bin and to 1
                   above it; the first bin has no lower end, the last one no upper
periodic           relu(W [sin 2πcx, cos 2πcx] + b), with frequencies c of each
                   column, and one W for all columns (PLR lite)

A layer on such features can learn a function of a column that is not smooth, or not
monotone, where one on the number itself needs many units for it.

Shapes:   (batch, feature) -> (batch, feature · component)
Choices:  The ends of bins are 17 quantiles of the training samples, each a value of a
          sample; where some are equal there are fewer bins, and components of 0. 24
          frequencies start normal with a standard deviation of 0.1, as columns are
          standardized, and W has 8 units.
Source:   Gorishniy, Rubachev and Babenko, On Embeddings for Numerical Features in
          Tabular Deep Learning, NeurIPS 2022.
Example:  >>> layer = PiecewiseLinear(1, num_bins=2)
          >>> layer.fit_scale(torch.tensor([[0.0], [1.0], [3.0]]))
          >>> layer(torch.tensor([[0.5], [2.0], [5.0], [-1.0]])).tolist()
          [[0.5, 0.0], [1.0, 0.5], [1.0, 2.0], [-1.0, 0.0]]
"""

from __future__ import annotations

from math import pi
from typing import Literal

import torch
from torch import Tensor, nn

from kissipo.core.protocols import Combined, Source

NumberEmbedding = Literal["piecewise_linear", "periodic"]
_BINS, _MAX_ROWS = 16, 20_000
_FREQUENCIES, _UNITS, _SPREAD = 24, 8, 0.1
_FAR = 1e30  # no number is cut there
_FIRST_ENDS = 2.0  # standard deviations, before the layer has read samples


class PiecewiseLinear(nn.Module):
    """A layer without weights; its bins are quantiles of the training samples.

    left, width:  (feature, bin) the lower end of each bin, and its width
    low, high:    (feature, bin) the limits of each component; 0 where a column has no
                  such bin
    """

    DESCRIPTION = "piecewise linear encoding"
    max_fitted = _MAX_ROWS
    left: Tensor
    width: Tensor
    low: Tensor
    high: Tensor

    def __init__(self, features: int, *, num_bins: int = _BINS) -> None:
        super().__init__()
        self.num_bins = num_bins
        for name in ("left", "width", "low", "high"):
            self.register_buffer(name, torch.zeros(features, num_bins))
        ends = torch.linspace(-_FIRST_ENDS, _FIRST_ENDS, num_bins + 1)
        for feature in range(features):
            self._set_ends(feature, ends)

    @torch.no_grad()
    def fit_scale(self, x: Tensor) -> None:
        """Sets the bins from training samples."""
        places = torch.linspace(0, len(x) - 1, self.num_bins + 1, dtype=torch.float64).round()
        ends = x.sort(dim=0).values[places.long().to(x.device)]
        for feature, column in enumerate(ends.unbind(dim=1)):
            self._set_ends(feature, column.unique())

    def _set_ends(self, feature: int, ends: Tensor) -> None:
        count = len(ends) - 1
        self.left[feature], self.width[feature] = 0.0, 1.0
        self.low[feature], self.high[feature] = 0.0, 0.0
        self.left[feature, :count], self.width[feature, :count] = ends[:-1], ends.diff()
        self.high[feature, :count] = 1.0
        if count:
            self.low[feature, 0], self.high[feature, count - 1] = -_FAR, _FAR

    def forward(self, x: Tensor) -> Tensor:
        parts = (x.unsqueeze(2) - self.left) / self.width
        return parts.clamp(self.low, self.high).flatten(1)

    def explain(self, index: tuple[int, ...], x: Tensor) -> tuple[list[Source], Combined]:
        """Returns the number with the gradient in its bin, and a constant."""
        row, place = index
        feature, part = divmod(place, self.num_bins)
        gradient, value = 1 / float(self.width[feature, part]), float(self(x)[row, place])
        inside = (float(x[row, feature]) - float(self.left[feature, part])) * gradient
        if not float(self.low[feature, part]) < inside < float(self.high[feature, part]):
            gradient = 0.0
        constant = value - gradient * float(x[row, feature])
        return [
            Source("input", (row, feature), x[row, feature], gradient),
            Source("bins", (feature, part), torch.tensor(constant)),
        ], "sum"


class Waves(nn.Module):
    """Sines and cosines of each column."""

    DESCRIPTION = "sines and cosines of each number"

    def __init__(self, features: int, *, num_frequencies: int) -> None:
        super().__init__()
        self.frequencies = nn.Parameter(torch.randn(features, num_frequencies) * _SPREAD)

    def forward(self, x: Tensor) -> Tensor:
        angles = 2 * pi * self.frequencies * x.unsqueeze(2)
        return torch.cat([angles.sin(), angles.cos()], dim=2)


class Periodic(nn.Module):
    """Sines and cosines of each column, and a linear layer for all columns."""

    def __init__(
        self, features: int, *, num_frequencies: int = _FREQUENCIES, units: int = _UNITS
    ) -> None:
        super().__init__()
        self.waves = Waves(features, num_frequencies=num_frequencies)
        self.linear = nn.Linear(2 * num_frequencies, units)

    def forward(self, x: Tensor) -> Tensor:
        embedded: Tensor = self.linear(self.waves(x))
        return embedded.relu().flatten(1)


def number_embedding(name: NumberEmbedding, features: int) -> nn.Module:
    """Returns the layer that embeds columns of numbers."""
    return PiecewiseLinear(features) if name == "piecewise_linear" else Periodic(features)


def embedded_width(name: NumberEmbedding, features: int) -> int:
    """Returns the number of features that these columns of numbers become."""
    return features * (_BINS if name == "piecewise_linear" else _UNITS)

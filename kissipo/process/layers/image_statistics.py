"""Image statistics: brightness and edges of an image, of the whole and per cell.

whole   mean, std, five percentiles of brightness; a histogram of 16 bins; mean, std and
        95th percentile of the edge strength
cells   of a 6x6 grid: mean and std of brightness, mean and maximum edge strength, each
        minus that of the whole image, as exposures differ

Edge strength is the norm of the brightness gradient (central differences); colors are
averaged first. Each statistic is scaled to mean 0 and standard deviation 1 over the
training samples, which the layer reads before the first step.

Shapes:   (batch, channel, height, width) from 0 to 1 -> (batch, 170)
Source:   histograms as features: Swain and Ballard, Color Indexing, 1991.
Raises:   ShapeError for an image with a side below 12 pixels, two per cell.
Example:  >>> layer = ImageStatistics(28, 28)
          >>> features = layer(torch.zeros(2, 1, 28, 28))
          >>> features.shape, float(features[0, 7])    # all pixels are in bin 0
          (torch.Size([2, 170]), 1.0)
"""

import torch
from torch import Tensor, nn

from kissipo.core.errors import ShapeError

_PERCENTILES, _BINS, _GRID = (0.05, 0.25, 0.5, 0.75, 0.95), 16, 6
NAMES = (
    "mean brightness",
    "std of brightness",
    *(f"percentile {round(100 * fraction)} of brightness" for fraction in _PERCENTILES),
    *(f"pixels of brightness {low / _BINS:.2f} to {(low + 1) / _BINS:.2f}" for low in range(_BINS)),
    "mean edge strength",
    "std of edge strength",
    "percentile 95 of edge strength",
    *(
        f"{statistic} of cell {row + 1}, {column + 1}"
        for row in range(_GRID)
        for column in range(_GRID)
        for statistic in (
            "mean brightness",
            "std of brightness",
            "mean edge strength",
            "maximum edge strength",
        )
    ),
)
WIDTH = len(NAMES)
_MIN_SIDE = 12
_TINY = 1e-14  # the square root of 0 has no gradient


class ImageStatistics(nn.Module):
    """A layer without weights that computes statistics of images."""

    DESCRIPTION = "statistics of brightness and edges"
    max_fitted = 2_000
    mean: Tensor
    std: Tensor

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        if min(height, width) < _MIN_SIDE:
            raise ShapeError(
                "the statistics of an image need two pixels per cell of a grid of 6x6",
                got=f"images of {height}x{width}",
                allowed=f"sides of at least {_MIN_SIDE}",
                do="Set a larger input.size, or process.image_features=values",
            )
        self.register_buffer("mean", torch.zeros(WIDTH))
        self.register_buffer("std", torch.ones(WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        return (statistics(x) - self.mean) / self.std

    @torch.no_grad()
    def fit_scale(self, x: Tensor) -> None:
        """Sets the scale of each statistic from training samples."""
        rows = statistics(x)
        std = rows.std(dim=0, correction=0)
        self.mean.copy_(rows.mean(dim=0))
        self.std.copy_(torch.where(std > 1e-6, std, torch.ones_like(std)))


def statistics(images: Tensor) -> Tensor:
    """Returns one row of unscaled statistics per image."""
    light = images.mean(dim=1)
    edges = _edges(light)
    flat, steep = light.flatten(1), edges.flatten(1)
    whole = [flat.mean(dim=1), _std(flat), *_percentiles(flat, _PERCENTILES)]
    bins = (flat * _BINS).nan_to_num().clamp(0, _BINS - 1).long()
    counts = flat.new_zeros(len(flat), _BINS).scatter_add(1, bins, torch.ones_like(flat))
    histogram = counts / flat.shape[1]
    sharp = [steep.mean(dim=1), _std(steep), *_percentiles(steep, _PERCENTILES[-1:])]
    of_image = (flat.mean(dim=1), _std(flat), steep.mean(dim=1), steep.amax(dim=1))
    of_cells = (*_mean_and_std_of_cells(light), _mean_of_cells(edges), _maximum_of_cells(edges))
    cells = [cell - image[:, None, None] for cell, image in zip(of_cells, of_image, strict=True)]
    return torch.cat(
        [
            torch.stack(whole, dim=1),
            histogram,
            torch.stack(sharp, dim=1),
            torch.stack(cells, dim=3).flatten(1),
        ],
        dim=1,
    )


def _mean_of_cells(values: Tensor) -> Tensor:
    """Returns (image, 6, 6); the first rows and columns of cells may have a pixel
    more."""
    rows = torch.stack([part.mean(dim=1) for part in values.tensor_split(_GRID, dim=1)], dim=1)
    return torch.stack([part.mean(dim=2) for part in rows.tensor_split(_GRID, dim=2)], dim=2)


def _maximum_of_cells(values: Tensor) -> Tensor:
    rows = torch.stack([part.amax(dim=1) for part in values.tensor_split(_GRID, dim=1)], dim=1)
    return torch.stack([part.amax(dim=2) for part in rows.tensor_split(_GRID, dim=2)], dim=2)


def _mean_and_std_of_cells(values: Tensor) -> tuple[Tensor, Tensor]:
    mean = _mean_of_cells(values)
    above, left = (_cell_of_pixels(side) for side in values.shape[1:])
    rest = values - mean[:, above][:, :, left]
    return mean, _mean_of_cells(rest.square()).add(_TINY).sqrt()


def _cell_of_pixels(side: int) -> Tensor:
    """Returns the row of cells of each row of pixels."""
    parts = torch.arange(side).tensor_split(_GRID)
    return torch.tensor([cell for cell, part in enumerate(parts) for _ in part])


def _edges(light: Tensor) -> Tensor:
    """Returns the norm of the gradient; at the border its differences are one-sided."""
    down, across = (
        torch.cat(
            [
                light.narrow(axis, 1, 1) - light.narrow(axis, 0, 1),
                (light.narrow(axis, 2, side - 2) - light.narrow(axis, 0, side - 2)) / 2,
                light.narrow(axis, side - 1, 1) - light.narrow(axis, side - 2, 1),
            ],
            dim=axis,
        )
        for axis, side in ((1, light.shape[1]), (2, light.shape[2]))
    )
    return (down.square() + across.square() + _TINY).sqrt()


def _std(rows: Tensor) -> Tensor:
    return (rows - rows.mean(dim=1, keepdim=True)).square().mean(dim=1).add(_TINY).sqrt()


def _percentiles(rows: Tensor, fractions: tuple[float, ...]) -> list[Tensor]:
    """Returns percentiles, interpolated between the two nearest values."""
    ordered = rows.sort(dim=1).values
    percentiles = []
    for fraction in fractions:
        place = fraction * (rows.shape[1] - 1)
        below = min(int(place), rows.shape[1] - 2)
        part = place - below
        percentiles.append(ordered[:, below] * (1 - part) + ordered[:, below + 1] * part)
    return percentiles

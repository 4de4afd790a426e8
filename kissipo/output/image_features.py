"""Simple image features for baselines: brightness and edges, of the image and per cell.

whole   mean, std, five percentiles of brightness; a histogram of 16 bins; mean, std and
        95th percentile of the edge strength
cells   of a 6x6 grid: mean and std of brightness, mean and maximum edge strength, each
        minus that of the whole image, as exposures differ

Edge strength is the norm of the brightness gradient (central differences); colors are
averaged first.

Shapes:   (image, channel, height, width) from 0 to 1 -> (image, 170)
Example:  >>> import torch
          >>> features = simple_features(torch.zeros(2, 1, 32, 24))
          >>> features.shape, float(features[0, 7])    # all pixels are in bin 0
          ((2, 170), 1.0)
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

PERCENTILES = (5, 25, 50, 75, 95)
BINS, GRID = 16, 6
_BATCH_SIZE = 256


def simple_features(images: Tensor) -> NDArray[np.float32]:
    """Returns one row of features per image."""
    return np.concatenate([_features(batch) for batch in images.split(_BATCH_SIZE)]).astype(
        np.float32
    )


def _features(images: Tensor) -> NDArray[np.float64]:
    light = images.to(torch.float64).mean(dim=1).numpy()
    upward, across = np.gradient(light, axis=(1, 2))
    edges = np.hypot(upward, across)
    flat, steep = light.reshape(len(light), -1), edges.reshape(len(edges), -1)
    whole = [flat.mean(axis=1), flat.std(axis=1), *np.percentile(flat, PERCENTILES, axis=1)]
    bins = np.minimum((flat * BINS).astype(np.int64), BINS - 1)
    histogram = [(bins == number).mean(axis=1) for number in range(BINS)]
    sharp = [steep.mean(axis=1), steep.std(axis=1), np.percentile(steep, 95, axis=1)]
    return np.stack([*whole, *histogram, *sharp, *_cells(light, edges)], axis=1)


def _cells(light: NDArray[np.float64], edges: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Returns the statistics of each cell minus those of the whole image."""
    features = []
    for rows in np.array_split(np.arange(light.shape[1]), GRID):
        for columns in np.array_split(np.arange(light.shape[2]), GRID):
            cell = np.s_[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            for of_cell, of_image in (
                (light[cell].mean, light.mean),
                (light[cell].std, light.std),
                (edges[cell].mean, edges.mean),
                (edges[cell].max, edges.max),
            ):
                features.append(of_cell(axis=(1, 2)) - of_image(axis=(1, 2)))
    return features

"""Simple features of images, for answers that cannot see: brightness and edges, of the whole image and cell by cell.

whole   mean, deviation, five percentiles of brightness; a histogram of 16 bins; mean, deviation and 95th percentile of edge strength
cells   of a grid of 6x6: mean and deviation of brightness, mean and greatest edge strength; these less those of the whole image,
        as exposures differ

Edge strength is the length of the gradient (central differences) of brightness; colors are averaged first.

Shapes:   (image, channel, height, width) from 0 to 1 -> (image, 170)
Example:  >>> import torch
          >>> features = simple_features(torch.zeros(2, 1, 32, 24))
          >>> features.shape, float(features[0, 7])       # every pixel lies in the first bin
          ((2, 170), 1.0)
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

PERCENTILES = (5, 25, 50, 75, 95)
BINS, GRID = 16, 6
_AT_ONCE = 256


def simple_features(images: Tensor) -> NDArray[np.float32]:
    """One row an image."""
    return np.concatenate([_features(some) for some in images.split(_AT_ONCE)]).astype(np.float32)


def _features(images: Tensor) -> NDArray[np.float64]:
    light = images.to(torch.float64).mean(dim=1).numpy()
    upward, across = np.gradient(light, axis=(1, 2))
    edges = np.hypot(upward, across)
    flat, steep = light.reshape(len(light), -1), edges.reshape(len(edges), -1)
    whole = [flat.mean(axis=1), flat.std(axis=1), *np.percentile(flat, PERCENTILES, axis=1)]
    levels = np.minimum((flat * BINS).astype(np.int64), BINS - 1)
    histogram = [(levels == level).mean(axis=1) for level in range(BINS)]
    sharp = [steep.mean(axis=1), steep.std(axis=1), np.percentile(steep, 95, axis=1)]
    return np.stack([*whole, *histogram, *sharp, *_cells(light, edges)], axis=1)


def _cells(light: NDArray[np.float64], edges: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Each cell beside the whole image."""
    found = []
    for rows in np.array_split(np.arange(light.shape[1]), GRID):
        for columns in np.array_split(np.arange(light.shape[2]), GRID):
            place = np.s_[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            here, sharp = light[place], edges[place]
            for inside, everywhere in (
                (here.mean, light.mean),
                (here.std, light.std),
                (sharp.mean, edges.mean),
                (sharp.max, edges.max),
            ):
                found.append(inside(axis=(1, 2)) - everywhere(axis=(1, 2)))
    return found

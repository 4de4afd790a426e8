"""Neighborhoods: whether the neighbors on a map are neighbors in the data.

trustworthiness   1 - 2 / (n k (2n - 3k - 1)) · sum over i, j of max(0, r(i, j) - k)
                  j: the k nearest of i on the map; r: the rank of j among the neighbors
                  of i in the data, from 1
continuity        the same with map and data exchanged: are neighbors torn apart?

Both are 1 where the k nearest samples are the same in both, and about 0.5 for places at
random. They are means over the samples, so that each sample has a value of its own.

Source:   Venna and Kaski, Neighborhood preservation in nonlinear projection methods,
          2001; equal to sklearn.manifold.trustworthiness.
Example:  >>> line = np.arange(9.0)[:, None]
          >>> trust, continuity = neighborhoods(line, 2 * line + 1, num_neighbors=2)
          >>> float(trust.mean()), float(continuity.mean())
          (1.0, 1.0)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float64]


def neighborhoods(data: Rows, places: Rows, *, num_neighbors: int) -> tuple[Rows, Rows]:
    """Returns the trustworthiness and the continuity of each sample.

    Shapes:   data (sample, feature), places (sample, dimension) -> two of (sample)
    """
    in_data, on_map = _ranks(data), _ranks(places)
    return _truth_of(in_data, on_map, num_neighbors), _truth_of(on_map, in_data, num_neighbors)


def neighbors_for(count: int) -> int:
    """Returns how many neighbors are compared: 5, as in scikit-learn, fewer of few.

    Example:  >>> neighbors_for(1000), neighbors_for(6)
              (5, 2)
    """
    return max(1, min(5, (count - 1) // 2))


def _ranks(points: Rows) -> NDArray[np.int64]:
    """Returns the rank of each sample (row) among the neighbors of each sample (column
    of the result: row i has the ranks around i); a sample itself has the last rank."""
    from scipy.spatial.distance import pdist, squareform

    distances = squareform(pdist(points))
    np.fill_diagonal(distances, np.inf)
    order = np.argsort(distances, axis=1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(1, len(points) + 1)[None], axis=1)
    return ranks


def _truth_of(truth: NDArray[np.int64], claimed: NDArray[np.int64], count: int) -> Rows:
    """Returns per sample how true its claimed neighbors are."""
    samples = len(truth)
    excess = np.where(claimed <= count, np.maximum(0, truth - count), 0)
    scale = 2.0 / (count * (2.0 * samples - 3.0 * count - 1.0))
    quality: Rows = 1.0 - scale * excess.sum(axis=1)
    return quality

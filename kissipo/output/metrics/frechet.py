"""Fréchet distance between two sets of vectors, each seen as a normal distribution.

d = |m - n|² + trace(C + D - 2 (C D)^½)        m, n: means    C, D: covariances

The trace of the root of C D is the sum of the roots of the eigenvalues of the symmetric
matrix C^½ D C^½, so that no root of a matrix that is not symmetric is needed.

Shapes:   (sample, feature) twice -> one number
Choices:  Covariances divide by the number of samples less one.
Source:   Dowson and Landau 1982; Heusel et al. 2017, who take the features of an
          Inception net.
Example:  >>> x = np.random.default_rng(0).normal(size=(100, 3))
          >>> round(frechet_distance(x, x), 9), round(frechet_distance(x, x + 2.0), 9)
          (0.0, 12.0)
"""

import numpy as np
from numpy.typing import NDArray


def frechet_distance(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Returns the distance; each set has at least two samples."""
    first, second = (np.atleast_2d(np.cov(x, rowvar=False)) for x in (one, other))
    root = _root(first)
    shared = np.linalg.eigvalsh(root @ second @ root)
    means = np.square(one.mean(axis=0) - other.mean(axis=0)).sum()
    overlap = np.sqrt(shared.clip(min=0)).sum()
    return float(max(0.0, means + np.trace(first) + np.trace(second) - 2 * overlap))


def _root(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the root of a symmetric matrix without negative eigenvalues."""
    values, vectors = np.linalg.eigh(matrix)
    root: NDArray[np.float64] = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
    return root

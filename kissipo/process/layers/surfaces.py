"""Surfaces: a height for every point (S11).

A point has three coordinates; most surfaces use two.

bowl      x²/2 + 2 y²
          convex: one minimum at (0, 0), height 0
saddle    x²/2 - y²/2 + y⁴/8
          a saddle point at (0, 0), height 0, between two minima at y = ±√2, height -1/2
valleys   (x² - 1)² + 0.3 x + y²
          a local minimum near x = 1, the global one near x = -1, height about -0.305
lagrange  |dL|², L = x + y + l (x² + y² - 32)
          zero where all derivatives of L are zero: at (4, 4, -1/8) and (-4, -4, 1/8),
          the maximum and the minimum of x + y on the circle

Source:   Lagrange 1788; the circle of the lecture has the radius √32.
Example:  >>> import torch
          >>> round(height("lagrange", torch.tensor([4.0, 4.0, -0.125])).item(), 6)
          0.0
"""

from collections.abc import Callable

import torch
from torch import Tensor


def _bowl(p: Tensor) -> Tensor:
    return p[..., 0] ** 2 / 2 + 2 * p[..., 1] ** 2


def _saddle(p: Tensor) -> Tensor:
    return p[..., 0] ** 2 / 2 - p[..., 1] ** 2 / 2 + p[..., 1] ** 4 / 8


def _valleys(p: Tensor) -> Tensor:
    return (p[..., 0] ** 2 - 1) ** 2 + 0.3 * p[..., 0] + p[..., 1] ** 2


def _lagrange(p: Tensor) -> Tensor:
    x, y, multiplier = p[..., 0], p[..., 1], p[..., 2]
    gradients = torch.stack(
        [1 + 2 * multiplier * x, 1 + 2 * multiplier * y, x**2 + y**2 - 32], dim=-1
    )
    return gradients.square().sum(dim=-1)


SURFACES: dict[str, Callable[[Tensor], Tensor]] = {
    "bowl": _bowl,
    "saddle": _saddle,
    "valleys": _valleys,
    "lagrange": _lagrange,
}
DIMENSIONS = {"bowl": 2, "saddle": 2, "valleys": 2, "lagrange": 3}


def height(surface: str, point: Tensor) -> Tensor:
    """Returns the height of a surface at points (..., 3) -> (...)."""
    return SURFACES[surface](point)

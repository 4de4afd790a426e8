"""Opaque: the result of unrolling when it differs from the layer."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

TOLERANCE = 1e-5


@dataclass(frozen=True)
class Opaque:
    """A layer that cannot be unrolled, and the reason."""

    name: str
    why: str


def relative_error(result: Tensor, real: Tensor, sizes: Tensor) -> float:
    """Returns the maximum difference divided by the maximum of `sizes`.

    Returns:  infinity where the shapes differ
    """
    if result.shape != real.shape:
        return float("inf")
    apart = float((result - real).abs().max()) if real.numel() else 0.0
    return apart and apart / float(sizes.max())

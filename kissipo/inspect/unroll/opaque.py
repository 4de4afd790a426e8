"""The contract of what is taken apart: it is what the layer gave, to 1e-5, or the layer stays an opaque box that says why."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

FAR_OFF = 1e-5


@dataclass(frozen=True)
class Opaque:
    """A layer that cannot be expanded, and why."""

    name: str
    why: str


def off_by(found: Tensor, real: Tensor, sizes: Tensor) -> float:
    """The greatest difference, relative to the greatest of `sizes`; infinite where shapes differ."""
    if found.shape != real.shape:
        return float("inf")
    apart = float((found - real).abs().max()) if real.numel() else 0.0
    return apart and apart / float(sizes.max())

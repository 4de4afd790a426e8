"""Statistics of a tensor: a few figures and a histogram, as the trace tells them.

Example:  >>> found = statistics(np.array([0.0, 1.0, 2.0, np.nan]))
          >>> found["statistics"]
          {'mean': 1.0, 'std': 0.816496580927726, 'min': 0.0, 'max': 2.0, 'zeros': 0.25, 'not_finite': 1}
          >>> found["histogram"]["from"], found["histogram"]["to"], sum(found["histogram"]["counts"])
          (0.0, 2.0, 3)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 32
_PIECE = 1_000_000


def statistics(values: NDArray[Any]) -> dict[str, Any]:
    """Mean, deviation, least, greatest of the finite numbers; the share of zeros; how many are not finite; the histogram's counts
    between its edges. None where there is no number to tell. Large arrays are read piece by piece."""
    flat = np.abs(values.reshape(-1)) if values.dtype.kind == "c" else values.reshape(-1)
    finite = [piece[np.isfinite(piece)] for piece in _pieces(flat)]
    count = sum(map(len, finite))
    if not count:
        nothing = dict.fromkeys(("mean", "std", "min", "max", "zeros"))
        return {"statistics": {**nothing, "not_finite": len(flat)}, "histogram": None}
    finite = [piece for piece in finite if len(piece)]
    least, maximum = (
        float(min(piece.min() for piece in finite)),
        float(max(piece.max() for piece in finite)),
    )
    mean = sum(float(piece.sum(dtype=np.float64)) for piece in finite) / count
    spread = sum(float(np.square(piece.astype(np.float64) - mean).sum()) for piece in finite)
    low, high = (least, maximum) if least < maximum else (least - 0.5, least + 0.5)
    counts = sum(
        np.histogram(piece.astype(np.float64), bins=BINS, range=(low, high))[0] for piece in finite
    )
    return {
        "statistics": {
            "mean": mean,
            "std": (spread / count) ** 0.5,
            "min": least,
            "max": maximum,
            "zeros": sum(int(np.count_nonzero(piece == 0)) for piece in finite) / len(flat),
            "not_finite": len(flat) - count,
        },
        "histogram": {"from": low, "to": high, "counts": np.asarray(counts).tolist()},
    }


def _pieces(flat: NDArray[Any]) -> Iterator[NDArray[Any]]:
    for start in range(0, len(flat), _PIECE):
        yield flat[start : start + _PIECE]

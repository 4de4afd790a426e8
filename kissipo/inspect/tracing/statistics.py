"""Statistics of a tensor for the trace: mean, std, extremes and a histogram.

Example:  >>> result = statistics(np.array([0.0, 1.0, 2.0, np.nan]))
          >>> result["statistics"]["mean"], result["statistics"]["not_finite"]
          (1.0, 1)
          >>> histogram = result["histogram"]
          >>> histogram["from"], histogram["to"], sum(histogram["counts"])
          (0.0, 2.0, 3)
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kissipo.core.json_object import JsonObject
from kissipo.core.numpy_array import NumpyArray

BINS = 32
_PIECE = 1_000_000


def statistics(values: NumpyArray) -> JsonObject:
    """Returns the statistics of the finite values, and their histogram.

    These are mean, std, minimum, maximum, the fraction of zeros, and the number of
    values that are not finite. They are None if no value is finite. Large arrays are
    read in pieces.
    """
    flat = np.abs(values.reshape(-1)) if values.dtype.kind == "c" else values.reshape(-1)
    finite = [piece[np.isfinite(piece)] for piece in _pieces(flat)]
    count = sum(map(len, finite))
    if not count:
        nothing = dict.fromkeys(("mean", "std", "min", "max", "zeros"))
        return {"statistics": {**nothing, "not_finite": len(flat)}, "histogram": None}
    finite = [piece for piece in finite if len(piece)]
    minimum = float(min(piece.min() for piece in finite))
    maximum = float(max(piece.max() for piece in finite))
    mean = sum(float(piece.sum(dtype=np.float64)) for piece in finite) / count
    squares = sum(float(np.square(piece.astype(np.float64) - mean).sum()) for piece in finite)
    is_wide = maximum - minimum > BINS * np.spacing(max(abs(minimum), abs(maximum)))
    around = max(0.5, 1e-3 * abs(minimum))
    low, high = (minimum, maximum) if is_wide else (minimum - around, minimum + around)
    counts = sum(
        np.histogram(piece.astype(np.float64), bins=BINS, range=(low, high))[0] for piece in finite
    )
    return {
        "statistics": {
            "mean": mean,
            "std": (squares / count) ** 0.5,
            "min": minimum,
            "max": maximum,
            "zeros": sum(int(np.count_nonzero(piece == 0)) for piece in finite) / len(flat),
            "not_finite": len(flat) - count,
        },
        "histogram": {"from": low, "to": high, "counts": np.asarray(counts).tolist()},
    }


def _pieces(flat: NumpyArray) -> Iterator[NumpyArray]:
    for start in range(0, len(flat), _PIECE):
        yield flat[start : start + _PIECE]

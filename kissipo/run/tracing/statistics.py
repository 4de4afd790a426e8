"""Statistics of a tensor: a few figures and a histogram, as the trace tells them.

Example:  >>> found = statistics(np.array([0.0, 1.0, 2.0, np.nan]))
          >>> found["statistics"]
          {'mean': 1.0, 'deviation': 0.816496580927726, 'least': 0.0, 'greatest': 2.0, 'zeros': 0.25, 'not_finite': 1}
          >>> found["histogram"]["from"], found["histogram"]["to"], sum(found["histogram"]["counts"])
          (0.0, 2.0, 3)
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 32


def statistics(values: NDArray[Any]) -> dict[str, Any]:
    """Mean, deviation, least, greatest of the finite numbers; the share of zeros; how many are not finite; the histogram's counts
    between its edges. None where there is no number to tell."""
    flat = values.reshape(-1)
    if flat.dtype.kind == "c":
        flat = np.abs(flat)
    flat = flat.astype(np.float64 if flat.dtype.kind in "biu" else flat.dtype, copy=False)
    finite = flat[np.isfinite(flat)] if not np.isfinite(flat).all() else flat
    if not len(finite):
        nothing = dict.fromkeys(("mean", "deviation", "least", "greatest", "zeros"))
        return {"statistics": {**nothing, "not_finite": len(flat)}, "histogram": None}
    least, greatest = float(finite.min()), float(finite.max())
    counts, edges = np.histogram(
        finite, bins=BINS, range=(least, greatest) if least < greatest else (least - 0.5, least + 0.5)
    )
    return {
        "statistics": {
            "mean": float(finite.mean(dtype=np.float64)),
            "deviation": float(finite.std(dtype=np.float64)),
            "least": least,
            "greatest": greatest,
            "zeros": float(np.count_nonzero(flat == 0) / len(flat)),
            "not_finite": len(flat) - len(finite),
        },
        "histogram": {"from": float(edges[0]), "to": float(edges[-1]), "counts": counts.tolist()},
    }

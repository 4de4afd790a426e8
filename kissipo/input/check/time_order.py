"""Rows of a table that follow each other in time, with answers that resemble neighbors.

A random split of such rows leaks: the net sees the rows just before and after those on
which it is evaluated. Neighbors are the rows before and after in time, of the same
series where the table holds several.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kissipo.core.frame import Column

MIN_RESEMBLANCE = 0.5
MIN_ROWS = 50

Rows = NDArray[np.int64]


def resemblance(answer: Column, order: Rows, groups: Rows) -> float:
    """Returns how much an answer resembles that of the row before it in its series.

    It is 1 for equal neighbors and near 0 for independent ones: the correlation of the
    ranks of numbers, and the agreement of classes beyond chance (Cohen's kappa). What
    differs between the series only does not count.

    order:    the rows in order of time
    groups:   (row) the number of the series
    """
    rows = order[~answer.missing[order]]
    rows = rows[np.argsort(groups[rows], kind="stable")]
    if len(rows) < MIN_ROWS or answer.kind not in ("number", "string"):
        return 0.0
    _, codes = np.unique(answer.values[rows], return_inverse=True)
    _, members, sizes = np.unique(groups[rows], return_inverse=True, return_counts=True)
    same = members[1:] == members[:-1]
    if not same.any():
        return 0.0
    if answer.kind == "number" and codes.max() > 1:
        ranks = codes - (np.bincount(members, weights=codes) / sizes)[members]
        before, after = ranks[:-1][same], ranks[1:][same]
        spread = float(before.std() * after.std())
        return float(np.mean(before * after) - before.mean() * after.mean()) / (spread or 1.0)
    pairs = members * (int(codes.max()) + 1) + codes
    shares = np.bincount(pairs)[pairs] / sizes[members]
    chance = float(shares.mean())
    agreement = float(np.mean(codes[1:][same] == codes[:-1][same]))
    return (agreement - chance) / (1 - chance) if chance < 1 else 0.0

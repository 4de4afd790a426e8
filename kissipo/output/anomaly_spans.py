"""Alarms: from errors in the order of time to alarms, and from labels to windows that are hit or missed.

An error is an alarm when it is above what hardly any of the errors in training reached. That height lies beyond most of what was seen,
so the tail is extrapolated: what the highest errors exceed a high quantile by follows a generalized Pareto law (peaks over threshold).

Source:   Pickands 1975; Siffer et al., Anomaly Detection in Streams with Extreme Value Theory, KDD 2017.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import genpareto

HIGH, _LEAST_PEAKS = 0.98, 10


def smoothed(errors: NDArray[Any], steps: int) -> NDArray[np.float64]:
    """The mean of each error and those just before it, `steps` in all (fewer at the start).

    Example:  >>> smoothed(np.array([4.0, 0.0, 2.0, 6.0]), 2).tolist()
              [4.0, 2.0, 1.0, 4.0]
    """
    sums = np.concatenate([[0.0], np.cumsum(errors, dtype=np.float64)])
    ends = np.arange(1, len(errors) + 1)
    starts = np.maximum(0, ends - steps)
    return (sums[ends] - sums[starts]) / (ends - starts)


def threshold(errors: NDArray[Any], share: float) -> float:
    """The height that a share of ordinary errors exceeds; the highest of them where they are too few to say more.

    Example:  >>> draws = np.random.default_rng(0).exponential(size=20_000)
              >>> bool(abs(threshold(draws, 1e-4) - np.log(1e4)) < 1.0)  # the tail of this law is known
              True
    """
    if share >= 1 - HIGH:
        return float(np.quantile(errors, 1 - share))
    high = float(np.quantile(errors, HIGH))
    over = errors[errors > high] - high
    if len(over) < _LEAST_PEAKS:
        return float(np.max(errors))
    shape, _, scale = genpareto.fit(over, floc=0)
    return high + float(genpareto.isf(share / (1 - HIGH), shape, scale=scale))


@dataclass(frozen=True)
class Span:
    """Steps from the first to the last, both included."""

    first: int
    last: int

    def touches(self, other: Span) -> bool:
        """Whether they share a step."""
        return self.first <= other.last and other.first <= self.last


def spans(odd: NDArray[Any], *, apart: int = 1) -> list[Span]:
    """Runs of odd steps; those less than `apart` steps from each other are one.

    Example:  >>> spans(np.array([0, 1, 1, 0, 1, 0, 0, 0, 1]) > 0, apart=2)
              [Span(first=1, last=4), Span(first=8, last=8)]
    """
    found: list[Span] = []
    for step in np.flatnonzero(odd).tolist():
        if found and step - found[-1].last <= apart:
            found[-1] = Span(found[-1].first, step)
        else:
            found.append(Span(step, step))
    return found

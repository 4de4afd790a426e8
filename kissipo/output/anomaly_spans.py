"""Anomaly spans: thresholds for forecast errors, and runs of anomalous steps.

An error raises an alarm when it lies above a threshold that almost no training error
exceeds. That threshold lies beyond most training errors, so the tail is extrapolated:
the excess over a high quantile follows a generalized Pareto distribution (peaks over
threshold).

Source:   Pickands 1975; Siffer et al., Anomaly Detection in Streams with Extreme Value
          Theory, KDD 2017.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kissipo.core.errors import DataError
from kissipo.core.frame import Frame

HIGH, _MIN_PEAKS = 0.98, 10
_YES, _NO = (
    ("1", "true", "yes", "y", "odd", "abnormal", "anomaly"),
    ("0", "false", "no", "n", "ordinary", "normal"),
)


def smoothed(errors: NDArray[np.floating], steps: int) -> NDArray[np.float64]:
    """Returns the moving average over the last `steps` errors (fewer at the start).

    Example:  >>> smoothed(np.array([4.0, 0.0, 2.0, 6.0]), 2).tolist()
              [4.0, 2.0, 1.0, 4.0]
    """
    sums = np.concatenate([[0.0], np.cumsum(errors, dtype=np.float64)])
    ends = np.arange(1, len(errors) + 1)
    starts = np.maximum(0, ends - steps)
    return (sums[ends] - sums[starts]) / (ends - starts)


def threshold(errors: NDArray[np.floating], share: float) -> float:
    """Returns the threshold that a share of the normal errors exceeds.

    It is the maximum of the errors when they are too few to fit a tail.

    Example:  >>> draws = np.random.default_rng(0).exponential(size=20_000)
              >>> bool(abs(threshold(draws, 1e-4) - np.log(1e4)) < 1.0)
              True
    """
    if share >= 1 - HIGH:
        return float(np.quantile(errors, 1 - share))
    high = float(np.quantile(errors, HIGH))
    over = errors[errors > high] - high
    if len(over) < _MIN_PEAKS:
        return float(np.max(errors))
    from scipy.stats import genpareto  # the import takes a second

    shape, _, scale = genpareto.fit(over, floc=0)
    return high + float(genpareto.isf(share / (1 - HIGH), shape, scale=scale))


@dataclass(frozen=True)
class Span:
    """A run of time steps; the first and the last step are included."""

    first: int
    last: int

    def touches(self, other: Span) -> bool:
        """Returns whether the two spans share a step."""
        return self.first <= other.last and other.first <= self.last


def spans(anomalous: NDArray[np.bool_], *, apart: int = 1) -> list[Span]:
    """Returns the runs of anomalous steps; runs closer than `apart` steps are merged.

    Example:  >>> spans(np.array([0, 1, 1, 0, 1, 0, 0, 0, 1]) > 0, apart=2)
              [Span(first=1, last=4), Span(first=8, last=8)]
    """
    runs: list[Span] = []
    for step in np.flatnonzero(anomalous).tolist():
        if runs and step - runs[-1].last <= apart:
            runs[-1] = Span(runs[-1].first, step)
        else:
            runs.append(Span(step, step))
    return runs


def anomaly_labels_of(frame: Frame, name: str) -> NDArray[np.bool_]:
    """Returns which steps are labeled as anomalies; an empty cell means no.

    Raises:   DataError for a label that means neither yes nor no.
    """
    column = frame[name]
    if column.kind == "number":
        return np.nan_to_num(column.values) != 0
    texts = [(text or "no").strip().lower() for text in column.texts()]
    unknown = next((row for row, text in enumerate(texts) if text not in (*_YES, *_NO)), None)
    if unknown is not None:
        raise DataError(
            f"the labels in '{name}' must say which steps are anomalies",
            got=f"'{column.show(unknown)}' in row {frame.rows[unknown]}",
            allowed="1 or 0, yes or no, an empty cell for no",
        )
    return np.array([text in _YES for text in texts])

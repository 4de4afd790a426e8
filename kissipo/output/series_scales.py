"""The scale of each series of a file: a net learns all of them on one scale.

z = (x - mean) / std, with the mean and the std of the training steps of the series.

Example:  >>> from kissipo.core.frame import Frame, numbers, strings
          >>> names, values = strings("id", ["a", "a", "b"]), numbers("y", [1, 3, 9])
          >>> frame = Frame((names, values))
          >>> scales = SeriesScales("id", ("y",)).fit(frame)
          >>> scales.scaled(frame)["y"].values.tolist()
          [-1.0, 1.0, 0.0]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from kissipo.core.frame import Frame, numbers
from kissipo.core.json_object import JsonObject
from kissipo.core.text import list_some


class SeriesScales:
    """The mean and the standard deviation of each column in each series.

    column:   the column that names the series
    names:    the columns that are scaled
    """

    def __init__(self, column: str, names: Sequence[str]) -> None:
        self.column, self.names = column, tuple(names)
        self.scales: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}

    def fit(self, frame: Frame) -> Self:
        """Takes the scales from the training steps of all series."""
        for series, rows in self.rows(frame).items():
            self.scales[series] = self._measure(frame.take(rows))
        return self

    def of(self, series: str, steps: Frame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Returns center and spread of a series; those of its steps if it is new."""
        return self.scales[series] if series in self.scales else self._measure(steps)

    def scaled(self, frame: Frame) -> Frame:
        """Returns the frame with every series on its own scale."""
        columns = {name: frame[name].values.copy() for name in self.names}
        for series, rows in self.rows(frame).items():
            center, spread = self.of(series, frame.take(rows))
            for position, name in enumerate(self.names):
                columns[name][rows] = (columns[name][rows] - center[position]) / spread[position]
        return frame.replaced(*(numbers(name, values) for name, values in columns.items()))

    def rows(self, frame: Frame) -> dict[str, NDArray[np.int64]]:
        """Returns the rows of each series, in the order in which the series begin."""
        return frame[self.column].rows_by_text()

    def past(self, frame: Frame, targets: Sequence[str]) -> Frame:
        """Returns the scaled steps that are not to come: those with a target."""
        missing = [frame[name].missing for name in targets if name in frame]
        rows = np.flatnonzero(~np.all(missing, axis=0)) if missing else np.arange(len(frame))
        return self.scaled(frame).take(rows)

    def remarks(self, frame: Frame) -> list[str]:
        """Returns which series of new steps are not those of the training."""
        new = [series for series in self.rows(frame) if series not in self.scales]
        listed = list_some([f"'{series}'" for series in new], 3)
        return [f"new in '{self.column}': {listed}, on the scale of the given steps"] if new else []

    def state(self) -> JsonObject:
        """Returns the scales as JSON values."""
        scales = {
            series: [center.tolist(), spread.tolist()]
            for series, (center, spread) in self.scales.items()
        }
        return {"column": self.column, "names": list(self.names), "scales": scales}

    @classmethod
    def from_state(cls, state: JsonObject) -> Self:
        """Restores scales from their `state`."""
        scales = cls(state["column"], state["names"])
        scales.scales = {
            series: (np.asarray(center), np.asarray(spread))
            for series, (center, spread) in state["scales"].items()
        }
        return scales

    def _measure(self, steps: Frame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        values = np.stack([steps[name].values for name in self.names], axis=1)
        present = ~np.isnan(values)
        counts = np.maximum(present.sum(axis=0), 1)
        center = np.where(present, values, 0.0).sum(axis=0) / counts
        squares = np.where(present, np.square(values - center), 0.0).sum(axis=0) / counts
        spread = np.sqrt(squares)
        return center, np.where(spread > 0, spread, 1.0)

"""Explanation: one step of a lesson, with a sentence, arrays, a table and windows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kissipo.core.json_object import JsonObject
from kissipo.core.numpy_array import NumpyArray
from kissipo.inspect.conv_windows import Window

Cell = str | int | float


@dataclass(frozen=True)
class Figure:
    """An array with its name."""

    name: str
    values: NumpyArray

    def to_json(self) -> JsonObject:
        """Returns the name, the shape and all values."""
        return {"name": self.name, "shape": list(self.values.shape), "values": self.values.tolist()}


@dataclass(frozen=True)
class Explanation:
    """One step of a lesson.

    titles, rows:  a table, or nothing
    windows:       the name of each filter with its windows
    """

    title: str
    description: str
    figures: tuple[Figure, ...] = ()
    titles: tuple[str, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    windows: tuple[tuple[str, tuple[Window, ...]], ...] = ()

    def to_json(self) -> JsonObject:
        """Returns all values."""
        return {
            "title": self.title,
            "description": self.description,
            "figures": [figure.to_json() for figure in self.figures],
            "table": [dict(zip(self.titles, row, strict=True)) for row in self.rows],
            "windows": [
                {"filter": name, **window.to_json()}
                for name, places in self.windows
                for window in places
            ],
        }


def figure(name: str, values: object) -> Figure:
    """Returns an array, or lists of numbers, with a name."""
    return Figure(name, np.asarray(values))

"""Explained: one thought of a lesson with its numbers: a sentence, arrays side by side, a table, windows of filters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kissipo.inspect.conv_windows import Window

Cell = str | int | float


@dataclass(frozen=True)
class Figure:
    """An array under its name, whole."""

    name: str
    values: NDArray[Any]

    def to_json(self) -> dict[str, Any]:
        """Its shape and all its values."""
        return {"name": self.name, "shape": list(self.values.shape), "values": self.values.tolist()}


@dataclass(frozen=True)
class Explanation:
    """One thought.

    titles, rows:  a table, or nothing
    windows:       of each filter, by its name
    """

    title: str
    description: str
    figures: tuple[Figure, ...] = ()
    titles: tuple[str, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    windows: tuple[tuple[str, tuple[Window, ...]], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Everything, nothing cut."""
        return {
            "title": self.title,
            "description": self.description,
            "figures": [each.to_json() for each in self.figures],
            "table": [dict(zip(self.titles, row, strict=True)) for row in self.rows],
            "windows": [
                {"filter": name, **each.to_json()} for name, found in self.windows for each in found
            ],
        }


def figure(name: str, values: Any) -> Figure:
    """An array, or lists of numbers, under a name."""
    return Figure(name, np.asarray(values))

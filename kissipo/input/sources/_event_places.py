"""The places in which events are counted: names, the cells of a grid, or zones.

Example:  >>> import numpy as np
          >>> grid = Places.of_grid((0, 0, 2, 2), (2, 2))
          >>> grid.names
          ('x1 y1', 'x1 y2', 'x2 y1', 'x2 y2')
          >>> x, y = np.array([0.5, 2.0, 3.0]), np.array([1.5, 2.0, 0.0])
          >>> grid.of_points(x, y).tolist()
          [1, 3, -1]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.neighbors import NearestNeighbors

from kissipo.core.frame import Column
from kissipo.core.json_object import JsonObject

_MAX_POINTS = 20_000  # from which zones are computed
Points = NDArray[np.float64]
Indices = NDArray[np.int64]
Link = tuple[str, str]


@dataclass(frozen=True)
class Places:
    """All places, in their order.

    names:      of the places
    x, y:       their positions, or the centers of cells and zones; empty if not known
    neighbors:  the numbers of the places beside each one
    bounds:     of a grid: x_min, y_min, x_max, y_max
    shape:      of a grid: the number of cells along x and along y
    used:       of a grid: the cells that are places, as numbers in the whole grid
    is_nearest: whether a point belongs to the nearest place
    """

    names: tuple[str, ...]
    x: tuple[float, ...] = ()
    y: tuple[float, ...] = ()
    neighbors: tuple[tuple[int, ...], ...] = ()
    bounds: tuple[float, ...] = ()
    shape: tuple[int, ...] = ()
    used: tuple[int, ...] = ()
    is_nearest: bool = False

    def __len__(self) -> int:
        return len(self.names)

    @classmethod
    def of_grid(cls, bounds: Sequence[float], shape: Sequence[int]) -> Self:
        """Returns the cells of a grid over a rectangle."""
        x_edges, y_edges = _edges(bounds, shape)
        x = np.repeat((x_edges[1:] + x_edges[:-1]) / 2, shape[1])
        y = np.tile((y_edges[1:] + y_edges[:-1]) / 2, shape[0])
        names = tuple(
            f"x{column + 1} y{row + 1}" for column in range(shape[0]) for row in range(shape[1])
        )
        return cls(
            names,
            tuple(x.tolist()),
            tuple(y.tolist()),
            bounds=tuple(map(float, bounds)),
            shape=tuple(shape),
            used=tuple(range(len(names))),
        )

    @classmethod
    def of_zones(cls, x: Points, y: Points, count: int) -> Self:
        """Returns zones around the centers that k-means finds."""
        points = np.stack([x, y], axis=1)
        some = np.linspace(0, len(points) - 1, min(len(points), _MAX_POINTS)).astype(np.int64)
        model = KMeans(count, n_init=4, random_state=0).fit(points[some])
        centers = model.cluster_centers_[np.lexsort(model.cluster_centers_.T[::-1])]
        names = tuple(f"zone {number + 1}" for number in range(count))
        x_centers, y_centers = (tuple(column) for column in centers.T.tolist())
        return cls(names, x_centers, y_centers, is_nearest=True)

    def of_points(self, x: Points, y: Points) -> Indices:
        """Returns the place of each point, -1 for a point outside."""
        if self.is_nearest:
            finder = NearestNeighbors(n_neighbors=1).fit(np.stack([self.x, self.y], axis=1))
            return np.asarray(finder.kneighbors(np.stack([x, y], axis=1))[1][:, 0])
        column, row = (
            _interval(edges, values)
            for edges, values in zip(_edges(self.bounds, self.shape), (x, y), strict=True)
        )
        number = np.full(self.shape[0] * self.shape[1] + 1, -1, dtype=np.int64)
        number[np.array(self.used)] = np.arange(len(self.used))
        outside = (column < 0) | (row < 0)
        return number[np.where(outside, len(number) - 1, column * self.shape[1] + row)]

    def of_names(self, column: Column) -> Indices:
        """Returns the place of each row of a column of names, -1 for an unknown one."""
        return column.positions(self.names, absent=-1)

    def only(self, places: Indices) -> Places:
        """Returns some of the places."""

        def some(values: tuple[float, ...]) -> tuple[float, ...]:
            return tuple(values[place] for place in places.tolist()) if values else ()

        names = tuple(self.names[place] for place in places.tolist())
        used = tuple(self.used[place] for place in places.tolist()) if self.used else ()
        return replace(self, names=names, x=some(self.x), y=some(self.y), used=used)

    def with_links(self, links: Sequence[Link]) -> Places:
        """Returns the places with those that are linked as neighbors, both ways."""
        number = {name: place for place, name in enumerate(self.names)}
        linked: list[set[int]] = [set() for _ in self.names]
        for first, second in links:
            if first in number and second in number and first != second:
                linked[number[first]].add(number[second])
                linked[number[second]].add(number[first])
        return replace(self, neighbors=tuple(tuple(sorted(some)) for some in linked))

    def with_nearest(self, count: int) -> Places:
        """Returns the places with the nearest ones as neighbors; none without
        positions."""
        count = min(count, len(self) - 1)
        if not self.x or count < 1:
            return self
        points = np.stack([self.x, self.y], axis=1)
        order = NearestNeighbors(n_neighbors=count + 1).fit(points).kneighbors(points)[1]
        nearest = [
            [other for other in row.tolist() if other != place][:count]
            for place, row in enumerate(order)
        ]
        return replace(self, neighbors=tuple(map(tuple, nearest)))

    def mean_of_neighbors(self, values: Points) -> Points:
        """Returns the mean over the neighbors of each place (place, time); 0 without
        any."""
        out = np.zeros_like(values)
        for place, others in enumerate(self.neighbors):
            if others:
                out[place] = values[list(others)].mean(axis=0)
        return out

    def state(self) -> JsonObject:
        """Returns the places as JSON values."""
        return {
            name: [list(item) if isinstance(item, tuple) else item for item in value]
            if isinstance(value, tuple)
            else value
            for name, value in vars(self).items()
        }

    @classmethod
    def from_state(cls, state: JsonObject) -> Self:
        """Restores the places from their `state`."""
        plain = {name: tuple(value) for name, value in state.items() if isinstance(value, list)}
        plain["neighbors"] = tuple(map(tuple, state["neighbors"]))
        return cls(**{**state, **plain})


def _edges(bounds: Sequence[float], shape: Sequence[int]) -> tuple[Points, Points]:
    x_min, y_min, x_max, y_max = bounds
    return np.linspace(x_min, x_max, shape[0] + 1), np.linspace(y_min, y_max, shape[1] + 1)


def _interval(edges: Points, values: Points) -> Indices:
    """Returns the interval of each value as numpy.histogram does: the last one holds
    its end; -1 outside."""
    index = np.searchsorted(edges, values, side="right") - 1
    index[values == edges[-1]] = len(edges) - 2
    return np.where(index >= len(edges) - 1, -1, index)

"""SOM: a self-organizing map: a grid of units that unrolls over the samples.

Each unit has a vector of the data. The best unit of a sample is the nearest one, and
the sample has the place of its best unit on the grid: x the column, y the row.

h(u, v) = exp(-|u - v|^2 / (2 sigma^2))      u, v: places on the grid
batch     w_u = sum over x of h(u, best(x)) x / sum over x of h(u, best(x))
online    w_u += rate · h(u, best(x)) (x - w_u), sample by sample in random order

sigma falls from sigma_start to sigma_end over the epochs, geometrically, so that the
grid first finds its order and then its details; the rate of online training falls the
same. The start lies in the plane of the two largest components of the data.

Shapes:   any numbers -> (batch, feature), flattened -> (batch, 2)
Source:   Kohonen 1982; batch training: Kohonen, Self-Organizing Maps, 2001. U-matrix:
          Ultsch and Siemon 1990.
Raises:   ShapeError for another map than one of two dimensions.
Example:  >>> from kissipo.core.tensor_spec import TensorSpec
          >>> row = TensorSpec("row", ("feature",), (4,))
          >>> spec = TensorSpec("map", ("dimension",), (2,))
          >>> net = build((row,), (spec,), Options(grid=(3, 5)))
          >>> net(torch.zeros(3, 4)).shape
          torch.Size([3, 2])
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from kissipo.core.batch import Batch
from kissipo.core.description import Chart, Detail, Gallery, Image, Line, Record, Section, Weights
from kissipo.core.errors import ShapeError, TaskError
from kissipo.core.inferred_option import DataFacts, InferredOption
from kissipo.core.protocols import Combined, Source
from kissipo.core.schema import option
from kissipo.core.seeds import numpy_generator
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.nets._maps import (
    MapNet,
    feature_names,
    principal_axes,
    squared_distances,
)

Rows = NDArray[np.float64]
ALGORITHMS = ("closed_form",)
MAPS = True
_UNITS_PER_ROOT, _MAX_UNITS, _MAX_PLANES = 5, 2_500, 24
_NEXT = 1.5  # grid distance below which units are next to each other, also diagonally
_RATE_END = 0.01
_PIXELS_PER_UNIT = 12  # of a component plane


@dataclass(frozen=True)
class Options:
    """The options of a self-organizing map."""

    grid: tuple[int, ...] | None = option(
        None, "rows and columns of the grid; one number for a square", minimum=1
    )
    training: Literal["batch", "online"] = option(
        "batch", "all samples at once, or one after the other in random order"
    )
    epochs: int = option(30, "passes over all samples", minimum=1)
    sigma_start: float | None = option(
        None,
        "width of the neighborhood at the start; a quarter of the longer side when omitted",
        above=0,
    )
    sigma_end: float = option(0.2, "width of the neighborhood at the end", above=0)
    rate_start: float = option(
        0.5, "how far online training moves a unit at the start", above=0, maximum=1
    )


def build(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
) -> nn.Module:
    """Builds the net for these columns, with random units."""
    return Som(inputs, outputs, options)


def required_options(facts: DataFacts) -> tuple[InferredOption, ...]:
    """Returns the grid: about five units per root of the number of samples."""
    side = max(2, ceil(sqrt(_UNITS_PER_ROOT * sqrt(facts.samples))))
    side = min(side, int(sqrt(_MAX_UNITS)))
    reason = f"about 5 units per root of {facts.samples:,} samples"
    return (InferredOption("process.grid", [side, side], reason),)


def details(net: nn.Module, labels: Sequence[str]) -> dict[str, Detail]:
    """Returns how the errors fell, the U-matrix, the hits and the planes."""
    return {"som": net.describe_solution()} if isinstance(net, Som) else {}


class BestUnit(nn.Module):
    """The grid: the vector of each unit, and the place of the nearest one.

    Shapes:   (batch, feature) -> (batch, 2), column and row
    """

    vectors: Tensor

    def __init__(self, rows: int, columns: int, width: int) -> None:
        super().__init__()
        self.rows, self.columns = rows, columns
        self.register_buffer("vectors", torch.randn(rows * columns, width, dtype=torch.float64))

    @property
    def DESCRIPTION(self) -> str:  # noqa: N802
        return f"the place of the nearest of {self.rows} x {self.columns} units"

    def forward(self, rows: Tensor) -> Tensor:
        return self.places_of(squared_distances(rows, self.vectors).argmin(dim=1))

    def explain(self, index: tuple[int, ...], rows: Tensor) -> tuple[list[Source], Combined]:
        """Returns the coordinate of the nearest unit."""
        row, axis = index
        unit = int(squared_distances(rows[row : row + 1], self.vectors).argmin())
        place = self.places_of(torch.tensor(unit))[axis]
        return [Source("grid", (unit, axis), place)], "sum"

    def places_of(self, units: Tensor) -> Tensor:
        """Returns the column and the row of units by their numbers."""
        columns, rows = units % self.columns, units // self.columns
        return torch.stack([columns, rows], dim=-1).double()


class Som(MapNet):
    """Places samples on a grid of units."""

    MEASURES = ("distance_to_unit", "is_torn")

    hits: Tensor
    history: Tensor

    def __init__(
        self, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
    ) -> None:
        super().__init__("som", inputs, outputs)
        grid = options.grid or (1, 1)
        if self.dimensions != 2:
            raise ShapeError(
                "a self-organizing map has a grid of two dimensions",
                got=f"output.map={self.dimensions}",
                allowed="output.map=2",
            )
        if len(grid) > 2 or grid[0] * grid[-1] > _MAX_UNITS:
            raise TaskError(
                "process.grid is the number of rows and of columns",
                got=" x ".join(map(str, grid)),
                allowed=f"two numbers, with at most {_MAX_UNITS:,} units",
            )
        self.options, self.specs = options, inputs
        self.names = feature_names(inputs)
        self.unit = BestUnit(grid[0], grid[-1], self.width)
        self.register_buffer("hits", torch.zeros(grid[0] * grid[-1], dtype=torch.int64))
        history = torch.zeros(options.epochs, 3, dtype=torch.float64)
        self.register_buffer("history", history)

    def forward(self, *inputs: Tensor) -> Tensor:
        placed: Tensor = self.unit(self.rows(*inputs))
        return placed

    def measure(self, *inputs: Tensor) -> Tensor:
        """Returns the distance to the best unit, and whether the second best one is not
        next to it."""
        squares = squared_distances(self.rows(*inputs), self.unit.vectors)
        count = min(2, squares.shape[1])
        near = squares.topk(count, dim=1, largest=False)
        first, second = (self.unit.places_of(near.indices[:, place]) for place in (0, count - 1))
        apart = torch.linalg.vector_norm(first - second, dim=1) > _NEXT
        return torch.stack([near.values[:, 0].sqrt(), apart.double()], dim=1)

    def solve(self, samples: Iterable[Batch], seed: int) -> str:
        """Trains the grid, and records the errors after every epoch."""
        rows = self.read(samples)
        vectors = self._start(rows)
        grid = self.unit.places_of(torch.arange(len(vectors))).numpy()
        gaps = ((grid[:, None] - grid[None]) ** 2).sum(axis=2)
        history = []
        for epoch in range(self.options.epochs):
            sigma = self._sigma(epoch)
            if self.options.training == "batch":
                vectors = batch_epoch(rows, vectors, gaps, sigma)
            else:
                order = numpy_generator(seed, "som", epoch).permutation(len(rows))
                vectors = self._online_epoch(rows[order], vectors, gaps, epoch)
            history.append([sigma, *errors(rows, vectors, gaps)])
        self.unit.vectors = torch.from_numpy(vectors)
        self.history = torch.tensor(history, dtype=torch.float64)
        best = nearest(rows, vectors)
        self.hits = torch.from_numpy(np.bincount(best, minlength=len(vectors)).astype(np.int64))
        return (
            f"solved in {self.options.epochs} epochs of {self.options.training} training: "
            f"quantization error {history[-1][1]:.4f}, topographic error {history[-1][2]:.1%}"
        )

    def _start(self, rows: Rows) -> Rows:
        """Returns vectors in the plane of the two largest components of the data."""
        lengths, axes = principal_axes(rows - rows.mean(axis=0), 2)
        places = self.unit.places_of(torch.arange(len(self.unit.vectors))).numpy()
        sides = np.array([self.unit.columns, self.unit.rows])
        along = 2 * places / np.maximum(sides - 1, 1) - np.minimum(sides - 1, 1)
        if self.unit.rows > self.unit.columns:
            along = along[:, ::-1]
        return np.asarray(rows.mean(axis=0) + along[:, : len(axes)] * lengths @ axes)

    def _sigma(self, epoch: float) -> float:
        """Returns the width of the neighborhood, which falls geometrically."""
        last = self.options.sigma_end
        first = self.options.sigma_start or max(last, max(self.unit.rows, self.unit.columns) / 4)
        return float(first * (last / first) ** self._done(epoch))

    def _done(self, epoch: float) -> float:
        return epoch / max(1, self.options.epochs - 1)

    def _online_epoch(self, rows: Rows, vectors: Rows, gaps: Rows, epoch: int) -> Rows:
        first = self.options.rate_start
        last = min(first, _RATE_END)
        for step, row in enumerate(rows):
            now = min(epoch + step / len(rows), self.options.epochs - 1)
            rate = first * (last / first) ** self._done(now)
            difference = row - vectors
            best = int((difference**2).sum(axis=1).argmin())
            strength = rate * np.exp(-gaps[best] / (2 * self._sigma(now) ** 2))
            vectors = vectors + strength[:, None] * difference
        return vectors

    def describe_solution(self) -> Detail:
        """Returns the errors per epoch, the U-matrix, the hits and the planes."""
        history = self.history.tolist()
        _, error, torn = history[-1]
        empty = int((self.hits == 0).sum())
        sentence = (
            f"{self.unit.rows} x {self.unit.columns} units, of which {empty} have no sample; "
            f"quantization error {error:.4f}, topographic error {torn:.1%}."
        )
        value = {
            "quantization_error": error,
            "topographic_error": torn,
            "grid": [self.unit.rows, self.unit.columns],
            "empty_units": empty,
            "by_epoch": [row[1:] for row in history],
        }
        charts = [
            Chart(
                {name: list(enumerate((row[place] for row in history), 1))},
                "epoch",
                name,
                height=180,
            )
            for place, name in enumerate(("sigma", "quantization error", "topographic error"))
        ]
        matrix = u_matrix(self.unit.vectors.numpy(), self.unit.rows, self.unit.columns)
        counts = self.hits.reshape(self.unit.rows, self.unit.columns).numpy()
        return Detail(
            value,
            summary=[Line(sentence)],
            sections=[
                Section("Training of the grid", [Line(sentence), *charts]),
                Section("Units", [
                    *self._grid("U-matrix: mean distance to the next units", matrix),
                    Line("Dark ridges divide groups of similar units.", "dim"),
                    *self._grid("hits: samples per unit", counts),
                ]),
                Section("What the units stand for", self._planes()),
            ],
        )  # fmt: skip

    def _grid(self, name: str, values: NDArray[np.generic]) -> list[Record]:
        """Returns numbers of all units as a map and its name; row 0 is at the end."""
        numbers = values.astype(np.float64)[::-1]
        top = float(numbers.max()) or 1.0
        weights = Weights(
            f"{name.partition(':')[0]}: 1 is {top:.4g}",
            [f"row {row}" for row in range(self.unit.rows - 1, -1, -1)],
            [f"column {column}" for column in range(self.unit.columns)],
            (numbers / top).tolist(),
        )
        return [Line(f"{name}; the darkest is {top:.4g}"), weights]

    def _planes(self) -> Sequence[Record]:
        """Returns the vectors of all units as images, or one plane per column."""
        rows, columns = self.unit.rows, self.unit.columns
        vectors = self.unit.vectors.reshape(rows, columns, -1).flip(0)
        (spec, *others) = self.specs
        if not others and spec.is_image:
            channels, height, width = spec.shape
            images = vectors.reshape(rows, columns, channels, height, width).clamp(0, 1)
            images = functional.pad(images, (0, 1, 0, 1), value=0.5)  # a line between units
            sheet = images.permute(2, 0, 3, 1, 4).flatten(1, 2).flatten(2)
            text = "Each unit as an image, at its place on the grid."
            return [Line(text), Gallery([[Image(sheet.float())]], [""])]
        groups, captions = [], []
        for number in range(min(self.width, _MAX_PLANES)):
            plane = vectors[..., number]
            low, high = float(plane.min()), float(plane.max())
            shares = (plane - low) / ((high - low) or 1.0)
            pixels = shares.repeat_interleave(_PIXELS_PER_UNIT, 0)
            pixels = pixels.repeat_interleave(_PIXELS_PER_UNIT, 1)
            groups.append([Image(pixels[None].float())])
            captions.append(f"{self.names[number]}: {low:.3g} (black) to {high:.3g} (white)")
        lines: list[Record] = [Line("One plane per column, in the units of input.scale.")]
        if self.width > _MAX_PLANES:
            lines.append(Line(f"The first {_MAX_PLANES} of {self.width:,} columns.", "dim"))
        return [*lines, Gallery(groups, captions)]

    def describe_example(
        self,
        samples: tuple[Tensor, ...],
        inputs: Sequence[TensorSpec],
        outputs: Sequence[TensorSpec],
        tokens: Sequence[Sequence[str]],
    ) -> Sequence[Section]:
        """Returns the distance of this sample to every unit."""
        title = "The best unit"
        if not self.is_solved:
            return [Section(title, [Line("The training finds the units.", "dim")])]
        distances = squared_distances(self.rows(*samples)[:1], self.unit.vectors)[0].sqrt()
        best = distances.topk(min(2, len(distances)), largest=False).indices
        (column, row), *second = self.unit.places_of(best).int().tolist()
        text = (
            f"The nearest unit is in column {column}, row {row}, at a distance of "
            f"{float(distances.min()):.4f}; {int(self.hits[best[0]])} training samples are there."
        )
        for other in second:
            text += f" The second nearest one is in column {other[0]}, row {other[1]}."
        grid = distances.reshape(self.unit.rows, self.unit.columns).numpy()
        return [Section(title, [Line(text), *self._grid("distance to each unit", grid)])]


def nearest(rows: Rows, vectors: Rows, count: int = 1) -> NDArray[np.int64]:
    """Returns the number of the nearest vector of each row, or those of the nearest
    ones (row, count) in order."""
    squares = (vectors**2).sum(axis=1) - 2 * rows @ vectors.T
    if count == 1:
        return np.asarray(squares.argmin(axis=1))
    return np.argsort(squares, axis=1, kind="stable")[:, :count]


def batch_epoch(rows: Rows, vectors: Rows, gaps: Rows, sigma: float) -> Rows:
    """Returns every vector as the mean of all rows, weighted by the neighborhood of
    their best units. A unit that no row reaches keeps its vector.

    gaps:  (unit, unit) the squared distances on the grid
    """
    best = nearest(rows, vectors)
    sums, counts = np.zeros_like(vectors), np.bincount(best, minlength=len(vectors))
    np.add.at(sums, best, rows)
    strength = np.exp(-gaps / (2 * sigma**2))
    totals = strength @ counts
    reached = totals > np.finfo(np.float64).tiny
    means = strength @ sums / np.where(reached, totals, 1)[:, None]
    return np.where(reached[:, None], means, vectors)


def errors(rows: Rows, vectors: Rows, gaps: Rows) -> tuple[float, float]:
    """Returns the quantization error and the topographic error of all rows."""
    near = nearest(rows, vectors, min(2, len(vectors)))
    distances = np.sqrt(((rows - vectors[near[:, 0]]) ** 2).sum(axis=1))
    torn = np.sqrt(gaps[near[:, 0], near[:, -1]]) > _NEXT
    return float(distances.mean()), float(torn.mean())


def u_matrix(vectors: Rows, rows: int, columns: int) -> Rows:
    """Returns the mean distance of each unit to the units next to it (row, column).

    Units are next to each other also diagonally, as in MiniSom.

    Example:  >>> u_matrix(np.array([[0.0], [1.0], [4.0]]), 1, 3).tolist()
              [[1.0, 2.0, 3.0]]
    """
    grid = vectors.reshape(rows, columns, -1)
    means = np.zeros((rows, columns))
    for row, column in np.ndindex(rows, columns):
        around = grid[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2].reshape(
            -1, grid.shape[2]
        )
        lengths = np.sqrt(((around - grid[row, column]) ** 2).sum(axis=1))
        means[row, column] = lengths.sum() / max(1, len(around) - 1)
    return means

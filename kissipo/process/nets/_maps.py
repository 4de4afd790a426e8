"""Maps: what nets share that place every sample on a map of a few dimensions.

A sample is one row of numbers: the columns of a table, the pixels of an image, the term
weights of a text. Distances on the map stand for distances between these rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kissipo.core.batch import Batch
from kissipo.core.description import Section
from kissipo.core.errors import ShapeError
from kissipo.core.finding import counted
from kissipo.core.protocols import Combined, Source
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.concat_features import ConcatFeatures
from kissipo.process.nets._described_by_details import DescribedByDetails

_PIECE = 4_000_000  # distances that are computed at once


class MapNet(DescribedByDetails, nn.Module):
    """A net that is solved from all samples, and places a sample on the map.

    MEASURES:    what `measure` returns of a sample besides its place, by name
    NEW_SAMPLES: how a new sample is placed, where the net has no formula for it
    front:       a net that the samples pass first, such as a layer of a run, if any
    """

    MEASURES: tuple[str, ...] = ()
    NEW_SAMPLES = ""
    SHOWS_STEPS = True
    front: nn.Module | None

    def __init__(
        self, name: str, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]
    ) -> None:
        super().__init__()
        _check_specs(name, inputs, outputs)
        self.front = None
        self.join = ConcatFeatures(tuple(inputs))
        self.width, self.dimensions = self.join.width, outputs[0].shape[0]
        self.register_buffer("num_samples", torch.zeros((), dtype=torch.int64))

    @property
    def is_solved(self) -> bool:
        """Whether the net has seen its samples."""
        return int(self.get_buffer("num_samples")) > 0

    def rows(self, *inputs: Tensor) -> Tensor:
        """Returns samples as rows of numbers (batch, feature) in double precision."""
        if self.front is not None:
            inputs = (self.front(*inputs),)
        rows: Tensor = self.join(*inputs)
        return rows.double()

    def measure(self, *inputs: Tensor) -> Tensor:
        """Returns the numbers that MEASURES names (batch, measure)."""
        raise NotImplementedError

    def describe_example(
        self,
        samples: tuple[Tensor, ...],
        inputs: Sequence[TensorSpec],
        outputs: Sequence[TensorSpec],
        tokens: Sequence[Sequence[str]],
    ) -> Sequence[Section]:
        """Returns how the net places this sample."""
        raise NotImplementedError

    def read(self, samples: Iterable[Batch]) -> NDArray[np.float64]:
        """Returns all training samples as rows (sample, feature), and counts them."""
        with torch.no_grad():
            rows = torch.cat([self.rows(*batch.inputs) for batch in samples])
        self.num_samples = torch.tensor(len(rows))
        array: NDArray[np.float64] = rows.numpy()
        return array


class PlaneNet(MapNet):
    """A net whose map is a plane through the mean of the samples.

    too_many:  the sentence that refuses more dimensions than columns
    """

    def __init__(
        self,
        name: str,
        inputs: Sequence[TensorSpec],
        outputs: Sequence[TensorSpec],
        *,
        too_many: str,
    ) -> None:
        super().__init__(name, inputs, outputs)
        if self.dimensions > self.width:
            raise ShapeError(
                too_many,
                got=f"output.map={self.dimensions} for {counted(self.width, 'column')}",
                allowed=f"1 to {self.width}",
            )
        self.names = feature_names(inputs)
        self.center = Center(self.width)
        self.project = Projection(self.width, self.dimensions)

    def forward(self, *inputs: Tensor) -> Tensor:
        placed: Tensor = self.project(self.center(self.rows(*inputs)))
        return placed


class Center(nn.Module):
    """Subtracts the mean of the training samples.

    Shapes:   (batch, feature) -> the same
    """

    DESCRIPTION = "minus the mean"

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(width, dtype=torch.float64))

    def forward(self, rows: Tensor) -> Tensor:
        return rows - self.mean

    def explain(self, index: tuple[int, ...], rows: Tensor) -> tuple[list[Source], Combined]:
        """Returns the value, and the mean that is subtracted."""
        return [
            Source("input", index, rows[index]),
            Source("mean", index[1:], self.mean.detach()[index[1:]], -1.0),
        ], "sum"


class Projection(nn.Module):
    """Multiplies a row with each of the chosen eigenvectors.

    Shapes:   (batch, feature) -> (batch, dimension)
    """

    def __init__(self, width: int, dimensions: int) -> None:
        super().__init__()
        self.vectors = nn.Parameter(torch.eye(dimensions, width, dtype=torch.float64))

    @property
    def DESCRIPTION(self) -> str:  # noqa: N802
        return f"projection on {len(self.vectors)} of {self.vectors.shape[1]} eigenvectors"

    def forward(self, rows: Tensor) -> Tensor:
        return rows @ self.vectors.T

    def activation_products(self, output: Tensor, rows: Tensor) -> int:
        """Returns the number of products of rows with eigenvectors."""
        return self.vectors.numel() * len(rows)

    def explain(self, index: tuple[int, ...], rows: Tensor) -> tuple[list[Source], Combined]:
        """Returns the numbers of the row, each times its entry of the eigenvector."""
        row, dimension = index
        weights = self.vectors[dimension].tolist()
        return [
            Source("input", (row, feature), rows[row, feature], weight)
            for feature, weight in enumerate(weights)
        ], "sum"


def squared_distances(rows: Tensor, points: Tensor) -> Tensor:
    """Returns the squared Euclidean distances (row, point).

    Differences are taken before they are squared, so that equal rows have distance 0.

    Example:  >>> rows = torch.tensor([[0.0, 3.0]])
              >>> squared_distances(rows, torch.zeros(1, 2)).tolist()
              [[9.0]]
    """
    size = max(1, _PIECE // max(1, points.numel()))
    pieces = [(piece[:, None] - points).square().sum(dim=2) for piece in rows.split(size)]
    return torch.cat(pieces)


def principal_axes(
    centered: NDArray[np.float64], count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns the standard deviations of rows along their axes of largest variance, and
    these axes (axis, feature); the largest entry of each axis is positive.

    centered:  (sample, feature), with mean 0
    """
    _, lengths, right = np.linalg.svd(centered, full_matrices=False)
    return lengths[:count] / np.sqrt(len(centered)), signed(right[:count])


def principal_places(rows: NDArray[np.float64], dimensions: int) -> NDArray[np.float64]:
    """Returns the coordinates of rows on their axes of largest variance.

    Axes that the rows do not have are 0.
    """
    centered = rows - rows.mean(axis=0)
    places = np.zeros((len(rows), dimensions))
    axes = principal_axes(centered, dimensions)[1]
    places[:, : len(axes)] = centered @ axes.T
    return places


def signed(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns vectors (vector, entry) whose largest entry by its size is positive.

    Example:  >>> signed(np.array([[0.6, -0.8], [0.8, 0.6]])).tolist()
              [[-0.6, 0.8], [0.8, 0.6]]
    """
    places = np.abs(vectors).argmax(axis=1)
    signs = np.sign(vectors[np.arange(len(vectors)), places])
    return vectors * np.where(signs == 0, 1, signs)[:, None]


def feature_names(inputs: Sequence[TensorSpec]) -> tuple[str, ...]:
    """Returns a name for each number of a row."""
    names: list[str] = []
    for spec in inputs:
        if len(spec.labels) == spec.size:
            names += spec.labels
        elif spec.is_image:
            places = np.ndindex(*spec.shape)
            names += [f"pixel {row + 1}, {column + 1}" for _, row, column in places]
        else:
            names += [f"{spec.name} {number + 1}" for number in range(spec.size)]
    return tuple(names)


def _check_specs(name: str, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> None:
    """Raises ShapeError when an input has ids, or the output is not a map."""
    ids = next((spec for spec in inputs if spec.vocab_size), None)
    if ids is not None:
        raise ShapeError(
            f"process step '{name}' takes numbers, and '{ids.name}' is read as ids",
            got=ids.describe(),
            do=f"Leave the column out with input.drop=[{ids.name}]",
        )
    if len(outputs) != 1 or outputs[0].axes != ("dimension",):
        raise ShapeError(
            f"process step '{name}' places samples on a map",
            got=f"the output {' and '.join(spec.describe() for spec in outputs)}",
            do="Use output.map=2",
        )

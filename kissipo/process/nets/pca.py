"""PCA: principal component analysis: where samples differ most, in six steps.

1  standardize      z = (x - mean) / std, by `input.scale`; PCA takes z - mean
2  covariance       C = Z' Z / (n - 1)
3  eigenvectors     C v = lambda v
4  sort             the largest eigenvalue first
5  choose           the first k of them, which explain sum(lambda_1..k) / sum(lambda)
6  project          y = (z - mean) V_k

It equals scikit-learn's PCA, also in the signs: the largest entry of each eigenvector,
by its absolute value, is positive. With more columns than a covariance matrix can have,
the same vectors come from a singular value decomposition.

Shapes:   any numbers -> (batch, feature), flattened -> (batch, dimension)
Source:   Pearson 1901; Hotelling 1933.
Raises:   ShapeError for more dimensions than columns.
Example:  >>> from kissipo.core.tensor_spec import TensorSpec
          >>> row = TensorSpec("row", ("feature",), (4,))
          >>> net = build((row,), (TensorSpec("map", ("dimension",), (2,)),), Options())
          >>> net(torch.zeros(3, 4)).shape
          torch.Size([3, 2])
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kissipo.core.batch import Batch
from kissipo.core.description import Chart, Detail, Line, Record, Section, Table
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.nets._maps import PlaneNet, signed

ALGORITHMS = ("closed_form",)
MAPS = True
_MAX_COVARIANCE = 4_096  # columns
_MAX_COLUMNS = 30  # up to so many, the matrices of the steps are stored
_LISTED = 10  # columns in a table
_STEPS = (
    "1  standardize: z = (x - mean) / std",
    "2  covariance: C = Z' Z / (n - 1)",
    "3  eigenvalues and eigenvectors: C v = lambda v",
    "4  sort: the largest eigenvalue first",
    "5  choose k: the first ones, which explain most of the variance",
    "6  project: y = z V",
)
_NOT_SOLVED = "A trained run has the numbers of these steps: kissipo show RUN."


@dataclass(frozen=True)
class Options:
    """PCA has no options: `output.map` is the number of components."""


def build(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
) -> nn.Module:
    """Builds the net for these columns and so many dimensions."""
    return Pca(inputs, outputs)


def details(net: nn.Module, labels: Sequence[str]) -> dict[str, Detail]:
    """Returns the six steps with their numbers, and the explained variance."""
    return {"pca": net.describe_solution()} if isinstance(net, Pca) else {}


class Pca(PlaneNet):
    """Projects samples on the eigenvectors of their covariance."""

    MEASURES = ("distance_to_plane",)

    covariance: Tensor
    unsorted_values: Tensor
    unsorted_vectors: Tensor
    eigenvalues: Tensor
    total_variance: Tensor

    def __init__(self, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]) -> None:
        too_many = "PCA has no more components than columns"
        super().__init__("pca", inputs, outputs, too_many=too_many)
        size = self.width if self.width <= _MAX_COLUMNS else 0
        double = torch.float64
        self.register_buffer("covariance", torch.zeros(size, size, dtype=double))
        self.register_buffer("unsorted_values", torch.zeros(size, dtype=double))
        self.register_buffer("unsorted_vectors", torch.zeros(size, size, dtype=double))
        self.register_buffer("eigenvalues", torch.zeros(self.width, dtype=double))
        self.register_buffer("total_variance", torch.zeros((), dtype=double))

    def measure(self, *inputs: Tensor) -> Tensor:
        """Returns the distance of each sample to the plane of the map."""
        rows = self.center(self.rows(*inputs))
        back = self.project(rows) @ self.project.vectors
        return torch.linalg.vector_norm(rows - back, dim=1)[:, None]

    @property
    def shares(self) -> NDArray[np.float64]:
        """The share of the variance of every component, the largest first."""
        shares: NDArray[np.float64] = (self.eigenvalues / self.total_variance).numpy()
        return shares

    def solve(self, samples: Iterable[Batch], seed: int) -> str:
        """Computes the six steps from all samples."""
        rows = self.read(samples)
        mean = rows.mean(axis=0)
        values, vectors = self._eigenvectors(rows - mean)
        self.center.mean.data = torch.from_numpy(mean)
        self.project.vectors.data = torch.from_numpy(vectors[: self.dimensions].copy())
        self.eigenvalues = torch.zeros_like(self.eigenvalues)
        self.eigenvalues[: len(values)] = torch.from_numpy(values)
        self.total_variance = torch.tensor(((rows - mean) ** 2).sum() / (len(rows) - 1))
        share = float(self.shares[: self.dimensions].sum())
        return (
            f"solved in one pass: {self.dimensions} of {self.width} components explain {share:.1%} "
            f"of the variance of {len(rows):,} samples"
        )

    def _eigenvectors(
        self, rows: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Returns the eigenvalues and the eigenvectors (component, feature), sorted."""
        if self.width > _MAX_COVARIANCE:
            _, lengths, right = np.linalg.svd(rows, full_matrices=False)
            return lengths**2 / (len(rows) - 1), signed(right)
        covariance = rows.T @ rows / (len(rows) - 1)
        values, columns = np.linalg.eigh(covariance)
        vectors = signed(columns.T)
        if len(self.unsorted_values):
            self.covariance = torch.from_numpy(covariance)
            self.unsorted_values = torch.from_numpy(values)
            self.unsorted_vectors = torch.from_numpy(vectors)
        order = np.argsort(-values, kind="stable")
        return np.clip(values[order], 0, None), vectors[order]

    def describe_solution(self) -> Detail:
        """Returns the explained variance of each component, and the six steps."""
        shares = self.shares.tolist()
        total = sum(shares[: self.dimensions])
        sentence = (
            f"{self.dimensions} of {self.width} components explain {total:.1%} of the variance."
        )
        sums = np.cumsum(shares).tolist()
        chart = Chart(
            {"explained variance": list(enumerate(sums, 1))},
            "components",
            "share of the variance",
            height=180,
            marker=float(self.dimensions),
            marker_name="the components of this map",
        )
        value = {"explained_variance": total, "by_component": shares[:_MAX_COLUMNS]}
        steps = Section("PCA in six steps", self._steps(None))
        return Detail(
            value,
            summary=[Line(sentence)],
            sections=[Section("Explained variance", [Line(sentence), chart]), steps],
        )

    def describe_example(
        self,
        samples: tuple[Tensor, ...],
        inputs: Sequence[TensorSpec],
        outputs: Sequence[TensorSpec],
        tokens: Sequence[Sequence[str]],
    ) -> Sequence[Section]:
        """Returns the six steps with the numbers of this sample."""
        return [Section("PCA in six steps", self._steps(self.rows(*samples)[0]))]

    def _steps(self, row: Tensor | None) -> Sequence[Record]:
        """Returns one section per step; `row` is the sample that is projected."""
        if not self.is_solved:
            return [*map(Line, _STEPS), Line(_NOT_SOLVED, "dim")]
        steps = [
            ("1  standardize", self._standardized(row)),
            ("2  covariance", self._covariance()),
            ("3  eigenvalues and eigenvectors", self._unsorted()),
            ("4  sort", self._sorted()),
            ("5  choose k", self._choice()),
            ("6  project", self._projected(row)),
        ]
        return [Section(title, records) for title, records in steps]

    def _standardized(self, row: Tensor | None) -> list[Record]:
        text = (
            "The inputs have the units of input.scale: standard is (x - mean) / std. "
            "PCA subtracts the mean of its inputs."
        )
        if row is None:
            return [Line(text)]
        mean = self.center.mean.detach()
        listed = [
            [name, f"{row[number]:.6g}", f"{mean[number]:.6g}", f"{row[number] - mean[number]:.6g}"]
            for number, name in enumerate(self.names[:_LISTED])
        ]
        titles = ["column", "of this sample", "mean", "z: the difference"]
        return [Line(text), Table(titles, listed, numbers=(1, 2, 3)), *self._rest()]

    def _covariance(self) -> list[Record]:
        text = (
            f"C = Z' Z / (n - 1), a matrix of {self.width:,} x {self.width:,} numbers from "
            f"{int(self.get_buffer('num_samples')):,} samples. The diagonal has the variances, "
            f"whose sum is {float(self.total_variance):.6g}."
        )
        if self.width > _MAX_COVARIANCE:
            text = (
                f"C = Z' Z / (n - 1) would have {self.width**2:,} numbers, so that it is not "
                "formed: the singular value decomposition Z = U S V' has the same vectors V."
            )
        if not len(self.covariance):
            return [Line(text)]
        names = self.names[:_LISTED]
        rows = [
            [name, *(f"{value:.4f}" for value in self.covariance[number, : len(names)].tolist())]
            for number, name in enumerate(names)
        ]
        table = Table(["", *names], rows, numbers=range(1, 1 + len(names)))
        return [Line(text), table, *self._rest()]

    def _unsorted(self) -> list[Record]:
        text = (
            "C v = lambda v: an eigenvector v is a direction, and its eigenvalue lambda the "
            "variance of the samples along it. The largest entry of each vector is positive."
        )
        if not len(self.unsorted_values):
            return [Line(text)]
        names = self.names[:_LISTED]
        rows = [
            [f"{value:.6f}", *(f"{entry:.4f}" for entry in vector[: len(names)])]
            for value, vector in zip(
                self.unsorted_values.tolist(), self.unsorted_vectors.tolist(), strict=True
            )
        ]
        table = Table(["lambda", *names], rows[:_MAX_COLUMNS], numbers=range(1 + len(names)))
        return [Line(text), table, *self._rest()]

    def _sorted(self) -> list[Record]:
        shares, sums = self.shares.tolist(), np.cumsum(self.shares).tolist()
        rows = [
            [f"{number + 1}", f"{value:.6f}", f"{shares[number]:.2%}", f"{sums[number]:.2%}"]
            for number, value in enumerate(self.eigenvalues[:_MAX_COLUMNS].tolist())
        ]
        titles = ["component", "lambda", "share of the variance", "sum of the shares"]
        return [Line("The largest eigenvalue comes first."), Table(titles, rows, numbers=range(4))]

    def _choice(self) -> list[Record]:
        share = float(self.shares[: self.dimensions].sum())
        text = (
            f"k = {self.dimensions}, from output.map. The chosen components explain {share:.2%} of "
            f"the variance, and {1 - share:.2%} is lost."
        )
        return [Line(text)]

    def _projected(self, row: Tensor | None) -> list[Record]:
        text = "y = z V: each coordinate is the sum of the products of z with one eigenvector."
        vectors = self.project.vectors.detach()
        if row is None:
            names = ["column", *(f"v{number + 1}" for number in range(self.dimensions))]
            rows = [
                [name, *(f"{value:.4f}" for value in vectors[:, number].tolist())]
                for number, name in enumerate(self.names[:_LISTED])
            ]
            table = Table(names, rows, numbers=range(1, len(names)))
            return [Line(text), table, *self._rest()]
        z = row - self.center.mean.detach()
        titles = ["column", "z"]
        for number in range(self.dimensions):
            titles += [f"v{number + 1}", f"z · v{number + 1}"]
        rows = []
        for number, name in enumerate(self.names[:_LISTED]):
            cells = [name, f"{z[number]:.4f}"]
            for vector in vectors:
                cells += [f"{vector[number]:.4f}", f"{z[number] * vector[number]:.4f}"]
            rows.append(cells)
        placed = (vectors @ z).tolist()
        total = ["sum of all columns", ""]
        for value in placed:
            total += ["", f"{value:.6f}"]
        table = Table(titles, [*rows, total], numbers=range(1, len(titles)))
        return [Line(text), table, *self._rest()]

    def _rest(self) -> list[Record]:
        more = self.width - _LISTED
        return [Line(f"{more:,} more columns are not listed.", "dim")] if more > 0 else []

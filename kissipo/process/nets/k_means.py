"""k-means: clusters around centers, with the elbow and the silhouette (scikit-learn).

A sample belongs to the nearest center, and a center is the mean of its samples; both
steps alternate until nothing changes. The best of 10 starts counts (k-means++).

inertia     the sum of squared distances to the nearest center: it always falls with k,
            and has an elbow where more clusters help little
silhouette  (b - a) / max(a, b), the mean distances to the own and to the next cluster:
            near 1 for clear clusters, 0 for touching ones

Without process.n_clusters, the number with the largest silhouette is taken, from 2 to
10. The map shows the samples on their principal components, colored by their cluster.

Shapes:   any numbers -> (batch, feature), flattened -> (batch, dimension)
Source:   Lloyd 1957; Arthur and Vassilvitskii 2007 (k-means++); Rousseeuw 1987.
Raises:   TaskError for more clusters than different samples.
Example:  >>> from kissipo.core.tensor_spec import TensorSpec
          >>> row = TensorSpec("row", ("feature",), (4,))
          >>> net = build((row,), (TensorSpec("map", ("dimension",), (2,)),), Options())
          >>> net(torch.zeros(3, 4)).shape
          torch.Size([3, 2])
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kissipo.core.batch import Batch
from kissipo.core.description import Chart, Detail, Line, Section, Table
from kissipo.core.errors import TaskError
from kissipo.core.inferred_option import DataFacts, InferredOption
from kissipo.core.schema import option
from kissipo.core.seeds import drawn
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.resized_buffers import ResizedBuffers
from kissipo.process.nets._maps import (
    PlaneNet,
    principal_axes,
    squared_distances,
)

if TYPE_CHECKING:
    from sklearn.cluster import KMeans

ALGORITHMS = ("closed_form",)
MAPS = True
_MAX_TRIED, _STARTS, _FEWER_STARTS = 10, 10, 3
_COMPARED = 2_000  # samples whose silhouette is computed
_LISTED = 10


@dataclass(frozen=True)
class Options:
    """The options of k-means."""

    n_clusters: int | None = option(
        None, "number of clusters; the one with the largest silhouette when omitted", minimum=2
    )


def build(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
) -> nn.Module:
    """Builds the net, which has no centers yet."""
    return KMeansMap(inputs, outputs, options)


def required_options(facts: DataFacts) -> tuple[InferredOption, ...]:
    """Returns nothing: the net finds the number of clusters itself.

    Raises:   TaskError for more clusters than samples.
    """
    _refuse_many(facts.process.get("n_clusters") or 0, facts.samples, "samples")
    return ()


def details(net: nn.Module, labels: Sequence[str]) -> dict[str, Detail]:
    """Returns the elbow, the silhouettes and the centers."""
    return {"k_means": net.describe_solution()} if isinstance(net, KMeansMap) else {}


class Centers(ResizedBuffers):
    """The centers, and what was tried.

    vectors:  (cluster, feature)
    sizes:    (cluster) the number of training samples
    tried:    (number, 3) of clusters, their inertia and their silhouette
    """

    vectors: Tensor
    sizes: Tensor
    tried: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("vectors", torch.zeros(1, width, dtype=torch.float64))
        self.register_buffer("sizes", torch.zeros(1, dtype=torch.int64))
        self.register_buffer("tried", torch.zeros(0, 3, dtype=torch.float64))


class KMeansMap(PlaneNet):
    """Finds the cluster of a sample, and projects it on the plane of the map."""

    MEASURES = ("cluster", "distance_to_center")

    def __init__(
        self, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
    ) -> None:
        too_many = "a map of clusters has no more dimensions than there are columns"
        super().__init__("k_means", inputs, outputs, too_many=too_many)
        self.options = options
        self.clusters = Centers(self.width)

    def measure(self, *inputs: Tensor) -> Tensor:
        """Returns the number of the cluster, from 1, and the distance to its center."""
        squares = squared_distances(self.rows(*inputs), self.clusters.vectors)
        near = squares.min(dim=1)
        return torch.stack([near.indices.double() + 1, near.values.sqrt()], dim=1)

    def solve(self, samples: Iterable[Batch], seed: int) -> str:
        """Finds the centers; the largest cluster is the first."""
        rows = self.read(samples)
        different = len(np.unique(rows, axis=0))
        wanted = self.options.n_clusters
        _refuse_many(wanted or 0, different, "different samples")
        numbers = sorted({*range(2, 1 + min(_MAX_TRIED, different - 1)), wanted or 2})
        models = {number: clusters_of(rows, number, seed, _FEWER_STARTS) for number in numbers}
        some = drawn(len(rows), _COMPARED, "silhouettes")
        tried = [[n, model.inertia_, _silhouette(rows, model, some)] for n, model in models.items()]
        best = wanted or int(max(tried, key=lambda row: row[2])[0])
        model = clusters_of(rows, best, seed, _STARTS)
        tried[numbers.index(best)] = [best, model.inertia_, _silhouette(rows, model, some)]
        sizes = np.bincount(model.labels_, minlength=best)
        order = np.argsort(-sizes, kind="stable")
        self.clusters.vectors = torch.from_numpy(model.cluster_centers_[order])
        self.clusters.sizes = torch.from_numpy(sizes[order].astype(np.int64))
        self.clusters.tried = torch.tensor(tried, dtype=torch.float64)
        mean = rows.mean(axis=0)
        axes = np.zeros((self.dimensions, self.width))
        principal = principal_axes(rows - mean, self.dimensions)[1]
        axes[: len(principal)] = principal
        self.center.mean.data = torch.from_numpy(mean)
        self.project.vectors.data = torch.from_numpy(axes)
        reason = "" if wanted else ", the number with the largest silhouette"
        return (
            f"solved: {best} clusters of {len(rows):,} samples{reason}; "
            f"inertia {model.inertia_:.6g}"
        )

    def describe_solution(self) -> Detail:
        """Returns the elbow, the silhouettes and the centers of the clusters."""
        tried, sizes = self.clusters.tried.tolist(), self.clusters.sizes.tolist()
        count = len(sizes)
        silhouette = next((row[2] for row in tried if int(row[0]) == count), float("nan"))
        listed = ", ".join(f"{size:,}" for size in sizes)
        sentence = f"{count} clusters of {listed} samples; silhouette {silhouette:.4f}."
        charts = [
            Chart(
                {name: [(row[0], row[place]) for row in tried]},
                "clusters",
                name,
                height=200,
                marker=float(count),
                marker_name="the clusters of this run",
            )
            for place, name in ((1, "inertia"), (2, "silhouette"))
        ]
        text = (
            "The elbow: more clusters always lower the inertia, but after the elbow only a little."
        )
        value = {
            "clusters": count,
            "sizes": sizes,
            "tried": [[int(number), inertia, score] for number, inertia, score in tried],
        }
        return Detail(
            value,
            summary=[Line(sentence)],
            sections=[
                Section("Number of clusters", [Line(sentence), Line(text), *charts]),
                Section("Centers", self._centers()),
            ],
        )

    def _centers(self) -> Sequence[Line | Table]:
        names = self.names[:_LISTED]
        rows = [
            [f"{number}", f"{size:,}", *(f"{value:.4g}" for value in center[: len(names)])]
            for number, (size, center) in enumerate(
                zip(self.clusters.sizes.tolist(), self.clusters.vectors.tolist(), strict=True), 1
            )
        ]
        titles = ["cluster", "samples", *names]
        text = "The centers in the units of input.scale."
        if self.width > _LISTED:
            text += f" The first {_LISTED} of {self.width:,} columns are listed."
        return [Line(text), Table(titles, rows, numbers=range(len(titles)))]

    def describe_example(
        self,
        samples: tuple[Tensor, ...],
        inputs: Sequence[TensorSpec],
        outputs: Sequence[TensorSpec],
        tokens: Sequence[Sequence[str]],
    ) -> Sequence[Section]:
        """Returns the distance of this sample to every center."""
        title = "Distances to the centers"
        if not self.is_solved:
            return [Section(title, [Line("The training finds the centers.", "dim")])]
        distances = squared_distances(self.rows(*samples)[:1], self.clusters.vectors)[0].sqrt()
        best = int(distances.argmin())
        sizes = self.clusters.sizes.tolist()
        rows = [
            [f"{number + 1}", f"{size:,}", f"{float(distances[number]):.4f}", ""]
            for number, size in enumerate(sizes)
        ]
        rows[best][-1] = "nearest"
        table = Table(["cluster", "samples", "distance", ""], rows, numbers=range(3))
        return [Section(title, [table])]


def clusters_of(rows: NDArray[np.float64], count: int, seed: int, starts: int) -> KMeans:
    """Returns the best k-means of some starts."""
    from sklearn.cluster import KMeans

    return KMeans(count, n_init=starts, random_state=seed).fit(rows)


def _silhouette(rows: NDArray[np.float64], model: KMeans, some: NDArray[np.int64]) -> float:
    from sklearn.metrics import silhouette_score

    labels = model.labels_[some]
    if not 1 < len(np.unique(labels)) < len(labels):
        return float("nan")
    return float(silhouette_score(rows[some], labels))


def _refuse_many(wanted: int, count: int, noun: str) -> None:
    if wanted > count:
        raise TaskError(
            "process.n_clusters is larger than the number of samples",
            got=f"{wanted:,} clusters, {count:,} {noun}",
            allowed=f"2 to {count:,}",
        )

"""t-SNE: places on a map such that near samples stay near (scikit-learn's TSNE).

data   p(j|i) = exp(-|x_i - x_j|^2 / (2 sigma_i^2)) / sum over j
       p_ij = (p(j|i) + p(i|j)) / 2n
map    q_ij = (1 + |y_i - y_j|^2)^-1 / sum over all pairs
loss   KL(p, q) = sum of p_ij log(p_ij / q_ij), which gradient descent makes small

sigma_i is set so that the distribution p(.|i) has the perplexity: about so many
samples count as neighbors. In the first 250 steps all p are multiplied by
early_exaggeration, so that groups move together; the divergence is recorded without
that factor. The first places are the principal components, made small.

The algorithm moves the samples that it has, and gives no formula for new ones. These
are placed between their nearest training samples, weighted by 1 / distance; a training
sample has its own place. Distances between groups, and their sizes, mean little.

Shapes:   any numbers -> (batch, feature), flattened -> (batch, dimension)
Source:   van der Maaten and Hinton 2008; van der Maaten 2014 (Barnes-Hut).
Raises:   TaskError for a perplexity that is not smaller than the number of samples.
Example:  >>> from kissipo.core.tensor_spec import TensorSpec
          >>> row = TensorSpec("row", ("feature",), (4,))
          >>> net = build((row,), (TensorSpec("map", ("dimension",), (2,)),), Options())
          >>> net(torch.zeros(3, 4)).shape
          torch.Size([3, 2])
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kissipo.core.batch import Batch
from kissipo.core.description import Chart, Detail, Line, Record, Section, Table
from kissipo.core.errors import TaskError
from kissipo.core.inferred_option import DataFacts, InferredOption
from kissipo.core.protocols import Combined, Source
from kissipo.core.schema import option
from kissipo.core.seeds import drawn
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.resized_buffers import ResizedBuffers
from kissipo.process.nets._maps import (
    MapNet,
    principal_places,
    squared_distances,
)

ALGORITHMS = ("closed_form",)
MAPS = True
_EXAGGERATED = 250  # steps with early exaggeration, in scikit-learn
_START_STD = 1e-4
_NEIGHBORS, _LISTED = 5, 12
_MAX_POINTS = 60  # of the curves of p and q
_STEP = re.compile(r"Iteration (\d+): error = ([-+.e\d]+)")
_USUAL_PERPLEXITY, _SAMPLES_PER_NEIGHBOR = 30.0, 3


@dataclass(frozen=True)
class Options:
    """The options of t-SNE; the names and defaults are those of scikit-learn."""

    perplexity: float | None = option(
        None, "about how many samples count as neighbors of each one, usually 5 to 50", above=0
    )
    early_exaggeration: float = option(
        12.0, "factor of the neighborhoods in the first 250 steps, which forms groups", minimum=1
    )
    num_steps: int = option(1000, "number of steps", minimum=_EXAGGERATED)
    step_size: float | None = option(
        None, "learning rate; samples / early_exaggeration / 4, at least 50, when omitted", above=0
    )
    max_samples: int = option(
        5000,
        "number of samples that are drawn from larger data; the others are placed between them",
        minimum=5,
    )


def build(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
) -> nn.Module:
    """Builds the net, which has no places yet."""
    return Tsne(inputs, outputs, options)


def required_options(facts: DataFacts) -> tuple[InferredOption, ...]:
    """Returns the perplexity: 30, or less for few samples.

    Raises:   TaskError for a written one that is too large.
    """
    written, limit = facts.process.get("perplexity"), facts.process.get("max_samples")
    if written is not None:
        _refuse_perplexity(written, min(facts.samples, limit or facts.samples))
        return ()
    limit = max(1, (facts.samples - 1) // _SAMPLES_PER_NEIGHBOR)
    reason = "the usual one"
    if limit < _USUAL_PERPLEXITY:
        reason = f"a third of {facts.samples:,} samples; 30 is usual"
    value = min(_USUAL_PERPLEXITY, float(limit))
    return (InferredOption("process.perplexity", value, reason),)


def details(net: nn.Module, labels: Sequence[str]) -> dict[str, Detail]:
    """Returns how the divergence fell, and the two distributions of one sample."""
    return {"tsne": net.describe_solution()} if isinstance(net, Tsne) else {}


class NeighborPlaces(ResizedBuffers):
    """Places a row between the nearest training samples, by 1 / distance.

    Before the net is solved, there are two random samples.

    Shapes:   (batch, feature) -> (batch, dimension)
    """

    data: Tensor
    places: Tensor

    def __init__(self, width: int, dimensions: int) -> None:
        super().__init__()
        self.register_buffer("data", torch.randn(2, width))
        self.register_buffer("places", torch.randn(2, dimensions, dtype=torch.float64))

    @property
    def DESCRIPTION(self) -> str:  # noqa: N802
        return f"between the nearest of {len(self.data):,} samples"

    def forward(self, rows: Tensor) -> Tensor:
        weights, nearest = self.weights(rows)
        return (weights[:, :, None] * self.places[nearest]).sum(dim=1)

    def weights(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the weights and the numbers of the nearest training samples."""
        distances, nearest = self.nearest(rows)
        is_known = distances[:, :1] == 0
        weights = torch.where(is_known, distances == 0, 1 / distances.clamp(min=1e-300))
        weights[:, 1:] = torch.where(is_known, 0, weights[:, 1:])
        return weights / weights.sum(dim=1, keepdim=True), nearest

    def explain(self, index: tuple[int, ...], rows: Tensor) -> tuple[list[Source], Combined]:
        """Returns the places of the nearest training samples, with their weights."""
        row, axis = index
        weights, nearest = self.weights(rows[row : row + 1])
        return [
            Source("places", (sample, axis), self.places[sample, axis], weight)
            for sample, weight in zip(nearest[0].tolist(), weights[0].tolist(), strict=True)
        ], "sum"

    def nearest(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the distances and the numbers of the nearest training samples."""
        squares = squared_distances(rows, self.data.double())
        top = squares.topk(min(_NEIGHBORS, len(self.data)), dim=1, largest=False)
        return top.values.sqrt(), top.indices


class Tsne(MapNet):
    """Keeps the training samples with their places on the map."""

    MEASURES = ("distance_to_sample",)
    NEW_SAMPLES = "placed between its 5 nearest training samples: t-SNE has no formula for new ones"

    def __init__(
        self, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
    ) -> None:
        super().__init__("tsne", inputs, outputs)
        self.options = options
        self.place = NeighborPlaces(self.width, self.dimensions)
        self.solution = Solution(self.dimensions)

    def forward(self, *inputs: Tensor) -> Tensor:
        placed: Tensor = self.place(self.rows(*inputs))
        return placed

    def measure(self, *inputs: Tensor) -> Tensor:
        """Returns the distance of each sample to the nearest training sample."""
        return self.place.nearest(self.rows(*inputs))[0][:, :1]

    def solve(self, samples: Iterable[Batch], seed: int) -> str:
        """Moves all samples, or those that are drawn, until the steps are done."""
        from sklearn.manifold import TSNE

        rows = self.read(samples)
        positions = drawn(len(rows), self.options.max_samples, "samples of t-SNE")
        rows, options = rows[positions], self.options
        perplexity = options.perplexity or _USUAL_PERPLEXITY
        start = principal_places(rows, self.dimensions)
        start *= _START_STD / max(start[:, 0].std(), 1e-300)
        exact = self.dimensions > 3
        engine = TSNE(
            self.dimensions,
            perplexity=perplexity,
            early_exaggeration=options.early_exaggeration,
            learning_rate="auto" if options.step_size is None else options.step_size,
            max_iter=options.num_steps,
            init=start.astype(np.float32),
            method="exact" if exact else "barnes_hut",
            random_state=seed,
            verbose=2,
        )
        with redirect_stdout(io.StringIO()) as printed:
            places = engine.fit_transform(rows)
        self.place.data = torch.from_numpy(rows.astype(np.float32))
        self.place.places = torch.from_numpy(places.astype(np.float64))
        self.solution.start = torch.from_numpy(start)
        self.solution.positions = torch.from_numpy(positions)
        curve = divergences(printed.getvalue(), options.early_exaggeration)
        self.solution.divergences = torch.tensor(curve, dtype=torch.float64).reshape(-1, 2)
        left = "" if len(positions) == int(self.num_samples) else f" of {int(self.num_samples):,}"
        return (
            f"solved in {engine.n_iter_ + 1:,} steps: {len(rows):,}{left} samples with "
            f"perplexity {perplexity:g}, KL divergence {engine.kl_divergence_:.4f}"
        )

    def describe_solution(self) -> Detail:
        """Returns the curve of the divergence, and p and q of the first sample."""
        curve = self.solution.divergences.tolist()
        last = curve[-1][1] if curve else float("nan")
        sentence = (
            f"KL divergence {last:.4f} after {self.options.num_steps:,} steps, "
            f"perplexity {self.options.perplexity:g}."
        )
        chart = Chart(
            {"KL divergence": [(step, value) for step, value in curve]},
            "steps",
            "KL(p, q)",
            height=220,
            marker=float(_EXAGGERATED),
            marker_name=f"the end of early exaggeration (p times "
            f"{self.options.early_exaggeration:g}); the divergence is without that factor",
        )
        value = {
            "kl_divergence": last,
            "perplexity": self.options.perplexity,
            "by_step": [[int(step), divergence] for step, divergence in curve],
        }
        number = int(self.solution.positions[0]) + 1
        return Detail(
            value,
            summary=[Line(sentence)],
            sections=[
                Section("KL divergence", [Line(sentence), chart]),
                Section(f"The two distributions of sample {number}", self._curves(0)),
            ],
        )

    def _curves(self, number: int) -> list[Record]:
        """Returns p and q of a training sample over its nearest neighbors."""
        p, before, after = self._distributions(
            self.place.data[number : number + 1].double(), number
        )
        order = np.argsort(-p, kind="stable")[:_MAX_POINTS]
        series = {
            "p: in the data": list(enumerate(p[order].tolist(), 1)),
            "q at the start": list(enumerate(before[order].tolist(), 1)),
            "q at the end": list(enumerate(after[order].tolist(), 1)),
        }
        text = (
            "p says how near the other samples are in the data, q how near they are on the map. "
            "At the start all places are nearly equal, and so is q; at the end it follows p."
        )
        chart = Chart(
            series,
            "neighbors, the nearest in the data first",
            "probability",
            dashed=["q at the start"],
        )
        return [Line(text), chart]

    def _distributions(
        self, row: Tensor, number: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Returns p, and q at the start and at the end, around a row of the data.

        number:  of the training sample that stands for the row on the map
        """
        squares = squared_distances(row, self.place.data.double())[0].numpy()
        p = conditional(squares, number, self.options.perplexity or _USUAL_PERPLEXITY)
        before, after = (
            map_distribution(places.numpy(), number)
            for places in (self.solution.start, self.place.places)
        )
        return p, before, after

    def describe_example(
        self,
        samples: tuple[Tensor, ...],
        inputs: Sequence[TensorSpec],
        outputs: Sequence[TensorSpec],
        tokens: Sequence[Sequence[str]],
    ) -> Sequence[Section]:
        """Returns p and q of the nearest neighbors of this sample."""
        title = "The two distributions of this sample"
        if not self.is_solved:
            text = "They are computed by the training: kissipo show RUN."
            return [Section(title, [Line(text, "dim")])]
        row = self.rows(*samples)[:1]
        distances, nearest = self.place.nearest(row)
        number = int(nearest[0, 0])
        p, before, after = self._distributions(row, number)
        squares = squared_distances(row, self.place.data.double())[0]
        on_map = torch.linalg.vector_norm(self.place.places - self.place.places[number], dim=1)
        order = np.argsort(-p, kind="stable")[:_LISTED]
        rows = [
            [
                f"{int(self.solution.positions[other]) + 1}",
                f"{float(squares[other].sqrt()):.4f}",
                f"{p[other]:.4f}",
                f"{float(on_map[other]):.3f}",
                f"{before[other]:.4f}",
                f"{after[other]:.4f}",
            ]
            for other in order.tolist()
        ]
        itself = int(self.solution.positions[number]) + 1
        text = (
            f"Training sample {itself} stands for it: it is "
            f"{float(distances[0, 0]):.4g} away. sigma is {sigma(squares.numpy(), p):.4g}, "
            f"so that p has the perplexity {self.options.perplexity:g}. p and q are shares of "
            "all other samples; the training moves q towards p."
        )
        titles = ["sample", "distance in the data", "p", "distance on the map"]
        titles += ["q at the start", "q at the end"]
        return [Section(title, [Line(text), Table(titles, rows, numbers=range(6))])]


class Solution(ResizedBuffers):
    """What the solver recorded.

    start:        the places before the first step (sample, dimension)
    positions:    the numbers of the samples among all (sample), counted from 0
    divergences:  (step, 2) the number of the step and the KL divergence there
    """

    start: Tensor
    positions: Tensor
    divergences: Tensor

    def __init__(self, dimensions: int) -> None:
        super().__init__()
        self.register_buffer("start", torch.zeros(0, dimensions, dtype=torch.float64))
        self.register_buffer("positions", torch.zeros(0, dtype=torch.int64))
        self.register_buffer("divergences", torch.zeros(0, 2, dtype=torch.float64))


def divergences(printed: str, exaggeration: float) -> list[list[float]]:
    """Returns the steps and the KL divergences that scikit-learn prints.

    With p times a in the early steps it prints a KL + a log a, which is undone here.

    Example:  >>> text = "[t-SNE] Iteration 50: error = 67.4961319, gradient norm"
              >>> divergences(text, 12.0)
              [[50.0, 3.1397...]]
    """
    curve = []
    for step, error in _STEP.findall(printed):
        value = float(error)
        if int(step) <= _EXAGGERATED:
            value = value / exaggeration - float(np.log(exaggeration))
        curve.append([float(step), value])
    return curve


def conditional(
    squares: NDArray[np.float64], itself: int, perplexity: float
) -> NDArray[np.float64]:
    """Returns p(j|i): the probabilities of all samples around one, by perplexity.

    squares:  the squared distances to all samples
    itself:   the number of the sample, whose own probability is 0
    Example:  >>> p = conditional(np.array([0.0, 1.0, 4.0, 9.0]), 0, 2.0)
              >>> p.round(3).tolist()
              [0.0, 0.727, 0.236, 0.036]
    """
    others = np.delete(squares, itself)
    shifted = others - others.min()
    low, high, precision = 0.0, np.inf, 1.0
    p = np.full(len(others), 1 / len(others))
    for _ in range(200):
        weights = np.exp(-precision * shifted)
        p = weights / weights.sum()
        entropy = float(-(p[p > 0] * np.log(p[p > 0])).sum())
        if abs(entropy - np.log(perplexity)) < 1e-7:
            break
        if entropy > np.log(perplexity):
            low = precision
            precision = 2 * precision if np.isinf(high) else (low + high) / 2
        else:
            high = precision
            precision = (low + high) / 2
    return np.insert(p, itself, 0.0)


def sigma(squares: NDArray[np.float64], p: NDArray[np.float64]) -> float:
    """Returns the sigma of p(j|i) ~ exp(-d^2 / (2 sigma^2)), from two of its values."""
    order = np.argsort(-p, kind="stable")
    first = order[0]
    for last in order[1:]:
        if p[last] > 0 and squares[last] > squares[first]:
            gap = squares[last] - squares[first]
            return float(np.sqrt(gap / (2 * np.log(p[first] / p[last]))))
    return float("nan")


def map_distribution(places: NDArray[np.float64], itself: int) -> NDArray[np.float64]:
    """Returns q around one sample, as shares of all other samples.

    Example:  >>> map_distribution(np.array([[0.0], [1.0], [3.0]]), 0).round(3).tolist()
              [0.0, 0.833, 0.167]
    """
    squares = ((places - places[itself]) ** 2).sum(axis=1)
    weights = 1 / (1 + squares)
    weights[itself] = 0
    shares: NDArray[np.float64] = weights / weights.sum()
    return shares


def _refuse_perplexity(perplexity: float, count: int) -> None:
    if perplexity >= count:
        raise TaskError(
            "process.perplexity must be smaller than the number of samples",
            got=f"{perplexity:g} for {count:,} samples",
            allowed=f"below {count:,}, usually 5 to 50",
        )

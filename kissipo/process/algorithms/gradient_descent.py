"""Gradient descent of points on a surface, each with its own optimizer (S05, S11).

One epoch is one step of every point. The path of every point is recorded. At the end
the gradient and the curvature of the surface describe where the point is: at a minimum
all eigenvalues of the Hessian are positive, at a saddle point some are negative.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, cast

import torch
from torch import Tensor, nn

from kissipo.core.algorithm import Algorithm
from kissipo.core.batch import Batch
from kissipo.core.config import FrozenConfig
from kissipo.core.description import Chart, Detail, Section, Table
from kissipo.core.json_object import JsonMapping, JsonObject
from kissipo.core.protocols import Dataset, StateDict
from kissipo.core.schema import option
from kissipo.process import optim
from kissipo.process.algorithms.supervised import Stop
from kissipo.process.layers.surfaces import DIMENSIONS, height

_RATES = FrozenConfig(
    {"sgd": 0.02, "momentum": 0.01, "adagrad": 0.5, "rmsprop": 0.02, "adam": 0.05}
)
_MAX_GRADIENT = 1e-2  # of a point that has converged
_FLAT = 1e-3
_MARGIN, _CELLS = 0.35, 64  # of the drawn maps


@dataclass(frozen=True)
class Options:
    """The options of gradient descent."""

    epochs: int = option(500, "number of steps of each point", minimum=1)
    learning_rates: dict[str, float] = option(_RATES, "learning rate of each optimizer")
    clip_norm: float = option(
        10.0, "maximum norm of a gradient; a longer one is scaled down to it", above=0
    )
    early_stopping: Stop = option(
        Stop(0), "early stopping; off, so that every point takes all of its steps"
    )


class GradientDescent(Algorithm):
    """Points, their optimizers and their paths."""

    cpu_only = True

    def __init__(
        self, net: nn.Module, losses: object, options: Options, *, total_steps: int = 0
    ) -> None:
        self.net: Any = net
        self.options = options
        self.epochs, self.patience = options.epochs, options.early_stopping.patience
        self._optimizers: dict[str, torch.optim.Optimizer] = {}
        self._names: list[str] = []
        self._surfaces: list[str] = []
        self._lowest: list[float] = []
        self.path: list[Tensor] = []

    def begin(self, train: Dataset) -> str:
        """Moves every point to its starting position."""
        surface, _, start = train.batch(slice(None)).inputs
        with torch.no_grad():
            for point, position in zip(self.net.points, start, strict=True):
                point.copy_(position)
        self._build_optimizers_of(train.batch(slice(None)))
        self.path = [self._positions()]
        return f"{len(surface)} points are at their starting positions"

    def step(self, batch: Batch) -> Mapping[str, Tensor]:
        """Moves every point by one step."""
        heights = self.net(*batch.inputs)
        heights.sum().backward()
        norms = torch.stack([point.grad for point in self.net.points]).norm(dim=1)
        for number in (norms > self.options.clip_norm).nonzero().flatten().tolist():
            nn.utils.clip_grad_norm_(self.net.points[number], self.options.clip_norm)
        for optimizer in self._optimizers.values():
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.path.append(self._positions())
        return {"loss": heights.detach().mean()}

    def loss(self, outputs: Any, targets: tuple[Tensor, ...]) -> Tensor:
        """Returns the mean height above the minimum."""
        height_above: Tensor = (outputs - targets[0]).mean()
        return height_above

    def state_dict(self) -> StateDict:
        """Returns the states of the optimizers and the paths so far."""
        memories = {name: optimizer.state_dict() for name, optimizer in self._optimizers.items()}
        facts = {"names": self._names, "surfaces": self._surfaces, "lowest": self._lowest}
        return {"optimizers": memories, "path": torch.stack(self.path), **facts}

    def load_state_dict(self, state: StateDict) -> None:
        """Restores what `state_dict` returned."""
        self._build_optimizers(state["names"], state["surfaces"], state["lowest"])
        for name, memory in state["optimizers"].items():
            self._optimizers[name].load_state_dict(memory)
        self.path = list(state["path"])

    def details(self) -> dict[str, Detail]:
        """Returns the path of every point and the kind of place where it ends."""
        if not self.path:  # of a saved run, whose paths are in metrics.json
            return {}
        paths = torch.stack(self.path)
        points = [self._describe(number, paths[:, number]) for number in range(paths.shape[1])]
        table = _end_points(points)
        section = Section("Optimizer paths", [*_maps(points), table])
        return {"paths": Detail(points, [table], [section], replaces_scores=True)}

    def _build_optimizers_of(self, batch: Batch) -> None:
        surface, optimizer, _ = batch.inputs
        names = [self.net.optimizers[number] for number in optimizer.tolist()]
        self._build_optimizers(
            names,
            [self.net.surfaces[number] for number in surface.tolist()],
            batch.targets[0].flatten().tolist(),
        )

    def _build_optimizers(self, names: list[str], surfaces: list[str], lowest: list[float]) -> None:
        """Builds one optimizer per name, for all points that use it."""
        self._names, self._surfaces, self._lowest = names, surfaces, lowest
        for name in dict.fromkeys(names):
            points = [
                point for other, point in zip(names, self.net.points, strict=True) if other == name
            ]
            rate = self.options.learning_rates[name]
            self._optimizers[name] = optim.optimizer(cast(optim.Name, name), points, rate=rate)

    def _positions(self) -> Tensor:
        return torch.stack([point.detach().clone() for point in self.net.points])

    def _describe(self, number: int, path: Tensor) -> dict[str, object]:
        surface, size = self._surfaces[number], DIMENSIONS[self._surfaces[number]]
        end = path[-1].to(torch.float64)
        gradient = torch.func.grad(lambda p: height(surface, p))(end)[:size]
        curvature = torch.linalg.eigvalsh(
            torch.func.hessian(lambda p: height(surface, p))(end)[:size, :size]
        )
        return {
            "surface": surface,
            "optimizer": self._names[number],
            "start": path[0][:size].tolist(),
            "end": end[:size].tolist(),
            "height": float(height(surface, end)),
            "gradient_norm": float(gradient.norm()),
            "curvature": curvature.tolist(),
            "place": _place(
                float(gradient.norm()),
                curvature,
                float(height(surface, end)) - self._lowest[number],
            ),
            "path": path[_thinned(len(path)), :size].tolist(),
        }


def _end_points(points: Sequence[JsonMapping]) -> Table:
    """Returns the start and the end of each path."""
    rows = [
        [
            point["surface"],
            point["optimizer"],
            *(f"({_coordinates(point[key])})" for key in ("start", "end")),
            f"{point['height']:.4f}",
            point["place"],
        ]
        for point in points
    ]
    titles = ["surface", "optimizer", "start", "end", "height", "place"]
    return Table(titles, rows, numbers=(4,))


def _coordinates(position: Sequence[float]) -> str:
    return ", ".join(f"{value:.3f}" for value in position)


def _maps(points: Sequence[JsonMapping]) -> list[Section]:
    """Returns the paths from each start on a map of the surface, if it has two axes."""
    paths: dict[tuple[str, str], JsonObject] = {}
    for point in points:
        if DIMENSIONS[point["surface"]] == 2:
            place = (point["surface"], _coordinates(point["start"]))
            paths.setdefault(place, {})[point["optimizer"]] = point["path"]
    return [
        Section(f"{surface}, from ({start})", [_map(surface, by_optimizer)])
        for (surface, start), by_optimizer in paths.items()
    ]


def _map(surface: str, paths: JsonMapping) -> Chart:
    """Returns paths of one start over the heights around them."""
    points = torch.tensor([*chain(*paths.values())])
    low, high = points.amin(dim=0), points.amax(dim=0)
    extent = torch.where(high > low, high - low, 1.0)  # a path may be parallel to an axis
    margin = extent * _MARGIN + (extent - (high - low)) / 2
    (left, bottom), (right, top) = (low - margin).tolist(), (high + margin).tolist()
    cell = (torch.arange(_CELLS) + 0.5) / _CELLS
    y, x = torch.meshgrid(
        bottom + cell * (top - bottom), left + cell * (right - left), indexing="ij"
    )
    heights = height(surface, torch.stack([x, y, torch.zeros_like(x)], dim=-1)).numpy()
    limits = (left, right), (bottom, top)
    return Chart(paths, "x", "y", limits=limits, surface=heights)


def _thinned(count: int) -> list[int]:
    """Returns the indices of the first 100 steps and of fewer and fewer later ones."""
    late = (
        torch.logspace(2, torch.log10(torch.tensor(float(max(count, 101)))).item(), 60)
        .long()
        .clamp(max=count - 1)
    )
    return sorted({*range(min(100, count)), *late.tolist()})


def _place(gradient: float, curvature: Tensor, above: float) -> str:
    if gradient > _MAX_GRADIENT:
        return "not converged"
    if bool((curvature > -_FLAT).all()):
        return (
            "global minimum"
            if above < _MAX_GRADIENT
            else f"local minimum, {above:.2g} above the global minimum"
        )
    return "saddle point" if bool((curvature > _FLAT).any()) else "maximum"


ALGORITHM = GradientDescent

"""Gradient descent: every point walks downhill with its own optimizer, and the way that it takes is kept (S05, S11).

One epoch is one step of every walk. In the end each point is told by the slopes and the curvature of the surface there: a
lowest point curves up in every direction, a saddle up in some and down in others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from kissipo.core.batch import Batch
from kissipo.core.config import FrozenConfig
from kissipo.core.protocols import Dataset
from kissipo.core.schema import word
from kissipo.process import optim
from kissipo.process.algorithms.supervised import Stop
from kissipo.process.layers.surfaces import DIMENSIONS, height

_RATES = FrozenConfig(
    {"sgd": 0.02, "momentum": 0.01, "adagrad": 0.5, "rmsprop": 0.02, "adam": 0.05}
)
_STILL = 1e-2
_FLAT = 1e-3


@dataclass(frozen=True)
class Options:
    """The options of gradient descent."""

    epochs: int = word(500, "number of steps of each point", at_least=1)
    learning_rates: dict[str, float] = word(_RATES, "learning rate of each optimizer")
    clip_norm: float = word(
        10.0, "maximum norm of a gradient; a longer one is scaled down to it", above=0
    )
    early_stopping: Stop = word(
        Stop(0), "early stopping; off, so that every point takes all of its steps"
    )


class GradientDescent:
    """Points, their optimizers, their ways."""

    def __init__(
        self, net: nn.Module, losses: Any, options: Options, *, total_steps: int = 0
    ) -> None:
        self.net: Any = net
        self.options = options
        self._optimizers: dict[str, torch.optim.Optimizer] = {}
        self._names: list[str] = []
        self._surfaces: list[str] = []
        self._lowest: list[float] = []
        self.way: list[Tensor] = []

    def begin(self, train: Dataset) -> str:
        """Puts every point at its start."""
        surface, _, start = train.batch(slice(None)).inputs
        with torch.no_grad():
            for point, at in zip(self.net.points, start, strict=True):
                point.copy_(at)
        self._equip(train.batch(slice(None)))
        self.way = [self._where()]
        return f"{len(surface)} points stand at their starts"

    def begin_epoch(self) -> None:
        """Every step is like the one before."""

    def step(self, batch: Batch) -> Mapping[str, Tensor]:
        """One step of every point."""
        heights = self.net(*batch.inputs)
        heights.sum().backward()
        for point in self.net.points:
            nn.utils.clip_grad_norm_(point, self.options.clip_norm)
        for optimizer in self._optimizers.values():
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.way.append(self._where())
        return {"loss": heights.detach().mean()}

    def loss(self, outputs: Any, targets: tuple[Tensor, ...]) -> Tensor:
        """Mean height above the lowest."""
        height_above: Tensor = (outputs - targets[0]).mean()
        return height_above

    def state_dict(self) -> dict[str, Any]:
        """The optimizers' memories and the ways so far."""
        memories = {name: optimizer.state_dict() for name, optimizer in self._optimizers.items()}
        told = {"names": self._names, "surfaces": self._surfaces, "lowest": self._lowest}
        return {"optimizers": memories, "way": torch.stack(self.way), **told}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The inverse of `state_dict`."""
        self._arm(state["names"], state["surfaces"], state["lowest"])
        for name, memory in state["optimizers"].items():
            self._optimizers[name].load_state_dict(memory)
        self.way = list(state["way"])

    def account(self) -> dict[str, Any]:
        """Where every walk began and ended, how, and what kind of place it is."""
        ways = torch.stack(self.way)
        return {"walks": [self._walk(number, ways[:, number]) for number in range(ways.shape[1])]}

    def _equip(self, batch: Batch) -> None:
        surface, optimizer, _ = batch.inputs
        names = [self.net.optimizers[number] for number in optimizer.tolist()]
        self._arm(
            names,
            [self.net.surfaces[number] for number in surface.tolist()],
            batch.targets[0].flatten().tolist(),
        )

    def _arm(self, names: list[str], surfaces: list[str], lowest: list[float]) -> None:
        """One optimizer of each name, over all points that walk with it."""
        self._names, self._surfaces, self._lowest = names, surfaces, lowest
        for name in dict.fromkeys(names):
            mine = [
                point for other, point in zip(names, self.net.points, strict=True) if other == name
            ]
            self._optimizers[name] = optim.optimizer(
                name, mine, rate=self.options.learning_rates[name]
            )  # type: ignore[arg-type]

    def _where(self) -> Tensor:
        return torch.stack([point.detach().clone() for point in self.net.points])

    def _walk(self, number: int, way: Tensor) -> dict[str, Any]:
        surface, size = self._surfaces[number], DIMENSIONS[self._surfaces[number]]
        end = way[-1].to(torch.float64)
        gradients = torch.func.grad(lambda p: height(surface, p))(end)[:size]
        curvature = torch.linalg.eigvalsh(
            torch.func.hessian(lambda p: height(surface, p))(end)[:size, :size]
        )
        return {
            "surface": surface,
            "optimizer": self._names[number],
            "start": way[0][:size].tolist(),
            "end": end[:size].tolist(),
            "height": float(height(surface, end)),
            "slope": float(gradients.norm()),
            "curvature": curvature.tolist(),
            "place": _place(
                float(gradients.norm()),
                curvature,
                float(height(surface, end)) - self._lowest[number],
            ),
            "way": way[_thinned(len(way)), :size].tolist(),
        }


def _thinned(count: int) -> list[int]:
    """Every early step, and ever fewer of the later ones; the first and the last always."""
    late = (
        torch.logspace(2, torch.log10(torch.tensor(float(max(count, 101)))).item(), 60)
        .long()
        .clamp(max=count - 1)
    )
    return sorted({*range(min(100, count)), *late.tolist()})


def _place(gradient: float, curvature: Tensor, above: float) -> str:
    if gradient > _STILL:
        return "still on its way"
    if bool((curvature > -_FLAT).all()):
        return (
            "the lowest point"
            if above < _STILL
            else f"a local lowest point, {above:.2g} above the lowest"
        )
    return "a saddle" if bool((curvature > _FLAT).any()) else "a highest point"


ALGORITHM = GradientDescent

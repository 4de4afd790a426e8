"""Walks downhill beside torch's own optimizers; the place where each one ends, told by slopes and curvature."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from kissipo.core.batch import Batch
from kissipo.process.algorithms.gradient_descent import GradientDescent, Options
from kissipo.process.layers.surfaces import height
from kissipo.process.nets.playground import Playground

SURFACES, OPTIMIZERS = (
    ("bowl", "saddle", "valleys"),
    ("sgd", "momentum", "adagrad", "rmsprop", "adam"),
)
WALKS = [(surface, optimizer) for surface in SURFACES for optimizer in OPTIMIZERS]
PLAIN: dict[str, Any] = {
    "sgd": lambda weights: torch.optim.SGD(weights, 0.02),
    "momentum": lambda weights: torch.optim.SGD(weights, 0.01, momentum=0.9),
    "adagrad": lambda weights: torch.optim.Adagrad(weights, 0.5, eps=1e-8),
    "rmsprop": lambda weights: torch.optim.RMSprop(weights, 0.02, alpha=0.9, eps=1e-8),
    "adam": lambda weights: torch.optim.Adam(weights, 0.05),
}


class Starts:
    """Where each walk begins, as a feed of one batch."""

    def __init__(self, walks: list[tuple[str, str]], starts: Tensor, lowest: float = 0.0) -> None:
        surfaces = torch.tensor([SURFACES.index(surface) for surface, _ in walks])
        optimizers = torch.tensor([OPTIMIZERS.index(optimizer) for _, optimizer in walks])
        self.all = Batch((surfaces, optimizers, starts), (torch.full((len(walks), 1), lowest),))

    def __len__(self) -> int:
        return 1

    def batch(self, index: Any) -> Batch:
        return self.all


def descent(count: int, **words: Any) -> GradientDescent:
    return GradientDescent(Playground(SURFACES, OPTIMIZERS, count), None, Options(**words))


def test_every_way_is_that_of_torchs_optimizer_and_goes_on_after_a_checkpoint() -> None:
    torch.manual_seed(0)
    dataset = Starts(WALKS, torch.randn(len(WALKS), 3) * 2)
    algorithm = descent(len(WALKS), clip_norm=3.0)
    algorithm.begin(dataset)
    for step in range(12):
        if step == 7:
            state, points = algorithm.state_dict(), algorithm.net.state_dict()
            algorithm = descent(len(WALKS), clip_norm=3.0)
            algorithm.net.load_state_dict(points)
            algorithm.load_state_dict(state)
        algorithm.step(dataset.all)
    ways = torch.stack(algorithm.path)
    assert ways.shape == (13, len(WALKS), 3)
    for number, (surface, optimizer) in enumerate(WALKS):
        point = nn.Parameter(dataset.all.inputs[2][number].clone())
        steps = PLAIN[optimizer]([point])
        for seen in ways[:, number]:
            torch.testing.assert_close(seen, point.detach(), rtol=1e-5, atol=1e-6)
            (gradient,) = torch.autograd.grad(height(surface, point), point)
            point.grad = gradient * min(1.0, 3.0 / (float(gradient.norm()) + 1e-6))
            steps.step()


@pytest.mark.parametrize(
    ("surface", "at", "lowest", "place", "curvature"),
    [
        ("bowl", [0.0, 0.0, 0.0], 0.0, "global minimum", [1, 4]),
        ("bowl", [1.0, 0.0, 0.0], 0.0, "not converged", [1, 4]),
        ("saddle", [0.0, 0.0, 0.0], -0.5, "saddle point", [-1, 1]),
        ("saddle", [0.0, 2**0.5, 0.0], -0.5, "global minimum", [1, 2]),
        (
            "valleys",
            [0.96015, 0.0, 0.0],
            -0.3054,
            "local minimum, 0.6 above the global minimum",
            [2, 7.0627],
        ),
    ],
)
def test_the_place_of_an_end(
    surface: str, at: list[float], lowest: float, place: str, curvature: list[float]
) -> None:
    algorithm = descent(1)
    algorithm.begin(Starts([(surface, "sgd")], torch.tensor([at]), lowest))
    (walk,) = algorithm.account()["walks"]
    assert walk["place"] == place
    assert walk["curvature"] == pytest.approx(curvature, abs=1e-3)
    assert walk["start"] == walk["end"] == pytest.approx(at[:2])


def test_a_long_way_is_thinned_but_keeps_its_beginning_and_its_end() -> None:
    dataset = Starts([("bowl", "sgd")], torch.tensor([[3.0, 1.0, 0.0]]))
    algorithm = descent(1)
    algorithm.begin(dataset)
    for _ in range(400):
        algorithm.step(dataset.all)
    (walk,) = algorithm.account()["walks"]
    assert walk["way"][:100] == torch.stack(algorithm.path)[:100, 0, :2].tolist()
    assert walk["way"][-1] == pytest.approx(walk["end"], abs=1e-6)
    assert 120 < len(walk["way"]) < 165

"""Gradient descent of points, compared with torch's optimizers."""

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
POINTS = [(surface, optimizer) for surface in SURFACES for optimizer in OPTIMIZERS]
PLAIN: dict[str, Any] = {
    "sgd": lambda weights: torch.optim.SGD(weights, 0.02),
    "momentum": lambda weights: torch.optim.SGD(weights, 0.01, momentum=0.9),
    "adagrad": lambda weights: torch.optim.Adagrad(weights, 0.5, eps=1e-8),
    "rmsprop": lambda weights: torch.optim.RMSprop(weights, 0.02, alpha=0.9, eps=1e-8),
    "adam": lambda weights: torch.optim.Adam(weights, 0.05),
}


class StartingPositions:
    """The starting positions as a dataset of one batch."""

    def __init__(self, points: list[tuple[str, str]], starts: Tensor, lowest: float = 0.0) -> None:
        surfaces = torch.tensor([SURFACES.index(surface) for surface, _ in points])
        optimizers = torch.tensor([OPTIMIZERS.index(optimizer) for _, optimizer in points])
        self.everything = Batch(
            (surfaces, optimizers, starts), (torch.full((len(points), 1), lowest),)
        )

    def __len__(self) -> int:
        return 1

    def batch(self, index: Any) -> Batch:
        return self.everything


def algorithm_of(count: int, **words: Any) -> GradientDescent:
    return GradientDescent(Playground(SURFACES, OPTIMIZERS, count), None, Options(**words))


def test_paths_equal_torchs_optimizers_and_resume() -> None:
    torch.manual_seed(0)
    dataset = StartingPositions(POINTS, torch.randn(len(POINTS), 3) * 2)
    algorithm = algorithm_of(len(POINTS), clip_norm=3.0)
    algorithm.begin(dataset)
    for step in range(12):
        if step == 7:
            state, points = algorithm.state_dict(), algorithm.net.state_dict()
            algorithm = algorithm_of(len(POINTS), clip_norm=3.0)
            algorithm.net.load_state_dict(points)
            algorithm.load_state_dict(state)
        algorithm.step(dataset.everything)
    paths = torch.stack(algorithm.path)
    assert paths.shape == (13, len(POINTS), 3)
    for number, (surface, optimizer) in enumerate(POINTS):
        point = nn.Parameter(dataset.everything.inputs[2][number].clone())
        steps = PLAIN[optimizer]([point])
        for position in paths[:, number]:
            torch.testing.assert_close(position, point.detach(), rtol=1e-5, atol=1e-6)
            (gradient,) = torch.autograd.grad(height(surface, point), point)
            point.grad = gradient * min(1.0, 3.0 / (float(gradient.norm()) + 1e-6))
            steps.step()


@pytest.mark.parametrize(
    ("surface", "start", "lowest", "place", "curvature"),
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
def test_kind_of_the_final_point(
    surface: str, start: list[float], lowest: float, place: str, curvature: list[float]
) -> None:
    algorithm = algorithm_of(1)
    algorithm.begin(StartingPositions([(surface, "sgd")], torch.tensor([start]), lowest))
    (point,) = algorithm.details()["paths"].value
    assert point["place"] == place
    assert point["curvature"] == pytest.approx(curvature, abs=1e-3)
    assert point["start"] == point["end"] == pytest.approx(start[:2])


def test_long_path_is_thinned_between_its_ends() -> None:
    dataset = StartingPositions([("bowl", "sgd")], torch.tensor([[3.0, 1.0, 0.0]]))
    algorithm = algorithm_of(1)
    algorithm.begin(dataset)
    for _ in range(400):
        algorithm.step(dataset.everything)
    (point,) = algorithm.details()["paths"].value
    assert point["path"][:100] == torch.stack(algorithm.path)[:100, 0, :2].tolist()
    assert point["path"][-1] == pytest.approx(point["end"], abs=1e-6)
    assert 120 < len(point["path"]) < 165

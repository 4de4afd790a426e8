"""S11: paths of the optimizers on a bowl, a saddle, two valleys and a Lagrangian."""

from __future__ import annotations

from typing import Any

import pytest

import kissipo as ki
from kissipo.process.algorithms.gradient_descent import _map


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    task = ki.load("playground", words={"epochs": 1000})
    run = task.fit(out=tmp_path_factory.mktemp("runs") / "run")
    paths: list[dict[str, Any]] = run.metrics["answers"][0]["details"]["paths"]
    return paths


def of(paths: list[dict[str, Any]], surface: str) -> list[dict[str, Any]]:
    surface_paths = [path for path in paths if path["surface"] == surface]
    assert {path["optimizer"] for path in surface_paths} >= {
        "sgd",
        "momentum",
        "adagrad",
        "rmsprop",
        "adam",
    }
    return surface_paths


def test_bowl_every_optimizer_converges(paths: list[dict[str, Any]]) -> None:
    for path in of(paths, "bowl"):
        assert path["end"][:2] == pytest.approx([0, 0], abs=0.02), path["optimizer"]
        assert path["height"] < 1e-3
        assert (
            "minimum" in path["place"] or path["height"] > 1e-4
        )  # slow optimizers have not converged yet


def test_saddle_paths_descend_to_minus_one_half(
    paths: list[dict[str, Any]],
) -> None:
    arrived = [
        path for path in of(paths, "saddle") if path["height"] == pytest.approx(-0.5, abs=0.01)
    ]
    assert {path["optimizer"] for path in arrived} >= {"momentum", "adam", "rmsprop"}
    assert all(abs(path["end"][1]) == pytest.approx(2**0.5, abs=0.02) for path in arrived)


def test_there_are_two_valleys_and_the_start_decides(paths: list[dict[str, Any]]) -> None:
    lows = {round(path["height"], 1) for path in of(paths, "valleys")}
    assert lows == {-0.3, 0.3}


def test_the_lagrange_answers_of_the_lecture(paths: list[dict[str, Any]]) -> None:
    arrived = [path["end"] for path in of(paths, "lagrange") if path["height"] < 1e-4]
    for answer in ([4, 4, -0.125], [-4, -4, 0.125]):
        assert any(end == pytest.approx(answer, abs=0.01) for end in arrived), answer


def test_gradient_descent_path_equals_the_formula(paths: list[dict[str, Any]]) -> None:
    path = next(path for path in of(paths, "bowl") if path["optimizer"] == "sgd")
    x, y = path["start"][:2]
    for point in path["path"][:4]:
        assert point[:2] == pytest.approx([x, y], abs=1e-4)
        gradient, length = (x, 4 * y), (x**2 + 16 * y**2) ** 0.5
        step = 0.02 * min(1.0, 10 / length)  # the gradient is clipped to a norm of 10
        x, y = x - step * gradient[0], y - step * gradient[1]


def test_maps_show_the_heights_where_the_axes_say() -> None:
    paths = {"sgd": [[3.0, 0.0], [1.0, 0.0]], "adam": [[3.0, 0.0], [0.0, 0.0]]}
    chart = _map("saddle", paths)
    assert chart.limits == (pytest.approx((-1.05, 4.05)), pytest.approx((-0.85, 0.85)))
    x, y = (low + (high - low) * 0.5 / 64 for low, high in chart.limits)
    assert chart.surface[0, 0] == pytest.approx(x**2 / 2 - y**2 / 2 + y**4 / 8, rel=1e-5)

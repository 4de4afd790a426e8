"""S11: who walks where: every optimizer ends in the bowl's lowest point, passes the saddle or not, and finds the Lagrange answers."""

from __future__ import annotations

from typing import Any

import pytest

import kissipo as ki


@pytest.fixture(scope="module")
def walks(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    run = ki.load("playground").fit(out=tmp_path_factory.mktemp("runs") / "run")
    found: list[dict[str, Any]] = run.metrics["answers"][0]["details"]["walks"]
    return found


def of(walks: list[dict[str, Any]], surface: str) -> list[dict[str, Any]]:
    chosen = [walk for walk in walks if walk["surface"] == surface]
    assert {walk["optimizer"] for walk in chosen} >= {
        "sgd",
        "momentum",
        "adagrad",
        "rmsprop",
        "adam",
    }
    return chosen


def test_on_a_bowl_everybody_arrives(walks: list[dict[str, Any]]) -> None:
    for walk in of(walks, "bowl"):
        assert walk["end"][:2] == pytest.approx([0, 0], abs=0.02), walk["optimizer"]
        assert walk["height"] < 1e-3
        assert (
            "minimum" in walk["place"] or walk["height"] > 1e-4
        )  # slow ones are told to be still on their way


def test_from_beside_the_saddle_the_way_goes_down_to_half_below(
    walks: list[dict[str, Any]],
) -> None:
    arrived = [
        walk for walk in of(walks, "saddle") if walk["height"] == pytest.approx(-0.5, abs=0.01)
    ]
    assert {walk["optimizer"] for walk in arrived} >= {"momentum", "adam", "rmsprop"}
    assert all(abs(walk["end"][1]) == pytest.approx(2**0.5, abs=0.02) for walk in arrived)


def test_there_are_two_valleys_and_the_start_decides(walks: list[dict[str, Any]]) -> None:
    lows = {round(walk["height"], 1) for walk in of(walks, "valleys")}
    assert lows == {-0.3, 0.3}


def test_the_lagrange_answers_of_the_lecture(walks: list[dict[str, Any]]) -> None:
    arrived = [walk["end"] for walk in of(walks, "lagrange") if walk["height"] < 1e-4]
    for answer in ([4, 4, -0.125], [-4, -4, 0.125]):
        assert any(end == pytest.approx(answer, abs=0.01) for end in arrived), answer


def test_the_way_of_plain_descent_is_the_one_worked_by_hand(walks: list[dict[str, Any]]) -> None:
    walk = next(walk for walk in of(walks, "bowl") if walk["optimizer"] == "sgd")
    x, y = walk["start"][:2]
    for seen in walk["way"][:4]:
        assert seen[:2] == pytest.approx([x, y], abs=1e-4)
        gradient, length = (x, 4 * y), (x**2 + 16 * y**2) ** 0.5
        step = 0.02 * min(
            1.0, 10 / length
        )  # longer slopes than 10 are followed as if they were 10 long
        x, y = x - step * gradient[0], y - step * gradient[1]

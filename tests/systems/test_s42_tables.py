"""S42, tabular: Q-learning finds the policy of value iteration."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import kissipo as ki
from kissipo.cli.main import main

Out = pytest.CaptureFixture[str]


def fitted(capsys: Out, *arguments: str) -> dict[str, Any]:
    assert main(["fit", *arguments, "--out", "run", "--json"]) == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)["answers"][0]
    return answer


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_racing_is_fast_when_cool_and_slow_when_warm(seed: int, capsys: Out) -> None:
    answer = fitted(capsys, "racing", "--seed", str(seed))
    policy = answer["details"]["policy"]
    assert policy["actions"] == ["slow", "fast"]
    # by hand: V = 2 + 0.9 (V + W) / 2 and W = 1 + 0.9 (V + W) / 2, so 15.5 and 14.5
    np.testing.assert_allclose(policy["best"][:2], [[14.95, 15.5], [14.5, -10]], rtol=1e-9)
    np.testing.assert_allclose(policy["q_values"][:2], [[14.95, 15.5], [14.5, -10]], rtol=0.01)
    assert policy["matters"] == [True, True, False]
    assert answer["metrics"]["agreement"] == 1
    # The same policy and random seed give the same return.
    # A fast car that warms up half the time returns 1.5 per step.
    assert (
        answer["baselines"]["value iteration (the rules known)"]["return"]
        == answer["metrics"]["return"]
    )
    assert answer["metrics"]["return"] == pytest.approx(150.5, abs=0.5)
    assert answer["baselines"]["random policy"]["return"] < 3
    assert answer["verdict"]["sentence"] == "equal to value iteration (the rules known)"
    run = ki.open("run")
    assert run.predict("cool", "warm") == ["fast", "slow"]


@pytest.mark.slow
def test_the_frozen_lake_is_crossed_as_the_best_policy_does(capsys: Out) -> None:
    gymnasium = pytest.importorskip("gymnasium")
    answer = fitted(capsys, "frozen-lake")
    assert answer["metrics"]["agreement"] == 1
    assert answer["metrics"]["return"] > 0.65 > 0.1 > answer["baselines"]["random policy"]["return"]
    best_actions = np.argmax(answer["details"]["policy"]["q_values"], axis=1)
    rules = gymnasium.make("FrozenLake-v1").unwrapped.P
    arrives = np.zeros(16)
    for _ in range(100):  # the environment cuts an episode short after 100 steps
        arrives = np.asarray([
            sum(
                chance * (reward if end else arrives[following])
                for chance, following, reward, end in rules[state][act]
            )
            for state, act in enumerate(best_actions)
        ])  # fmt: skip
    assert arrives[0] == pytest.approx(0.73, abs=0.005)
    error = (arrives[0] * (1 - arrives[0]) / 1000) ** 0.5
    assert answer["metrics"]["return"] == pytest.approx(arrives[0], abs=3 * error)


def test_policy_map_shows_an_arrow_per_field(capsys: Out) -> None:
    pytest.importorskip("gymnasium")
    words = ["net=q_table", "algorithm=policy_iteration", "output.episodes=20"]
    assert main(["fit", "gym:FrozenLake-v1", "input.settings={is_slippery: false}", *words]) == 0
    lines = capsys.readouterr().out.splitlines()
    first = next(number for number, line in enumerate(lines) if line.split() == list("0123"))
    fields = [line.split()[1:] for line in lines[first + 1 : first + 5]]
    # without ice the way is 0, 4, 8, 9, 13, 14, 15: six steps, reward 1
    assert fields[0][:2] == ["↓", f"{0.99**5:.3g}"]
    assert fields[1][:3] == ["↓", f"{0.99**4:.3g}", "H"]
    assert fields[2][:2] == ["→", f"{0.99**3:.3g}"]
    assert fields[3][-3:] == ["→", "1", "G"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Taxi", ["learning_rate=1.0", "process.episodes=6000", "epsilon_end=0.2"]),
        ("CliffWalking", ["learning_rate=1.0", "process.episodes=3000", "epsilon_end=0.5"]),
    ],
)
def test_q_learning_equals_value_iteration(name: str, words: list[str], capsys: Out) -> None:
    gymnasium = pytest.importorskip("gymnasium")
    newest = max(world for world in gymnasium.registry if world.split("-")[0] == name)
    answer = fitted(
        capsys,
        f"gym:{newest}",
        *["net=q_table", "algorithm=q_learning", "max_episode_steps=200", "output.episodes=100"],
        *words,
    )
    assert answer["metrics"]["agreement"] == 1
    assert answer["verdict"]["sentence"] == "equal to value iteration (the rules known)"


def test_another_algorithm_leaves_the_options_of_the_former_one_out(capsys: Out) -> None:
    words = ["process.algorithm=value_iteration", "output.episodes=5"]
    assert main(["fit", "racing", *words, "--out", "run"]) == 0
    printed = " ".join(capsys.readouterr().err.split())
    reason = "left out, as process.algorithm=value_iteration has no such option"
    assert f"process.episodes=None {reason}" in printed
    process = ki.open("run").task.process
    assert "episodes" not in process and process["discount"] == 0.9
    assert main(["fit", "racing", *words, "--out", "run", "--resume"]) == 0
    for own in (["process.episodes=5"], ["process.episodez=5"]):
        assert main(["fit", "racing", *words, *own, "--out", "other"]) == 2
        assert "is not a known option" in capsys.readouterr().err


def test_many_states_and_actions_are_shown_in_short_and_the_rest_is_counted(capsys: Out) -> None:
    words = ["process.episodes=50", "output.episodes=5", "input.max_episode_steps=20"]
    assert main(["fit", "gym:Taxi-v4", *words, "--out", "run"]) == 0
    printed = capsys.readouterr().out
    assert "These are the first 64 of 500 states." in printed
    (titles,) = [line.split() for line in printed.splitlines() if line.startswith("state")]
    assert titles == ["state", "Q", "policy", "Q*", "best"]

"""Environments side by side, their seeds, and how the best policy is chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from kissipo.core.algorithm import ReplayAgent, SelectionConfig
from kissipo.core.environment import EnvironmentSteps
from kissipo.core.errors import RunError
from kissipo.engine.rollouts.replay import ReplayLoop
from kissipo.engine.rollouts.side_by_side import SideBySide, episode_seed, play


class Counting:
    """An episode counts up from a number of its seed; it ends after 3 or 5 steps.

    seeds:  all seeds of all environments of this class
    """

    seeds: list[int] = []
    drift = 0.0

    def reset(self, *, seed: int | None = None) -> tuple[Any, Mapping[str, object]]:
        assert seed is not None
        Counting.seeds.append(seed)
        self.first, self.steps = float(seed % 1_000) + Counting.drift, 0
        return np.asarray([self.first, 0.0]), {}

    def step(self, action: int) -> tuple[Any, float, bool, bool, Mapping[str, object]]:
        self.steps += 1
        state = np.asarray([self.first, float(self.steps)])
        length = 3 if self.first % 2 else 5
        is_over = self.steps == length
        return state, float(action), is_over and length == 3, is_over and length == 5, {}


@pytest.fixture(autouse=True)
def _fresh() -> None:
    Counting.seeds, Counting.drift = [], 0.0


def actions(number: int) -> Any:
    return np.asarray([number % 2, (number + 1) % 2, 1])


def test_the_first_state_of_an_episode_never_follows_a_step() -> None:
    some = SideBySide([Counting() for _ in range(3)], 0, "selection")
    last: Any = None
    for number in range(30):
        steps = some.step(actions(number))
        # the same episode, one step later
        assert np.array_equal(steps.following[:, 0], steps.states[:, 0])
        assert np.array_equal(steps.following[:, 1], steps.states[:, 1] + 1)
        if last is not None:
            over = last.ends | last.cuts
            assert np.array_equal(steps.states[~over], last.following[~over])
            assert not steps.states[over][:, 1].any()
        assert len(some.finished) == (steps.ends | steps.cuts).sum()
        last = steps
    # every episode is another one
    assert len(set(Counting.seeds)) == len(Counting.seeds) == some.episodes


def test_environments_are_brought_back_to_the_middle_of_their_episodes() -> None:
    one = SideBySide([Counting() for _ in range(3)], 0, "episode")
    for number in range(7):
        one.step(actions(number))
    other = SideBySide([Counting() for _ in range(3)], 0, "episode")
    other.load_state_dict(one.state_dict())
    for number in range(7, 20):
        mine, theirs = one.step(actions(number)), other.step(actions(number))
        for name in EnvironmentSteps.__dataclass_fields__:
            assert np.array_equal(getattr(mine, name), getattr(theirs, name))
        assert one.finished == other.finished


def test_an_environment_that_does_not_repeat_itself_is_not_resumed() -> None:
    one = SideBySide([Counting()], 0, "episode")
    one.step(np.asarray([1]))
    state = one.state_dict()
    Counting.drift = 0.5
    with pytest.raises(RunError, match="does not repeat an episode"):
        one.load_state_dict(state)


def test_returns_do_not_depend_on_how_many_episodes_run_at_once() -> None:
    def choose(states: Any, generators: Any) -> Any:
        return np.asarray([generator.integers(2) for generator in generators])

    returns = [
        play(
            [Counting() for _ in range(count)], choose, numbers=range(12), seed=3, purpose="report"
        )
        for count in (1, 5, 20)
    ]
    assert np.array_equal(returns[0], returns[1])
    assert np.array_equal(returns[0], returns[2])
    assert len(set(returns[0].tolist())) > 2


class Scripted(ReplayAgent):
    """Its greedy action is 1 after some rounds, else 0; its weight is the round."""

    selection = SelectionConfig(every=8, episodes=4, confirmation=3, solved_return=None)
    total_steps, num_envs, round_steps = 64, 2, 8

    def __init__(self, net: nn.Module, rounds: tuple[int, ...]) -> None:
        self.net, self.rounds, self.round = net, rounds, 0

    def act(self, states: Any, generator: Any, *, done: float) -> Any:
        return np.zeros(len(states), dtype=np.int64)

    def observe(self, steps: EnvironmentSteps) -> None: ...

    def run_updates(self, generator: Any, *, done: float) -> Mapping[str, float]:
        self.round += 1
        with torch.no_grad():
            self.net.get_parameter("weight").fill_(self.round)
        return {"loss": 0.0}

    def q_values(self, states: Any) -> Any:
        good = self.round in self.rounds
        return np.tile([0.0, 1.0] if good else [1.0, 0.0], (len(states), 1))

    def step(self, batch: Any) -> Mapping[str, Any]:
        return {}

    def state_dict(self) -> dict[str, Any]:
        return {"round": self.round}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.round = state["round"]


def loop(rounds: tuple[int, ...], **selection: Any) -> tuple[ReplayLoop, Scripted]:
    agent = Scripted(nn.Linear(1, 1, bias=False), rounds)
    agent.selection = SelectionConfig(**{"every": 8, "episodes": 4, "confirmation": 3, **selection})
    return ReplayLoop(Counting, agent.net, agent, seed=0), agent


def test_the_weights_of_the_best_policy_are_kept() -> None:
    one, agent = loop((3, 4))
    state = one.run()
    assert agent.round == 8
    assert agent.net.get_parameter("weight").item() == 3  # the first of the equally good
    assert (state.best_steps, state.best_count, state.steps) == (24, 7, 64)


def test_training_stops_when_the_task_is_solved() -> None:
    one, agent = loop((4, 5), solved_return=3.0)
    state = one.run()
    assert (agent.round, state.solved, state.steps) == (4, True, 32)
    unsolved, agent = loop((4,), solved_return=5.5)
    assert not unsolved.run().solved
    assert agent.round == 8


def test_reported_episodes_have_seeds_that_nothing_else_uses() -> None:
    one, _ = loop((3,))
    one.run()
    trained = set(Counting.seeds)
    Counting.seeds = []
    play(
        [Counting()],
        lambda states, generators: np.zeros(len(states), dtype=np.int64),
        numbers=range(100),
        seed=0,
        purpose="report",
    )
    assert len(trained) > 20
    assert len(set(Counting.seeds)) == 100
    assert trained.isdisjoint(Counting.seeds)
    assert all(seed % 2 for seed in Counting.seeds)
    assert episode_seed(0, "episode", 1) != episode_seed(0, "selection", 1)

"""DQN: one update beside plain torch, targets by hand, the buffer, exploration."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from kissipo.core.batch import Batch
from kissipo.core.environment import EnvironmentSteps
from kissipo.core.errors import TaskError
from kissipo.core.inferred_option import DataFacts
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.algorithms._replay_buffer import NStepReturns, ReplayBuffer
from kissipo.process.algorithms.dqn import DQN, Options, suggested_options
from kissipo.process.nets import dueling, ffn

STATE, ACTION = TensorSpec("state", ("feature",), (3,)), TensorSpec("action", ("action",), (2,))


def agent(*, net: str = "ffn", **options: Any) -> DQN:
    torch.manual_seed(0)
    built = (
        ffn.build((STATE,), (ACTION,), ffn.Options(units=(16,)))
        if net == "ffn"
        else dueling.build((STATE,), (ACTION,), dueling.Options(units=(16,)))
    )
    algorithm = DQN(built, (), Options(**{"steps": 1_000, **options}))
    with torch.no_grad():
        for weight in algorithm.target.parameters():
            weight += 0.3 * torch.randn(weight.shape)
    return algorithm


def steps(
    states: Any, rewards: Any, *, ends: Any = (), cuts: Any = (), actions: Any = None
) -> EnvironmentSteps:
    """Returns a step of each environment, from a state to that number plus one."""
    before = np.asarray(states, dtype=np.float32)[:, None]
    count = len(before)
    return EnvironmentSteps(
        before,
        np.asarray(actions if actions is not None else [0] * count),
        np.asarray(rewards, dtype=np.float64),
        before + 1,
        np.isin(np.arange(count), ends),
        np.isin(np.arange(count), cuts),
    )


@pytest.mark.parametrize(
    ("double", "net", "clip_norm"),
    [(True, "ffn", 10.0), (False, "ffn", 0.05), (True, "dueling", None)],
)
def test_update_equals_plain_torch(double: bool, net: str, clip_norm: float | None) -> None:
    """The target is r + 0.9 Q_target(s', b), and r alone at the end of an episode."""
    algorithm = agent(net=net, learning_rate=0.01, double=double, clip_norm=clip_norm)
    witness, target = deepcopy(algorithm.net), algorithm.target
    adam = torch.optim.Adam(witness.parameters(), 0.01)
    for number in range(3):
        states, following = torch.randn(2, 8, 3)
        actions, rewards = torch.randint(2, (8,)), 3 * torch.randn(8)
        discounts = torch.tensor([0.9, 0, 0.9, 0.81, 0, 0.9, 0.9, 0])
        errors = []
        for row in range(8):
            with torch.no_grad():
                values = target(following[row : row + 1])[0]
                choosing = witness(following[row : row + 1])[0] if double else values
            goal = rewards[row] + discounts[row] * values[choosing.argmax()]
            error = (witness(states[row : row + 1])[0, actions[row]] - goal).abs()
            errors.append(error.square() / 2 if error < 1 else error - 0.5)
        loss = torch.stack(errors).mean()
        adam.zero_grad()
        loss.backward()
        if clip_norm is not None:
            nn.utils.clip_grad_norm_(witness.parameters(), clip_norm)
        adam.step()
        result = algorithm.step(Batch((states, following), (actions, rewards, discounts)))
        torch.testing.assert_close(result["loss"], loss.detach(), rtol=1e-5, atol=1e-6)
        for weight, expected in zip(algorithm.net.parameters(), witness.parameters(), strict=True):
            torch.testing.assert_close(weight, expected, rtol=1e-4, atol=1e-5 * (number + 1))


def test_targets_of_double_and_single_by_hand() -> None:
    """The net prefers action 0 (5 > 1), whose target value is 2; the maximum is 3."""
    for double, goal in ((True, 1 + 0.5 * 2), (False, 1 + 0.5 * 3)):
        net = nn.Sequential(nn.Flatten(), nn.Linear(1, 2))
        algorithm = DQN(net, (), Options(steps=1_000, double=double, learning_rate=1e-9))
        for some, bias in ((algorithm.net, [5.0, 1.0]), (algorithm.target, [2.0, 3.0])):
            some.load_state_dict({"1.weight": torch.zeros(2, 1), "1.bias": torch.tensor(bias)})
        batch = Batch(
            (torch.zeros(1, 1), torch.zeros(1, 1)),
            (torch.tensor([1]), torch.tensor([1.0]), torch.tensor([0.5])),
        )
        # the value of action 1 is 1: the error is 1 or 1.5, its Huber loss 0.5 or 1
        expected = (goal - 1) - 0.5
        assert float(algorithm.step(batch)["loss"]) == pytest.approx(expected)


def test_returns_of_three_steps_by_hand() -> None:
    """Two environments; one ends after 4 steps, the other is cut short after 3."""
    buffer, returns = ReplayBuffer(20), NStepReturns(3, 0.5)
    returns.add(steps([0, 10], [1, 8]), buffer)
    returns.add(steps([1, 11], [2, 4]), buffer)
    assert len(buffer) == 0
    returns.add(steps([2, 12], [4, 2], cuts=[1]), buffer)
    returns.add(steps([3, 20], [8, 1], ends=[0]), buffer)
    columns = [column.flatten().tolist() for column in buffer.take(torch.arange(len(buffer)))]
    assert list(
        zip(*columns, strict=True)
    ) == [  # state, action, reward, discount of the next value, next state
        (0, 0, 1 + 0.5 * 2 + 0.25 * 4, 0.125, 3),
        (10, 0, 8 + 0.5 * 4 + 0.25 * 2, 0.125, 13),
        (11, 0, 4 + 0.5 * 2, 0.25, 13),  # a limit of steps is not an end
        (12, 0, 2, 0.5, 13),
        (1, 0, 2 + 0.5 * 4 + 0.25 * 8, 0, 4),
        (2, 0, 4 + 0.5 * 8, 0, 4),
        (3, 0, 8, 0, 4),
    ]
    waiting = NStepReturns(3, 0.5)
    waiting.load_state_dict(returns.state_dict())
    for some in (returns, waiting):
        restored = ReplayBuffer(20)
        some.add(steps([30, 21], [0, 1]), restored)
        some.add(steps([31, 22], [0, 1], ends=[1]), restored)
        assert restored.take(torch.tensor([0]))[2].item() == 1 + 0.5 + 0.25


def test_buffer_overwrites_the_oldest_step_and_is_restored() -> None:
    buffer, returns = ReplayBuffer(4), NStepReturns(1, 0.9)
    for number in range(0, 6, 2):
        returns.add(steps([number, number + 1], [-number, -number - 1], ends=[1]), buffer)
    other = ReplayBuffer(4)
    other.load_state_dict(buffer.state_dict())
    for some in (buffer, other):
        places = some.draw(np.random.default_rng(1), updates=5, batch=20)
        assert places.shape == (5, 20)
        states, actions, rewards, discounts, following = some.take(places.flatten())
        assert set(states.flatten().tolist()) == {2, 3, 4, 5}
        assert torch.equal(following, states + 1)
        assert not actions.any()
        assert torch.equal(rewards, -states[:, 0])
        assert torch.equal(discounts, 0.9 * (states[:, 0] % 2 == 0))
        returns.add(steps([6], [0]), some)
        assert 2 not in some.take(torch.arange(4))[0]


def test_rounds_begin_and_the_target_net_is_copied_after_their_steps() -> None:
    algorithm = agent(learning_starts=5, updates=2, target_every=4, replay_batch=4)
    old, generator = deepcopy(algorithm.target.state_dict()), np.random.default_rng(0)
    changed_after, copied_after = [], []
    for number in range(1, 9):
        before = deepcopy(algorithm.net.state_dict())
        values = np.ones((1, 3), dtype=np.float32)
        one = np.zeros(1)
        algorithm.observe(EnvironmentSteps(values, one, one + 1, values, one > 0, one > 0))
        means = algorithm.run_updates(generator, done=0.0)
        assert set(means) == ({"loss", "q_value"} if number >= 5 else set())
        if any(not torch.equal(before[key], algorithm.net.state_dict()[key]) for key in before):
            changed_after.append(number)
        target = algorithm.target.state_dict()
        if any(not torch.equal(old[key], target[key]) for key in old):
            copied_after.append(number)
            for key, weight in algorithm.net.state_dict().items():
                assert torch.equal(weight, target[key])
            old = deepcopy(target)
    assert changed_after == [5, 6, 7, 8]
    assert copied_after == [5]


def test_polyak_average_moves_the_target_net_after_every_update() -> None:
    algorithm = agent(polyak=0.25, learning_rate=0.1)
    before = deepcopy(algorithm.target.state_dict())
    ones = torch.ones(4, 3)
    algorithm.step(Batch((ones, ones), (torch.zeros(4).long(), torch.ones(4), torch.zeros(4))))
    for key, weight in algorithm.target.state_dict().items():
        expected = 0.75 * before[key] + 0.25 * algorithm.net.state_dict()[key]
        torch.testing.assert_close(weight, expected)


def test_epsilon_and_learning_rate_fall_linearly() -> None:
    algorithm = agent(
        epsilon_end=0.2, exploration_fraction=0.5, learning_rate=1e-3, learning_starts=1
    )
    states = np.ones((4_000, 3), dtype=np.float32)
    best, generator = algorithm.best(states[:1])[0], np.random.default_rng(0)
    for done, probability in ((0.0, 1.0), (0.25, 0.6), (0.5, 0.2), (1.0, 0.2)):
        acts = algorithm.act(states, generator, done=done)
        # four standard errors
        assert np.mean(acts != best) == pytest.approx(probability / 2, abs=0.032)
    one = np.zeros(1)
    algorithm.observe(EnvironmentSteps(states[:1], one, one, states[:1], one > 0, one > 0))
    for done, rate in ((0.0, 1e-3), (0.5, 0.55e-3), (1.0, 1e-4)):
        algorithm.run_updates(generator, done=done)
        assert algorithm.optimizer.param_groups[0]["lr"] == pytest.approx(rate)


def test_one_replayed_step_is_explained_number_by_number() -> None:
    """The net prefers action 0, of target value 2: 1 + 0.5 · 2; Q(s, 1) = 1."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(1, 2))
    algorithm = DQN(net, (), Options(steps=1_000, discount=0.5))
    assert algorithm.details() == {}
    for some, bias in ((algorithm.net, [5.0, 1.0]), (algorithm.target, [2.0, 3.0])):
        some.load_state_dict({"1.weight": torch.zeros(2, 1), "1.bias": torch.tensor(bias)})
    algorithm.observe(steps([7], [1], actions=[1]))
    detail = algorithm.details()["replayed_step"]
    assert detail.value == {"q_value": 1.0, "target": 2.0, "loss": 0.5}
    table = detail.sections[0].content[0]
    values = {row[0]: row[1] for row in table.rows}
    assert values["state s"] == "7"
    assert values["next state s'"] == "8"
    assert values["Q_target(s', ·)"] == "2, 3"
    assert (values["next action b"], values["target"]) == ("0", "2")


def test_large_states_get_a_smaller_buffer() -> None:
    """A step has two states of 4 · 84 · 84 bytes; half a gigabyte holds 8,857 steps."""
    frames = TensorSpec("state", ("channel", "height", "width"), (4, 84, 84))
    facts = DataFacts((STATE,), (ACTION,), 1, False, ("",), ("actions",), None, {})
    assert [option.place for option in suggested_options(facts)] == ["process.steps"]
    large = suggested_options(replace(facts, inputs=(frames,)))
    assert (large[1].place, large[1].value) == ("process.buffer_size", 8_857)


def test_dropout_is_refused() -> None:
    net = nn.Sequential(nn.Linear(3, 2), nn.Dropout(0.1))
    with pytest.raises(TaskError, match=r"no net with dropout.*Leave process\.dropout out"):
        DQN(net, (), Options())


def test_values_stay_when_those_of_other_states_are_computed() -> None:
    algorithm, states = agent(), np.eye(3, dtype=np.float32)
    first = algorithm.q_values(states[:2])
    expected = first.copy()
    algorithm.q_values(states[1:])
    assert np.array_equal(first, expected)

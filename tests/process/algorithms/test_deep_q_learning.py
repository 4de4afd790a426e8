"""Deep Q-learning: one update beside plain torch, the replay buffer, exploration."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from kissipo.core.batch import Batch
from kissipo.core.errors import TaskError
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.algorithms.deep_q_learning import DeepQLearning, Options, Replay
from kissipo.process.nets import ffn

STATE, ACTION = TensorSpec("state", ("feature",), (3,)), TensorSpec("action", ("action",), (2,))


def agent(**options: Any) -> DeepQLearning:
    torch.manual_seed(0)
    net = ffn.build((STATE,), (ACTION,), ffn.Options(units=(16,)))
    algorithm = DeepQLearning(net, (), Options(**options))
    with torch.no_grad():
        for weight in algorithm.target.parameters():
            weight += 0.3 * torch.randn(weight.shape)
    return algorithm


@pytest.mark.parametrize("double", [True, False])
def test_update_equals_plain_torch(double: bool) -> None:
    """The target is r + 0.9 Q_target(s', b), and r alone at the end of an episode."""
    algorithm = agent(discount=0.9, learning_rate=0.01, double=double)
    net, target = deepcopy(algorithm.net), algorithm.target
    adam = torch.optim.Adam(net.parameters(), 0.01)
    for number in range(3):
        states, following = torch.randn(2, 8, 3)
        actions, rewards = torch.randint(2, (8,)), 3 * torch.randn(8)
        ends = torch.tensor([0.0, 1, 0, 0, 1, 0, 0, 1])
        errors = []
        for row in range(8):
            with torch.no_grad():
                values = target(following[row : row + 1])[0]
                choice = net(following[row : row + 1])[0].argmax() if double else values.argmax()
            goal = rewards[row] if ends[row] else rewards[row] + 0.9 * values[choice]
            error = (net(states[row : row + 1])[0, actions[row]] - goal).abs()
            errors.append(error.square() / 2 if error < 1 else error - 0.5)
        loss = torch.stack(errors).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        result = algorithm.step(Batch((states, following), (actions, rewards, ends)))
        torch.testing.assert_close(result["loss"], loss.detach(), rtol=1e-5, atol=1e-6)
        for weight, expected in zip(algorithm.net.parameters(), net.parameters(), strict=True):
            torch.testing.assert_close(weight, expected, rtol=1e-4, atol=1e-5 * (number + 1))


def test_replay_overwrites_the_oldest_step_and_is_restored() -> None:
    replay, generator = Replay(4), np.random.default_rng(0)
    for number in range(6):
        state = np.full(2, number, dtype=np.float32)
        replay.add(state, state + 1, number % 2, -number, end=number == 5)
        if number == 1:
            assert set(replay.draw(50, generator).inputs[0][:, 0].tolist()) == {0, 1}
    other = Replay(4)
    other.load_state_dict(replay.state_dict())
    for some in (replay, other):
        batch = some.draw(100, np.random.default_rng(1))
        (states, following), (actions, rewards, ends) = batch.inputs, batch.targets
        assert set(states[:, 0].tolist()) == {2, 3, 4, 5}
        assert torch.equal(following, states + 1)
        assert torch.equal(actions, states[:, 0].long() % 2)
        assert torch.equal(rewards, -states[:, 0])
        assert torch.equal(ends, (states[:, 0] == 5).float())
        some.add(np.zeros(2), np.ones(2), 0, 7.0, end=False)
        assert 2 not in some.draw(100, np.random.default_rng(1)).inputs[0]


def test_updates_begin_and_the_target_net_is_copied_after_their_steps() -> None:
    algorithm = agent(replay_start=5, update_every=2, target_every=8, replay_batch=4)
    first, old = deepcopy(algorithm.net.state_dict()), deepcopy(algorithm.target.state_dict())
    algorithm.begin_episode(np.random.default_rng(0), done=0)
    changed_after = []
    for number in range(1, 9):
        before = deepcopy(algorithm.net.state_dict())
        algorithm.update(np.ones(3, dtype=np.float32), 1, 1.0, np.zeros(3), end=False)
        if any(not torch.equal(before[key], algorithm.net.state_dict()[key]) for key in before):
            changed_after.append(number)
        expected = old if number < 8 else algorithm.net.state_dict()
        for key, weight in algorithm.target.state_dict().items():
            assert torch.equal(weight, expected[key])
    assert changed_after == [6, 8]
    assert not torch.equal(first["1.weight"], algorithm.net.state_dict()["1.weight"])


def test_epsilon_and_learning_rate_fall_linearly() -> None:
    algorithm, generator = agent(epsilon_end=0.2, exploration_fraction=0.5), None
    state = np.ones(3, dtype=np.float32)
    best, generator = algorithm.best(state), np.random.default_rng(0)
    for done, probability in ((0.0, 1.0), (0.25, 0.6), (0.5, 0.2), (1.0, 0.2)):
        acts = [algorithm.act(state, generator, done=done) for _ in range(4_000)]
        # four standard errors
        assert np.mean(np.asarray(acts) != best) == pytest.approx(probability / 2, abs=0.032)
    algorithm.begin_episode(generator, done=0.25)
    assert algorithm.optimizer.param_groups[0]["lr"] == pytest.approx(0.75e-3)


def test_dropout_is_refused() -> None:
    net = nn.Sequential(nn.Linear(3, 2), nn.Dropout(0.1))
    with pytest.raises(TaskError, match=r"no net with dropout.*Leave process\.dropout out"):
        DeepQLearning(net, (), Options())

"""Q-learning: updates by hand, exploration by counting, values of a tiny world."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from kissipo.core.batch import Batch
from kissipo.process.algorithms.q_learning import Options, QLearning


def agent(**options: object) -> tuple[QLearning, torch.Tensor]:
    table = nn.Embedding(3, 2)
    table.weight.data = torch.tensor([[0.0, 1.0], [2.0, -1.0], [0.0, 0.0]])
    return QLearning(table, None, Options(**options)), table.weight.data  # type: ignore[arg-type]


def test_q_learning_update_by_hand() -> None:
    """Q(0, 1) = 1 + 0.5 (3 + 0.9 max(2, -1) - 1) = 2.9.

    At the end of an episode the next value is 0: 2.9 + 0.5 (3 - 2.9) = 2.95.
    """
    algorithm, values = agent(learning_rate=0.5, discount=0.9)
    algorithm.update(0, 1, 3.0, 1, end=False)
    assert values.tolist() == [[0.0, pytest.approx(2.9)], [2.0, -1.0], [0.0, 0.0]]
    algorithm.update(0, 1, 3.0, 1, end=True)
    assert values[0, 1].item() == pytest.approx(2.95)


def test_default_learning_rate_falls_with_the_visits() -> None:
    algorithm, values = agent(discount=0.0)
    expected = 1.0
    for visit in range(1, 6):
        algorithm.update(0, 1, float(visit), 2, end=False)
        expected += (visit - expected) / visit**0.65
        assert values[0, 1].item() == pytest.approx(expected, rel=1e-6)


def test_epsilon_falls_linearly() -> None:
    algorithm, _ = agent(epsilon_start=1.0, epsilon_end=0.2)
    generator = np.random.default_rng(0)
    for done, probability in ((0.0, 1.0), (0.5, 0.6), (1.0, 0.2)):
        other = (
            sum(algorithm.act(0, generator, done=done) == 0 for _ in range(20_000)) / 20_000
        )  # action 1 is the best in state 0
        assert other == pytest.approx(probability / 2, abs=0.012)  # four standard errors


def test_q_values_of_a_corridor() -> None:
    """The reward is 1 at the end of 0 -> 1 -> 2, and 0 elsewhere.

    Q(1, on) = 1, Q(0, on) = 0.9, Q(1, back) = 0.81, Q(0, back) = 0.81
    """
    table = nn.Embedding(3, 2)
    nn.init.zeros_(table.weight)
    algorithm, generator = (
        QLearning(table, None, Options(discount=0.9, learning_rate=0.5)),
        np.random.default_rng(1),
    )
    for episode in range(400):
        state = 0
        for _ in range(50):
            action = algorithm.act(state, generator, done=episode / 400)
            next_state = max(0, state - 1) if action == 0 else state + 1
            end = next_state == 2
            algorithm.update(state, action, float(end), next_state, end=end)
            state = next_state
            if end:
                break
    np.testing.assert_allclose(table.weight.detach()[:2], [[0.81, 0.9], [0.81, 1.0]], atol=1e-3)


def test_batch_of_steps_is_learned_one_by_one() -> None:
    one, values = agent(learning_rate=0.5, discount=0.9)
    other, expected = agent(learning_rate=0.5, discount=0.9)
    states, following = torch.tensor([0, 0, 1]), torch.tensor([1, 2, 0])
    actions, rewards = torch.tensor([1, 1, 0]), torch.tensor([3.0, 3.0, -1.0])
    ends = torch.tensor([0.0, 1.0, 0.0])
    one.step(Batch((states, following), (actions, rewards, ends)))
    other.update(0, 1, 3.0, 1, end=False)
    other.update(0, 1, 3.0, 2, end=True)
    other.update(1, 0, -1.0, 0, end=False)
    assert torch.equal(values, expected)
    assert values[0, 1].item() == pytest.approx(2.95)


def test_visits_are_saved() -> None:
    algorithm, _ = agent()
    algorithm.update(0, 1, 1.0, 1, end=False)
    state = algorithm.state_dict()
    other, _ = agent()
    other.load_state_dict(state)
    assert other.state_dict()["visits"].tolist() == [[0, 1], [0, 0], [0, 0]]

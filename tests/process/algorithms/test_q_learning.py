"""Q-learning: each update by hand, the choice while exploring counted, on a tiny world the values of the rules."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from kissipo.process.algorithms.q_learning import Options, QLearning


def agent(**words: object) -> tuple[QLearning, torch.Tensor]:
    table = nn.Embedding(3, 2)
    table.weight.data = torch.tensor([[0.0, 1.0], [2.0, -1.0], [0.0, 0.0]])
    return QLearning(table, None, Options(**words)), table.weight.data  # type: ignore[arg-type]


def test_one_update_by_hand() -> None:
    """Q(0, 1) = 1 + 0.5 (3 + 0.9 max(2, -1) - 1) = 2.9; at the end nothing follows: 2.9 + 0.5 (3 - 2.9) = 2.95."""
    learner, values = agent(learning_rate=0.5, discount=0.9)
    learner.learn(0, 1, 3.0, 1, end=False)
    assert values.tolist() == [[0.0, pytest.approx(2.9)], [2.0, -1.0], [0.0, 0.0]]
    learner.learn(0, 1, 3.0, 1, end=True)
    assert values[0, 1].item() == pytest.approx(2.95)


def test_without_a_rate_it_falls_with_the_visits() -> None:
    learner, values = agent(discount=0.0)
    expected = 1.0
    for visit in range(1, 6):
        learner.learn(0, 1, float(visit), 2, end=False)
        expected += (visit - expected) / visit**0.65
        assert values[0, 1].item() == pytest.approx(expected, rel=1e-6)


def test_the_chance_of_a_random_action_falls_evenly() -> None:
    learner, _ = agent(epsilon_start=1.0, epsilon_end=0.2)
    generator = np.random.default_rng(0)
    for done, chance in ((0.0, 1.0), (0.5, 0.6), (1.0, 0.2)):
        other = (
            sum(learner.act(0, generator, done=done) == 0 for _ in range(20_000)) / 20_000
        )  # action 1 is the best in state 0
        assert other == pytest.approx(chance / 2, abs=0.012)  # four standard errors


def test_a_corridor_has_the_values_of_its_rules() -> None:
    """0 -> 1 -> 2 pays 1 at the end, going back pays nothing: Q(1, on) = 1, Q(0, on) = 0.9, Q(1, back) = 0.81, Q(0, back) = 0.81."""
    table = nn.Embedding(3, 2)
    nn.init.zeros_(table.weight)
    learner, generator = (
        QLearning(table, None, Options(discount=0.9, learning_rate=0.5)),
        np.random.default_rng(1),
    )
    for episode in range(400):
        state = 0
        for _ in range(50):
            action = learner.act(state, generator, done=episode / 400)
            following = max(0, state - 1) if action == 0 else state + 1
            end = following == 2
            learner.learn(state, action, float(end), following, end=end)
            state = following
            if end:
                break
    np.testing.assert_allclose(table.weight.detach()[:2], [[0.81, 0.9], [0.81, 1.0]], atol=1e-3)


def test_its_visits_are_saved() -> None:
    learner, _ = agent()
    learner.learn(0, 1, 1.0, 1, end=False)
    state = learner.state_dict()
    other, _ = agent()
    other.load_state_dict(state)
    assert other.state_dict()["visits"].tolist() == [[0, 1], [0, 0], [0, 0]]

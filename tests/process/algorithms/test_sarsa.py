"""SARSA: updates by hand, and the policy beside a cliff."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from kissipo.process.algorithms.sarsa import Options, Sarsa


def agent(values: list[list[float]], options: Options) -> tuple[Sarsa, torch.Tensor]:
    table = nn.Embedding(len(values), len(values[0]))
    table.weight.data = torch.tensor(values)
    return Sarsa(table, None, options), table.weight.data


def test_sarsa_update_by_hand() -> None:
    """The next action is 1, not the better 0.

    Q(0, 1) = 1 + 0.5 (3 + 0.9 · (-1) - 1) = 1.55; at the end 1.55 + 0.5 (3 - 1.55).
    """
    greedy = Options(learning_rate=0.5, discount=0.9, epsilon_start=0, epsilon_end=0)
    algorithm, values = agent([[0.0, 1.0], [2.0, -1.0]], greedy)
    generator = np.random.default_rng(0)
    algorithm.update(0, 1, 3.0, 1, end=False)
    assert values[0, 1].item() == 1.0  # the next action is not known yet
    values[1, 0] = -2.0
    assert algorithm.act(1, generator, done=0.0) == 1
    assert values[0, 1].item() == pytest.approx(1.55)
    algorithm.update(0, 1, 3.0, 1, end=True)
    assert values[0, 1].item() == pytest.approx(2.275)


def test_an_episode_that_is_cut_short_has_a_next_value() -> None:
    options = Options(learning_rate=1.0, discount=0.5, epsilon_start=0, epsilon_end=0)
    algorithm, values = agent([[0.0, 0.0], [4.0, 0.0]], options)
    algorithm.begin_episode(np.random.default_rng(0), done=0.0)
    algorithm.update(0, 1, 3.0, 1, end=False)
    algorithm.end_episode()
    assert values[0, 1].item() == 3 + 0.5 * 4
    algorithm.end_episode()  # there is no step left
    assert values[0].tolist() == [0.0, 5.0]

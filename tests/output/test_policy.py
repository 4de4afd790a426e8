"""Value iteration beside numbers worked by hand and beside every policy tried; where a policy agrees with the best."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kissipo.input.environments.racing import Racing
from kissipo.output.policy import agreement, states_that_matter, value_iteration

Model = dict[int, dict[int, list[tuple[float, int, float, bool]]]]
CORRIDOR: Model = {
    0: {0: [(1.0, 0, 0.0, False)], 1: [(1.0, 1, 0.0, False)]},
    1: {0: [(1.0, 0, 0.0, False)], 1: [(1.0, 2, 8.0, True)]},
    2: {0: [(1.0, 2, 0.0, True)], 1: [(1.0, 2, 0.0, True)]},
    3: {0: [(1.0, 0, 9.0, False)], 1: [(1.0, 3, 0.0, False)]},
}


def test_the_racing_car_of_the_lecture_by_hand() -> None:
    # cool: fast, V = 2 + 0.9 (V + W) / 2; warm: slow, W = 1 + 0.9 (V + W) / 2; so V - W = 1, V = 15.5, W = 14.5
    # the other two: slow when cool 1 + 0.9 · 15.5, fast when warm -10 and the end
    values = value_iteration(Racing().P, discount=0.9)
    np.testing.assert_allclose(values, [[14.95, 15.5], [14.5, -10.0], [0.0, 0.0]], rtol=1e-10)


def test_the_first_two_rounds_of_the_lecture_by_hand() -> None:
    # without discount: after one round V = (2, 1, 0), after two V = (3.5, 2.5, 0)
    for rounds, expected in ((1, [2.0, 1.0, 0.0]), (2, [3.5, 2.5, 0.0])):
        values = value_iteration(Racing().P, discount=1.0, most=rounds)
        assert values.max(axis=1).tolist() == expected


def test_a_reward_further_away_is_worth_less_and_nothing_follows_the_end() -> None:
    values = value_iteration(CORRIDOR, discount=0.5)
    # (1, right) 8 and the end; (0, right) half of it; back or waiting half again; state 3 gets 9 and then 4 a step later
    np.testing.assert_allclose(
        values, [[2.0, 4.0], [2.0, 8.0], [0.0, 0.0], [11.0, 5.5]], atol=1e-11
    )


def worth(model: Model, policy: tuple[int, ...], discount: float) -> Any:
    """What each state is worth under a policy: the solution of its linear equations."""
    matrix, right = np.eye(len(model)), np.zeros(len(model))
    for state, action in enumerate(policy):
        for chance, following, reward, end in model[state][action]:
            right[state] += chance * reward
            matrix[state, following] -= 0.0 if end else chance * discount
    return np.linalg.solve(matrix, right)


def ways(states: int) -> st.SearchStrategy[list[tuple[float, int, float, bool]]]:
    one = st.tuples(st.integers(0, states - 1), st.integers(-5, 5).map(float), st.booleans())
    pair = st.tuples(st.sampled_from([0.0, 0.25, 0.5, 1.0]), one, one)
    return pair.map(lambda drawn: [(drawn[0], *drawn[1]), (1 - drawn[0], *drawn[2])])


def models(states: int = 3, actions: int = 2) -> st.SearchStrategy[Model]:
    row = st.fixed_dictionaries({action: ways(states) for action in range(actions)})
    return st.fixed_dictionaries(dict.fromkeys(range(states), row))


@settings(max_examples=50, deadline=None)
@given(model=models(), discount=st.sampled_from([0.0, 0.5, 0.9]))
def test_no_policy_of_all_is_worth_more_than_the_one_it_finds(
    model: Model, discount: float
) -> None:
    values = value_iteration(model, discount=discount)
    best = np.max([worth(model, policy, discount) for policy in product((0, 1), repeat=3)], axis=0)
    np.testing.assert_allclose(values.max(axis=1), best, atol=1e-9)
    np.testing.assert_allclose(
        worth(model, tuple(values.argmax(axis=1)), discount), best, atol=1e-9
    )


def test_a_state_matters_when_one_can_come_there_and_still_decide() -> None:
    # the corridor's end is the end; nothing leads to state 3; a way with no chance leads nowhere
    assert states_that_matter(CORRIDOR).tolist() == [True, True, False, False]
    nowhere = [(0.0, 1, 0.0, False), (1.0, 0, 0.0, False)]
    assert states_that_matter({0: {0: nowhere}, 1: {0: nowhere}}).tolist() == [True, False]
    assert states_that_matter(Racing().P).tolist() == [True, True, False]


def test_a_policy_agrees_where_its_action_is_one_of_the_best() -> None:
    best = np.array([[1.0, 1.0], [2.0, 3.0], [0.0, 5.0], [2.0, 2.0 + 1e-9]])
    learned = np.array([[0.0, 9.0], [0.5, 0.4], [7.0, 0.0], [1.0, 0.0]])
    matters = np.array([True, True, False, True])
    assert agreement(learned, best, matters).tolist() == [True, False, True, True]


def test_a_frozen_lake_has_the_value_that_is_known() -> None:
    gymnasium = pytest.importorskip("gymnasium")
    model = gymnasium.make("FrozenLake-v1").unwrapped.P
    values = value_iteration(model, discount=1.0)
    # without discount the start is worth the chance to arrive, however long it takes: 14 of 17
    assert values[0].max() == pytest.approx(14 / 17, abs=1e-6)
    assert values[14].max() == pytest.approx(16 / 17, abs=1e-6)

"""Value iteration beside numbers by hand and beside every policy."""

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


def test_value_iteration_of_the_racing_car() -> None:
    # cool: fast, V = 2 + 0.9 (V + W) / 2; warm: slow, W = 1 + 0.9 (V + W) / 2
    # so V - W = 1, V = 15.5, W = 14.5
    # the other two: slow when cool 1 + 0.9 · 15.5, fast when warm -10 and the end
    values = value_iteration(Racing().P, discount=0.9)
    np.testing.assert_allclose(values, [[14.95, 15.5], [14.5, -10.0], [0.0, 0.0]], rtol=1e-10)


def test_value_iteration_after_one_and_two_iterations() -> None:
    # without discount: after one round V = (2, 1, 0), after two V = (3.5, 2.5, 0)
    for rounds, expected in ((1, [2.0, 1.0, 0.0]), (2, [3.5, 2.5, 0.0])):
        values = value_iteration(Racing().P, discount=1.0, max_iterations=rounds)
        assert values.max(axis=1).tolist() == expected


def test_value_iteration_discounts_later_rewards() -> None:
    values = value_iteration(CORRIDOR, discount=0.5)
    # (1, right) is 8, then the end; (0, right) is half of it
    # moving back or waiting halves it again; state 3 is 9 + 0.5 · 4
    np.testing.assert_allclose(
        values, [[2.0, 4.0], [2.0, 8.0], [0.0, 0.0], [11.0, 5.5]], atol=1e-11
    )


def values_of(model: Model, policy: tuple[int, ...], discount: float) -> Any:
    """The state values of a policy: the solution of its linear equations."""
    matrix, right = np.eye(len(model)), np.zeros(len(model))
    for state, action in enumerate(policy):
        for chance, following, reward, end in model[state][action]:
            right[state] += chance * reward
            matrix[state, following] -= 0.0 if end else chance * discount
    return np.linalg.solve(matrix, right)


def transitions(states: int) -> st.SearchStrategy[list[tuple[float, int, float, bool]]]:
    one = st.tuples(st.integers(0, states - 1), st.integers(-5, 5).map(float), st.booleans())
    pair = st.tuples(st.sampled_from([0.0, 0.25, 0.5, 1.0]), one, one)
    return pair.map(lambda drawn: [(drawn[0], *drawn[1]), (1 - drawn[0], *drawn[2])])


def models(states: int = 3, actions: int = 2) -> st.SearchStrategy[Model]:
    row = st.fixed_dictionaries({action: transitions(states) for action in range(actions)})
    return st.fixed_dictionaries(dict.fromkeys(range(states), row))


@settings(max_examples=50, deadline=None)
@given(model=models(), discount=st.sampled_from([0.0, 0.5, 0.9]))
def test_value_iteration_is_the_maximum_over_all_policies(model: Model, discount: float) -> None:
    values = value_iteration(model, discount=discount)
    best = np.max(
        [values_of(model, policy, discount) for policy in product((0, 1), repeat=3)], axis=0
    )
    np.testing.assert_allclose(values.max(axis=1), best, atol=1e-9)
    np.testing.assert_allclose(
        values_of(model, tuple(values.argmax(axis=1)), discount), best, atol=1e-9
    )


def test_states_that_matter_are_reachable_and_not_terminal() -> None:
    # state 2 is terminal; nothing leads to state 3; probability 0 does not count
    assert states_that_matter(CORRIDOR).tolist() == [True, True, False, False]
    nowhere = [(0.0, 1, 0.0, False), (1.0, 0, 0.0, False)]
    assert states_that_matter({0: {0: nowhere}, 1: {0: nowhere}}).tolist() == [True, False]
    assert states_that_matter(Racing().P).tolist() == [True, True, False]


def test_agreement_accepts_every_optimal_action() -> None:
    best = np.array([[1.0, 1.0], [2.0, 3.0], [0.0, 5.0], [2.0, 2.0 + 1e-9]])
    q = np.array([[0.0, 9.0], [0.5, 0.4], [7.0, 0.0], [1.0, 0.0]])
    matters = np.array([True, True, False, True])
    assert agreement(q, best, matters).tolist() == [True, False, True, True]


def test_value_iteration_of_the_frozen_lake() -> None:
    gymnasium = pytest.importorskip("gymnasium")
    model = gymnasium.make("FrozenLake-v1").unwrapped.P
    values = value_iteration(model, discount=1.0)
    # without discount the value of the start is the probability of the goal: 14 / 17
    assert values[0].max() == pytest.approx(14 / 17, abs=1e-6)
    assert values[14].max() == pytest.approx(16 / 17, abs=1e-6)

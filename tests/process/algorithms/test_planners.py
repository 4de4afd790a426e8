"""Value and policy iteration beside a loop of plain Python over four worlds."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from kissipo.core.algorithm import Planner
from kissipo.core.environment import Transitions
from kissipo.input.environments.racing import Racing
from kissipo.process.algorithms import policy_iteration, value_iteration

WORLDS = {
    "racing": 0.9,
    "FrozenLake-v1": 0.97,
    "CliffWalking-v1": 0.95,
    "Taxi": 0.9,
}


@cache
def model_of(name: str) -> Any:
    if name == "racing":
        return Racing().P
    gymnasium = pytest.importorskip("gymnasium")
    newest = [other for other in gymnasium.registry if other.split("-")[0] == name.split("-")[0]]
    return gymnasium.make(name if name in newest else newest[-1]).unwrapped.P


@cache
def witness(name: str) -> Any:
    """Returns Q by single backups over states and actions, without arrays of rules."""
    model, discount = model_of(name), WORLDS[name]
    values = [0.0] * len(model)
    for _ in range(10_000):
        q = [
            [
                sum(p * (r + (0 if end else discount * values[s])) for p, s, r, end in rows)
                for rows in actions.values()
            ]
            for actions in model.values()
        ]
        new = [max(row) for row in q]
        change = max(abs(a - b) for a, b in zip(new, values, strict=True))
        values = new
        if change < 1e-11:
            break
    return np.asarray(q)


def solved(planner: Planner, name: str) -> int:
    """Sweeps until nothing changes; returns the number of sweeps."""
    rules, sweeps = Transitions.of(model_of(name)), 0
    while not planner.has_converged():
        planner.sweep(rules)
        sweeps += 1
        assert sweeps < 2_000
    return sweeps


def table_of(name: str) -> nn.Embedding:
    model = model_of(name)
    table = nn.Embedding(len(model), len(model[0]))
    nn.init.zeros_(table.weight)
    return table


@pytest.mark.parametrize("name", WORLDS)
def test_values_equal_a_plain_loop(name: str) -> None:
    expected, states = witness(name), np.arange(len(model_of(name)))
    planners: list[tuple[nn.Embedding, Planner]] = []
    for module in (value_iteration, policy_iteration):
        table = table_of(name)
        options = module.Options(discount=WORLDS[name])
        planners.append((table, module.ALGORITHM(table, (), options)))
    sweeps = []
    for table, planner in planners:
        sweeps.append(solved(planner, name))
        np.testing.assert_allclose(table.weight.detach().numpy(), expected, rtol=1e-6, atol=1e-6)
        best = planner.best(states)
        loss = expected.max(axis=1) - expected[states, best]
        assert loss.max() < 1e-8
    assert sweeps[1] < sweeps[0]  # policy iteration needs fewer sweeps


def test_planner_goes_on_where_it_was_saved() -> None:
    for module in (value_iteration, policy_iteration):
        tables = [table_of("FrozenLake-v1") for _ in range(2)]
        one, other = (module.ALGORITHM(table, (), module.Options()) for table in tables)
        rules = Transitions.of(model_of("FrozenLake-v1"))
        one.sweep(rules)
        other.load_state_dict(one.state_dict())
        for planner in (one, other):
            planner.sweep(rules)
        assert torch.equal(tables[0].weight, tables[1].weight)


def test_policy_iteration_needs_a_discount_below_one() -> None:
    from kissipo.core.errors import TaskError
    from kissipo.core.schema import read

    with pytest.raises(TaskError, match="below 1"):
        read(policy_iteration.Options, {"discount": 1.0}, place="process")

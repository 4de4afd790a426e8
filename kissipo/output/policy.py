"""What is best in a Markov decision process whose rules are known: value iteration, and how far a policy agrees with it (S42).

V(s) <- max_a sum over s' of p(s' | s, a) (reward + d · V(s'))      until nothing changes; Q(s, a) is the inner sum

Source:   Bellman 1957.
Example:  >>> coin = {0: {0: [(1.0, 0, 1.0, True)], 1: [(0.5, 0, 0.0, True), (0.5, 0, 4.0, True)]}}
          >>> value_iteration(coin, discount=0.9).tolist()
          [[1.0, 2.0]]
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[Any]


def value_iteration(
    model: Any, *, discount: float, tolerance: float = 1e-12, most: int = 100_000
) -> Values:
    """Q of every state and action; `model[state][action]` lists (probability, next state, reward, end)."""
    states, actions = len(model), len(model[0])
    chance, following, reward, goes_on, owner = _flat(model, actions)
    values: Values = np.zeros(states * actions)
    for _ in range(most):
        best = values.reshape(states, actions).max(axis=1)
        seen = chance * (reward + discount * goes_on * best[following])
        new = np.bincount(owner, seen, minlength=states * actions)
        change = float(np.abs(new - values).max())
        values = new
        if change < tolerance:
            break
    return values.reshape(states, actions)


def states_that_matter(model: Any) -> NDArray[np.bool_]:
    """States that can be reached from the first one and in which something can still be decided."""
    reached, waiting = {0}, [0]
    while waiting:
        state = waiting.pop()
        for ways in model[state].values():
            for chance, following, _, end in ways:
                if chance > 0 and not end and following not in reached:
                    reached.add(following)
                    waiting.append(following)
    return np.asarray([state in reached for state in range(len(model))])


def agreement(
    learned: Values, best: Values, matters: NDArray[np.bool_], *, tolerance: float = 1e-6
) -> NDArray[np.bool_]:
    """For each state that matters: whether the learned best action is one of the really best."""
    chosen = learned.argmax(axis=1)
    loss = best.max(axis=1) - best[np.arange(len(best)), chosen]
    return (loss <= tolerance) | ~matters


def _flat(
    model: Any, actions: int
) -> tuple[Values, NDArray[np.int64], Values, Values, NDArray[np.int64]]:
    rows = [
        (chance, following, reward, 0.0 if end else 1.0, state * actions + action)
        for state in range(len(model))
        for action in range(actions)
        for chance, following, reward, end in model[state][action]
    ]
    chance, following, reward, goes_on, owner = (
        np.asarray(column) for column in zip(*rows, strict=True)
    )
    return chance, following.astype(np.int64), reward, goes_on, owner.astype(np.int64)

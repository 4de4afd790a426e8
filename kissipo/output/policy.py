"""Value iteration for a Markov decision process with a known model (S42).

V(s) <- max_a sum over s' of p(s' | s, a) (reward + d · V(s'))      until it converges
Q(s, a) is the inner sum.

Source:   Bellman 1957.
Example:  >>> ends = [(1.0, 0, 1.0, True)], [(0.5, 0, 0.0, True), (0.5, 0, 4.0, True)]
          >>> value_iteration({0: dict(enumerate(ends))}, discount=0.9).tolist()
          [[1.0, 2.0]]
"""

import numpy as np
from numpy.typing import NDArray

from kissipo.core.environment import TransitionModel
from kissipo.core.numpy_array import NumpyArray

Values = NDArray[np.float64]


def value_iteration(
    model: TransitionModel,
    *,
    discount: float,
    tolerance: float = 1e-12,
    max_iterations: int = 100_000,
) -> Values:
    """Returns Q (state, action).

    `model[state][action]` lists (probability, next state, reward, terminal).
    """
    states, actions = len(model), len(model[0])
    probability, following, reward, not_terminal, pair = _flat(model, actions)
    values: Values = np.zeros(states * actions)
    for _ in range(max_iterations):
        best = values.reshape(states, actions).max(axis=1)
        targets = probability * (reward + discount * not_terminal * best[following])
        new: NumpyArray = np.bincount(pair, targets, minlength=states * actions)
        change = float(np.abs(new - values).max())
        values = new
        if change < tolerance:
            break
    return values.reshape(states, actions)


def states_that_matter(model: TransitionModel) -> NDArray[np.bool_]:
    """Returns which states can be reached from state 0 before the episode ends."""
    reached, waiting = {0}, [0]
    while waiting:
        state = waiting.pop()
        for transitions in model[state].values():
            for probability, following, _, terminal in transitions:
                if probability > 0 and not terminal and following not in reached:
                    reached.add(following)
                    waiting.append(following)
    return np.asarray([state in reached for state in range(len(model))])


def agreement(
    q: Values, optimal_q: Values, matters: NDArray[np.bool_], *, tolerance: float = 1e-6
) -> NDArray[np.bool_]:
    """Returns per state whether the greedy action is optimal or irrelevant."""
    actions = q.argmax(axis=1)
    loss = optimal_q.max(axis=1) - optimal_q[np.arange(len(optimal_q)), actions]
    return (loss <= tolerance) | ~matters


def _flat(
    model: TransitionModel, actions: int
) -> tuple[Values, NDArray[np.int64], Values, Values, NDArray[np.int64]]:
    rows = [
        (probability, following, reward, 0.0 if terminal else 1.0, state * actions + action)
        for state in range(len(model))
        for action in range(actions)
        for probability, following, reward, terminal in model[state][action]
    ]
    probability, following, reward, not_terminal, pair = (
        np.asarray(column) for column in zip(*rows, strict=True)
    )
    return probability, following.astype(np.int64), reward, not_terminal, pair.astype(np.int64)

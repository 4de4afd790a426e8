"""Value iteration for a Markov decision process with a known model (S42).

V(s) <- max_a sum over s' of p(s' | s, a) (reward + d · V(s'))      until it converges
Q(s, a) is the inner sum.

Source:   Bellman 1957.
Example:  >>> ends = [(1.0, 0, 1.0, True)], [(0.5, 0, 0.0, True), (0.5, 0, 4.0, True)]
          >>> value_iteration({0: dict(enumerate(ends))}, discount=0.9).tolist()
          [[1.0, 2.0]]
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from kissipo.core.environment import TransitionModel, Transitions

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
    rules = Transitions.of(model)
    values: Values = np.zeros((rules.states, rules.actions))
    for _ in range(max_iterations):
        new = rules.action_values(values.max(axis=1), discount=discount)
        change = float(np.abs(new - values).max())
        values = new
        if change < tolerance:
            break
    return values


def states_that_matter(model: TransitionModel, starts: Iterable[int] = (0,)) -> NDArray[np.bool_]:
    """Returns which states an episode can reach before it ends."""
    reached = set(starts)
    waiting = sorted(reached)
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

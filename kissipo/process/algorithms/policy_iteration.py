"""Policy iteration: the exact values of a policy, then the better policy (S42).

V = R + d P V                         the values of the policy, by linear equations
policy(s) <- argmax_a Q(s, a)         until no action changes

R and P are the rewards and the transition probabilities under the policy, d is the
discount factor. Few sweeps are needed, but each solves as many equations as there are
states.

Source:   Howard 1960.
Choices:  the first policy takes action 0 everywhere; an action changes only when
          another one is better by more than a rounding error, or equal actions would
          alternate without end.
Raises:   TaskError when the environment does not publish its rules.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from kissipo.core.algorithm import Planner
from kissipo.core.environment import Transitions
from kissipo.core.numpy_array import NumpyArray
from kissipo.core.protocols import StateDict
from kissipo.core.schema import option

INTERACTIVE = True
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Options:
    """The options of policy iteration."""

    discount: float = option(0.99, "discount factor (gamma) of future rewards", minimum=0, below=1)
    max_sweeps: int = option(1_000, "maximum number of sweeps over all states", minimum=1)


class PolicyIteration(Planner):
    """A planner with a Q-table, which is computed in float64."""

    cpu_only = True

    def __init__(
        self, net: nn.Module, losses: object, options: Options, *, total_steps: int = 0
    ) -> None:
        self.net, self.options = net, options
        self.max_sweeps = options.max_sweeps
        self._table: NumpyArray = net.get_parameter("weight").detach().numpy()
        self._policy = np.zeros(len(self._table), dtype=np.int64)
        self._changed = len(self._policy)

    def sweep(self, rules: Transitions) -> Mapping[str, float]:
        """Evaluates and improves the policy; returns how many actions changed."""
        rewards, matrix = rules.under(self._policy)
        states = np.arange(len(rewards))
        equations = np.eye(len(rewards)) - self.options.discount * matrix
        values = np.linalg.solve(equations, rewards).astype(np.float64)
        q = rules.action_values(values, discount=self.options.discount)
        better = q.max(axis=1) > q[states, self._policy] + _ROUNDING * (1 + np.abs(values))
        self._policy = np.where(better, q.argmax(axis=1), self._policy)
        self._changed = int(better.sum())
        self._table[:] = q
        return {"changed_actions": float(self._changed)}

    def has_converged(self) -> bool:
        """Returns whether the last sweep changed no action."""
        return self._changed == 0

    def q_values(self, states: NumpyArray) -> NumpyArray:
        """Returns the values of all actions (state, action)."""
        values: NumpyArray = self._table[states]
        return values

    def best(self, states: NumpyArray) -> NumpyArray:
        """Returns the action of the policy for each state."""
        actions: NumpyArray = self._policy[states]
        return actions

    def state_dict(self) -> StateDict:
        """Returns the policy, and how many of its actions changed in the last sweep."""
        return {"policy": torch.from_numpy(self._policy.copy()), "changed": self._changed}

    def load_state_dict(self, state: StateDict) -> None:
        """Restores what `state_dict` returned."""
        self._policy, self._changed = state["policy"].numpy(), state["changed"]


ALGORITHM = PolicyIteration

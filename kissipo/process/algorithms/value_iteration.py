"""Value iteration: sweeps over all states with the rules of the world known (S42).

Q(s, a) <- sum over s' of p(s' | s, a) (reward + d · max_b Q(s', b))

d is the discount factor. Every sweep brings the values closer to the optimal ones by a
factor of d, so with d = 0.99 a sweep removes a hundredth of the error.

Source:   Bellman 1957.
Raises:   TaskError when the environment does not publish its rules.
Example:  >>> from torch import nn
          >>> table = nn.Embedding(1, 2)
          >>> agent = ValueIteration(table, (), Options(discount=0.9))
          >>> ends = [(1.0, 0, 1.0, True)], [(0.5, 0, 0.0, True), (0.5, 0, 4.0, True)]
          >>> rules = Transitions.of({0: dict(enumerate(ends))})
          >>> agent.sweep(rules)["change"], table.weight.tolist()
          (2.0, [[1.0, 2.0]])
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


@dataclass(frozen=True)
class Options:
    """The options of value iteration."""

    discount: float = option(
        0.99, "discount factor (gamma) of future rewards", minimum=0, maximum=1
    )
    tolerance: float = option(
        1e-10, "sweeps stop when no value changes by more than this in a sweep", above=0
    )
    max_sweeps: int = option(10_000, "maximum number of sweeps over all states", minimum=1)


class ValueIteration(Planner):
    """A planner with a Q-table, which is computed in float64."""

    cpu_only = True

    def __init__(
        self, net: nn.Module, losses: object, options: Options, *, total_steps: int = 0
    ) -> None:
        self.net, self.options = net, options
        self.max_sweeps = options.max_sweeps
        self._table: NumpyArray = net.get_parameter("weight").detach().numpy()
        self._values = np.zeros(self._table.shape)
        self._change = float("inf")

    def sweep(self, rules: Transitions) -> Mapping[str, float]:
        """Computes all values once; returns the largest change of one."""
        best = self._values.max(axis=1)
        values = rules.action_values(best, discount=self.options.discount)
        self._change = float(np.abs(values - self._values).max())
        self._values = values
        self._table[:] = values
        return {"change": self._change}

    def has_converged(self) -> bool:
        """Returns whether the last change was at most `tolerance`."""
        return self._change <= self.options.tolerance

    def q_values(self, states: NumpyArray) -> NumpyArray:
        """Returns the values of all actions (state, action)."""
        values: NumpyArray = self._values[states]
        return values

    def state_dict(self) -> StateDict:
        """Returns the values and the last change."""
        return {"values": torch.from_numpy(self._values.copy()), "change": self._change}

    def load_state_dict(self, state: StateDict) -> None:
        """Restores what `state_dict` returned."""
        self._values, self._change = state["values"].numpy(), state["change"]


ALGORITHM = ValueIteration

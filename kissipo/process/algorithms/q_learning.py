"""Q-learning: after every step the value of the action that was taken moves towards what was seen to follow.

Q(s, a) <- Q(s, a) + r · (reward + d · max_b Q(s', b) - Q(s, a))      d: discount; nothing follows the end

With no `learning_rate` each value has its own, which falls with the number n of its visits as 1 / n^0.65, slowly enough to come to the
true values and fast enough to forget the dice (Even-Dar and Mansour 2003). While learning, a random action is taken with a
chance that falls from `epsilon_start` to `epsilon_end`.

Source:   Watkins and Dayan 1992.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch import nn

from kissipo.core.schema import word

_POWER = 0.65


@dataclass(frozen=True)
class Options:
    """The options of Q-learning."""

    episodes: int | None = word(None, "number of training episodes", at_least=1)
    discount: float = word(0.99, "discount factor (gamma) of future rewards", at_least=0, at_most=1)
    learning_rate: float | None = word(
        None,
        "learning rate (alpha); falls with the number of visits when left out",
        above=0,
        at_most=1,
    )
    epsilon_start: float = word(
        1.0, "probability of a random action in the first episode", at_least=0, at_most=1
    )
    epsilon_end: float = word(
        0.1, "probability of a random action in the last episode", at_least=0, at_most=1
    )


class QLearning:
    """An agent with a table of values."""

    def __init__(
        self, net: nn.Module, losses: Any, options: Options, *, total_steps: int = 0
    ) -> None:
        self.net, self.options = net, options
        table: Any = net.get_parameter("weight")
        self._values: np.ndarray = table.detach().numpy()
        self._visits = np.zeros(self._values.shape, dtype=np.int64)

    def act(self, state: int, generator: Generator, *, done: float) -> int:
        """An action while learning; `done` is the share of the episodes that are over."""
        start, end = self.options.epsilon_start, self.options.epsilon_end
        if generator.random() < start + (end - start) * done:
            return int(generator.integers(self._values.shape[1]))
        return int(self._values[state].argmax())

    def learn(self, state: int, action: int, reward: float, following: int, *, end: bool) -> None:
        """One step seen."""
        values = self._values
        self._visits[state, action] += 1
        rate = self.options.learning_rate or 1.0 / self._visits[state, action] ** _POWER
        target = reward if end else reward + self.options.discount * values[following].max()
        values[state, action] += rate * (target - values[state, action])

    def best(self, state: int) -> int:
        """The action that is believed to be best."""
        return int(self._values[state].argmax())

    def state_dict(self) -> dict[str, Any]:
        """How often each action was taken in each state."""
        return {"visits": torch.from_numpy(self._visits.copy())}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The inverse of `state_dict`."""
        self._visits[:] = state["visits"].numpy()


ALGORITHM = QLearning

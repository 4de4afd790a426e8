"""Q-learning: the value of an action moves towards the observed reward and next value.

Q(s, a) <- Q(s, a) + r · (reward + d · max_b Q(s', b) - Q(s, a))

d is the discount factor. After the last step of an episode the next value is zero.

Without `learning_rate` each value has its own rate 1 / n^0.65, where n is the number of
its visits. That rate falls slowly enough to reach the true values, and fast enough to
average the random rewards (Even-Dar and Mansour 2003). During training a random action
is taken with a probability that falls from `epsilon_start` to `epsilon_end`.

Source:   Watkins and Dayan 1992.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.random import Generator
from torch import nn

from kissipo.core.algorithm import EpisodicAgent
from kissipo.core.inferred_option import DataFacts, InferredOption
from kissipo.core.numpy_array import NumpyArray
from kissipo.core.protocols import StateDict
from kissipo.core.schema import option

INTERACTIVE = True
_POWER = 0.65


@dataclass(frozen=True)
class Options:
    """The options of Q-learning."""

    episodes: int | None = option(None, "number of training episodes", minimum=1)
    discount: float = option(
        0.99, "discount factor (gamma) of future rewards", minimum=0, maximum=1
    )
    learning_rate: float | None = option(
        None,
        "learning rate (alpha); falls with the number of visits when left out",
        above=0,
        maximum=1,
    )
    epsilon_start: float = option(
        1.0, "probability of a random action in the first episode", minimum=0, maximum=1
    )
    epsilon_end: float = option(
        0.1, "probability of a random action in the last episode", minimum=0, maximum=1
    )


def suggested_options(facts: DataFacts) -> tuple[InferredOption, ...]:
    """Returns the number of episodes."""
    reason = "enough episodes to visit rare states often"
    return (InferredOption("process.episodes", 20_000, reason),)


class QLearning(EpisodicAgent):
    """An agent with a Q-table."""

    cpu_only = True

    def __init__(
        self, net: nn.Module, losses: object, options: Options, *, total_steps: int = 0
    ) -> None:
        self.net, self.options = net, options
        self.episodes = options.episodes or 0
        table: nn.Parameter = net.get_parameter("weight")
        self._values: np.ndarray = table.detach().numpy()
        self._visits = np.zeros(self._values.shape, dtype=np.int64)

    def act(self, state: int, generator: Generator, *, done: float) -> int:
        """Returns an action for training, after the fraction `done` of all episodes."""
        start, end = self.options.epsilon_start, self.options.epsilon_end
        if generator.random() < start + (end - start) * done:
            return int(generator.integers(self._values.shape[1]))
        return int(self._values[state].argmax())

    def update(self, state: int, action: int, reward: float, following: int, *, end: bool) -> None:
        """Updates the table after one step."""
        value = 0.0 if end else self.options.discount * self._values[following].max()
        self.move(state, action, reward + value)

    def move(self, state: int, action: int, target: float) -> None:
        """Moves one value towards its target."""
        self._visits[state, action] += 1
        rate = self.options.learning_rate or 1.0 / self._visits[state, action] ** _POWER
        self._values[state, action] += rate * (target - self._values[state, action])

    def q_values(self, states: NumpyArray) -> NumpyArray:
        """Returns the values of all actions (state, action)."""
        values: NumpyArray = self._values[states]
        return values

    def state_dict(self) -> StateDict:
        """Returns how often each action was taken in each state."""
        return {"visits": torch.from_numpy(self._visits.copy())}

    def load_state_dict(self, state: StateDict) -> None:
        """Restores what `state_dict` returned."""
        self._visits[:] = state["visits"].numpy()


ALGORITHM = QLearning

"""SARSA: the value of an action moves towards the reward and the value of the next one.

Q(s, a) <- Q(s, a) + r · (reward + d · Q(s', b) - Q(s, a))

b is the action that the agent really takes in s', a random one included. So the values
are those of the policy that explores: beside a cliff, SARSA keeps a distance where
Q-learning walks along the edge. When exploration falls to zero, both find the same.

d is the discount factor. After the last step of an episode the next value is zero. The
learning rate and exploration are those of Q-learning.

Source:   Rummery and Niranjan 1994; the cliff: Sutton and Barto 2018, example 6.6.
"""

import numpy as np
from numpy.random import Generator
from torch import nn

from kissipo.process.algorithms.q_learning import Options, QLearning, suggested_options

__all__ = ["ALGORITHM", "INTERACTIVE", "Options", "suggested_options"]
INTERACTIVE = True


class Sarsa(QLearning):
    """An agent with a Q-table, which learns a step once the next action is known."""

    def __init__(
        self, net: nn.Module, losses: object, options: Options, *, total_steps: int = 0
    ) -> None:
        super().__init__(net, losses, options, total_steps=total_steps)
        self._generator, self._done = np.random.default_rng(0), 0.0
        self._step: tuple[int, int, float, int] | None = None

    def begin_episode(self, generator: Generator, *, done: float) -> None:
        """Keeps the generator, for the action after the last step."""
        self._generator, self._done = generator, done

    def act(self, state: int, generator: Generator, *, done: float) -> int:
        """Returns an action for training, and learns the step before with it."""
        action = super().act(state, generator, done=done)
        if self._step is not None:
            before, taken, reward, _ = self._step
            self.move(before, taken, reward + self.options.discount * self._values[state, action])
            self._step = None
        return action

    def update(self, state: int, action: int, reward: float, following: int, *, end: bool) -> None:
        """Keeps a step until the next action is known; the last step has none."""
        if end:
            self.move(state, action, reward)
        else:
            self._step = (state, action, reward, following)

    def end_episode(self) -> None:
        """Learns the last step of an episode that a limit of steps cut short."""
        if self._step is not None:
            self.act(self._step[3], self._generator, done=self._done)


ALGORITHM = Sarsa

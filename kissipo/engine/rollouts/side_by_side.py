"""Side by side: several environments that take their steps together.

Each has an episode of its own, and starts the next one as soon as it is over. The seed
of an episode is a function of its number, so an environment can be brought back to the
middle of an episode: it is reset with the same seed, and its actions are repeated.

A state after the end of an episode is never the state of the next one: `following` is
the last state, and `states` the first state of the new episode.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray

from kissipo.core.environment import (
    EnvironmentState,
    EnvironmentSteps,
    GymEnvironment,
    Policy,
    number_of,
    refuse_missing,
)
from kissipo.core.errors import RunError
from kissipo.core.numpy_array import NumpyArray
from kissipo.core.protocols import StateDict
from kissipo.core.seeds import derive, numpy_generator

Purpose = Literal["episode", "selection", "report"]
_REPORTED: Purpose = "report"
_SEEDS = 2**30


def episode_seed(seed: int, purpose: Purpose, number: int) -> int:
    """Returns the seed of an episode: for training, for choosing, or for the report.

    The seeds of the reported episodes are odd and all others are even, so no reported
    episode was ever used for training or for choosing a policy.

    Example:  >>> purposes = ("episode", "selection", "report")
              >>> [episode_seed(0, purpose, 7) % 2 for purpose in purposes]
              [0, 0, 1]
    """
    return 2 * (derive(seed, purpose, number) % _SEEDS) + (purpose == _REPORTED)


class SideBySide:
    """Environments that take their steps together.

    states:    the state of each, before its next step
    episodes:  the number of episodes that were started
    finished:  (number, return) of the episodes that ended with the last step
    """

    def __init__(self, environments: list[GymEnvironment], seed: int, purpose: Purpose) -> None:
        self.environments, self.seed, self.purpose = environments, seed, purpose
        self.episodes = 0
        self.finished: list[tuple[int, float]] = []
        self._numbers = [0] * len(environments)  # of the running episode of each
        self._actions: list[list[int]] = [[] for _ in environments]
        self._returns = [0.0] * len(environments)
        self.states = np.stack([self._start(place) for place in range(len(environments))])

    def step(self, actions: NumpyArray) -> EnvironmentSteps:
        """Takes one action in each environment.

        Raises:   DataError for a reward or a state that is not a number.
        """
        count = len(self.environments)
        rewards, (ends, cuts) = np.zeros(count), np.zeros((2, count), dtype=bool)
        states, following = self.states, np.empty_like(self.states)
        self.finished = []
        for place, action in enumerate(actions.tolist()):
            state, reward, ends[place], cuts[place], _ = self.environments[place].step(action)
            following[place] = state
            rewards[place] = number_of(reward)
            self._actions[place].append(action)
            self._returns[place] += rewards[place]
        refuse_missing(following)
        self.states = following
        over = ends | cuts
        if over.any():
            self.states = following.copy()
            for place in over.nonzero()[0].tolist():
                self.finished.append((self._numbers[place], self._returns[place]))
                self.states[place] = self._start(place)
        return EnvironmentSteps(states, actions, rewards, following, ends, cuts)

    def state_dict(self) -> StateDict:
        """Returns the running episodes as their numbers and their actions so far."""
        return {
            "episodes": self.episodes,
            "numbers": list(self._numbers),
            "actions": [torch.tensor(actions, dtype=torch.int64) for actions in self._actions],
            "states": torch.from_numpy(self.states.copy()),
        }

    def load_state_dict(self, state: StateDict) -> None:
        """Repeats the running episodes that `state_dict` returned.

        Raises:   RunError when the environment does not come to the same states.
        """
        self.episodes, self._numbers = state["episodes"], list(state["numbers"])
        rows = []
        for place, actions in enumerate(state["actions"]):
            first = self._reset(place)
            self._actions[place] = actions.tolist()
            for action in self._actions[place]:
                first, reward, *_ = self.environments[place].step(action)
                self._returns[place] += number_of(reward)
            rows.append(first)
        self.states = np.stack([np.asarray(row) for row in rows]).astype(
            state["states"].numpy().dtype
        )
        if not np.array_equal(self.states, state["states"].numpy()):
            raise RunError(
                "the run cannot be resumed exactly: the environment does not repeat an episode "
                "when it gets the same seed and the same actions",
                do="Start again without --resume",
            )

    def _start(self, place: int) -> NumpyArray:
        """Starts the next episode in an environment; returns its first state."""
        self._numbers[place] = self.episodes
        self.episodes += 1
        state = np.asarray(self._reset(place))
        refuse_missing(state)
        return state

    def _reset(self, place: int) -> EnvironmentState:
        self._actions[place], self._returns[place] = [], 0.0
        number = self._numbers[place]
        state, _ = self.environments[place].reset(
            seed=episode_seed(self.seed, self.purpose, number)
        )
        return state


def play(
    environments: list[GymEnvironment],
    choose: Policy,
    *,
    numbers: range,
    seed: int,
    purpose: Purpose,
) -> NDArray[np.float64]:
    """Returns the sum of rewards of each episode; several episodes run at once.

    choose:   a fixed policy; it gets states, and the generator of each episode
    """
    returns = np.zeros(len(numbers))
    waiting = list(enumerate(numbers))[::-1]
    running: list[tuple[int, GymEnvironment, EnvironmentState, Generator]] = []

    def begin(environment: GymEnvironment) -> None:
        if waiting:
            place, number = waiting.pop()
            state, _ = environment.reset(seed=episode_seed(seed, purpose, number))
            running.append((place, environment, state, numpy_generator(seed, "judge", number)))

    for environment in environments:
        begin(environment)
    while running:
        states = np.stack([np.asarray(state) for _, _, state, _ in running])
        refuse_missing(states)
        actions = choose(states, [generator for *_, generator in running]).tolist()
        before, running = running, []
        for (place, environment, _, generator), action in zip(before, actions, strict=True):
            state, reward, end, cut, _ = environment.step(action)
            returns[place] += number_of(reward)
            if end or cut:
                begin(environment)
            else:
                running.append((place, environment, state, generator))
    return returns

"""What a training loop needs of an environment: the interface of gymnasium."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, Self, SupportsFloat

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from kissipo.core.errors import DataError
from kissipo.core.numpy_array import NumpyArray

EnvironmentState = int | NumpyArray
"""The number of a discrete state, or an array of numbers."""

TransitionModel = Mapping[int, Mapping[int, Sequence[tuple[float, int, float, bool]]]]
"""`model[state][action]` lists (probability, next state, reward, end)."""


Policy = Callable[[NumpyArray, list[Generator]], NumpyArray]
"""States side by side, and the random generator of each episode -> actions."""


Drawing = Callable[[NumpyArray], NumpyArray]
"""A state -> its image (height, width, 3), bytes."""


class GymEnvironment(Protocol):
    """An environment with discrete actions."""

    def reset(self, *, seed: int | None = None) -> tuple[EnvironmentState, Mapping[str, object]]:
        """Starts an episode; returns its first state and further facts."""
        ...

    def step(self, action: int) -> tuple[EnvironmentState, float, bool, bool, Mapping[str, object]]:
        """Returns the next state, the reward, end, truncated and further facts."""
        ...


@dataclass(frozen=True)
class Transitions:
    """The rules of an environment as flat arrays, one row per possible transition.

    pair:      the number of the state and action: state · actions + action
    continues: 1, or 0 where the episode ends
    """

    states: int
    actions: int
    pair: NDArray[np.int64]
    probability: NDArray[np.float64]
    following: NDArray[np.int64]
    reward: NDArray[np.float64]
    continues: NDArray[np.float64]

    @classmethod
    def of(cls, model: TransitionModel) -> Self:
        """Returns the transitions of a model, `model[state][action]`."""
        states, actions = len(model), len(model[0])
        rows = [
            (state * actions + action, probability, following, reward, 0.0 if end else 1.0)
            for state in range(states)
            for action in range(actions)
            for probability, following, reward, end in model[state][action]
        ]
        pair, probability, following, reward, continues = map(np.asarray, zip(*rows, strict=True))
        return cls(
            states,
            actions,
            pair,
            probability.astype(float),
            following,
            reward.astype(float),
            continues,
        )

    def action_values(self, values: NDArray[np.float64], *, discount: float) -> NDArray[np.float64]:
        """Returns Q (state, action): reward and discounted value of the next state."""
        targets = self.probability * (
            self.reward + discount * self.continues * values[self.following]
        )
        sums: NumpyArray = np.bincount(self.pair, targets, minlength=self.states * self.actions)
        return sums.reshape(self.states, self.actions)

    def under(self, policy: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Returns the rewards (state) and the probabilities (state, next state) of a
        policy; those of the end of an episode are left out."""
        taken = self.pair % self.actions == policy[self.pair // self.actions]
        states, probability = self.pair[taken] // self.actions, self.probability[taken]
        rewards, matrix = np.zeros(self.states), np.zeros((self.states, self.states))
        np.add.at(rewards, states, probability * self.reward[taken])
        weights = probability * self.continues[taken]
        np.add.at(matrix, (states, self.following[taken]), weights)
        return rewards, matrix


@dataclass(frozen=True)
class EnvironmentSteps:
    """One step of each of several environments, side by side.

    states, following:  before and after the step; `following` is the last state of an
                        episode, never the first of the next one
    ends:               whether the environment ended: there is no next value
    cuts:               whether a limit of steps cut the episode short
    """

    states: NumpyArray
    actions: NumpyArray
    rewards: NumpyArray
    following: NumpyArray
    ends: NumpyArray
    cuts: NumpyArray


def number_of(reward: SupportsFloat) -> float:
    """Returns a reward as a number.

    Raises:   DataError when it is none.
    """
    try:
        number = float(reward)
    except (TypeError, ValueError):
        number = float("nan")
    if number - number != 0:  # NaN or infinite
        raise DataError(
            "the environment gave a reward that is not a number",
            got=repr(reward),
            allowed="a finite number after every step",
            do="Mend the environment: nothing can be learned from such a reward",
        )
    return number


def refuse_missing(states: NumpyArray) -> None:
    """Refuses states with numbers that are not finite."""
    if states.dtype.kind == "f" and not np.isfinite(states).all():
        raise DataError(
            "the environment gave a state with a number that is missing or infinite",
            got=str(states[~np.isfinite(states)][0]),
            allowed="finite numbers in every state",
            do="Mend the environment: a net cannot read such a state",
        )

"""What a training loop needs of an environment: the interface of gymnasium."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from numpy.random import Generator

from kissipo.core.numpy_array import NumpyArray

EnvironmentState = int | NumpyArray
"""The number of a discrete state, or an array of numbers."""

TransitionModel = Mapping[int, Mapping[int, Sequence[tuple[float, int, float, bool]]]]
"""`model[state][action]` lists (probability, next state, reward, end)."""


Policy = Callable[[NumpyArray, list[Generator]], NumpyArray]
"""States side by side, and the random generator of each episode -> actions."""


class GymEnvironment(Protocol):
    """An environment with discrete actions."""

    def reset(self, *, seed: int | None = None) -> tuple[EnvironmentState, Mapping[str, object]]:
        """Starts an episode; returns its first state and further facts."""
        ...

    def step(self, action: int) -> tuple[EnvironmentState, float, bool, bool, Mapping[str, object]]:
        """Returns the next state, the reward, end, truncated and further facts."""
        ...


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

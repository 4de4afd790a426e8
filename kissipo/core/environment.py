"""What a training loop needs of an environment: the interface of gymnasium."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from kissipo.core.numpy_array import NumpyArray

EnvironmentState = int | NumpyArray
"""The number of a discrete state, or a row of numbers."""

TransitionModel = Mapping[int, Mapping[int, Sequence[tuple[float, int, float, bool]]]]
"""`model[state][action]` lists (probability, next state, reward, end)."""


class GymEnvironment(Protocol):
    """An environment with discrete actions."""

    def reset(self, *, seed: int | None = None) -> tuple[EnvironmentState, Mapping[str, object]]:
        """Starts an episode; returns its first state and further facts."""
        ...

    def step(self, action: int) -> tuple[EnvironmentState, float, bool, bool, Mapping[str, object]]:
        """Returns the next state, the reward, end, truncated and further facts."""
        ...

"""Replay buffer: the last steps of an agent, from which it draws batches to learn from.

With n-step returns a step is stored once its n rewards are known.

Source:   Lin 1992, in deep Q-learning Mnih et al. 2015; n steps: Watkins 1989.
"""

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from kissipo.core.environment import EnvironmentSteps
from kissipo.core.numpy_array import NumpyArray
from kissipo.core.protocols import StateDict


class ReplayBuffer:
    """The last `size` steps; the oldest step is overwritten.

    A step is a state, an action, its reward (of n steps: their discounted sum), the
    discount factor of the next value (0 after the end), and the state of that value.

    count:  the number of steps that were added, of which at most `size` are left
    """

    def __init__(self, size: int) -> None:
        self.size, self.count = size, 0
        self._tensors: tuple[Tensor, ...] = ()
        self._arrays: tuple[NumpyArray, ...] = ()  # the same memory

    def __len__(self) -> int:
        return min(self.count, self.size)

    def add(
        self,
        states: NumpyArray,
        actions: NumpyArray,
        rewards: NumpyArray,
        discounts: NumpyArray,
        following: NumpyArray,
    ) -> None:
        """Adds some steps, one per row."""
        if not self._tensors:
            empty = torch.zeros(self.size, *states.shape[1:], dtype=stored_dtype(states))
            numbers = (torch.zeros(self.size, dtype=torch.int64), *torch.zeros(2, self.size))
            self._use((empty, *numbers, torch.zeros_like(empty)))
        places = (self.count + np.arange(len(states))) % self.size
        columns = (states, actions, rewards, discounts, following)
        for array, values in zip(self._arrays, columns, strict=True):
            array[places] = values
        self.count += len(states)

    def take(self, index: Tensor) -> tuple[Tensor, ...]:
        """Returns states, actions, rewards, discounts and next states of some steps."""
        return tuple(tensor[index] for tensor in self._tensors)

    def draw(self, generator: Generator, *, updates: int, batch: int) -> Tensor:
        """Returns random places in the buffer (update, step)."""
        return torch.from_numpy(generator.integers(len(self), size=(updates, batch)))

    def state_dict(self) -> StateDict:
        """Returns all steps; what is still empty is left out."""
        filled = [tensor[: len(self)].clone() for tensor in self._tensors]
        return {"count": self.count, "steps": filled}

    def load_state_dict(self, state: StateDict) -> None:
        """Restores what `state_dict` returned."""
        self.count = state["count"]
        tensors = [
            torch.zeros(self.size, *some.shape[1:], dtype=some.dtype) for some in state["steps"]
        ]
        for tensor, some in zip(tensors, state["steps"], strict=True):
            tensor[: len(some)] = some
        self._use(tuple(tensors))

    def _use(self, tensors: tuple[Tensor, ...]) -> None:
        self._tensors = tensors
        self._arrays = tuple(tensor.numpy() for tensor in tensors)


class NStepReturns:
    """Turns steps into steps of n rewards, or of fewer at the end of an episode.

    reward = r_1 + d r_2 + ... + d^(k-1) r_k,   the discount of the next value is d^k

    k is n, or the number of steps that were left in the episode.
    """

    def __init__(self, n: int, discount: float) -> None:
        self.n, self.discount = n, discount
        self._waiting: list[list[tuple[NumpyArray, int, float]]] = []

    def add(self, steps: EnvironmentSteps, buffer: ReplayBuffer) -> None:
        """Adds to the buffer every step whose n rewards are known."""
        if self.n == 1:
            discounts = self.discount * ~steps.ends
            buffer.add(steps.states, steps.actions, steps.rewards, discounts, steps.following)
            return
        self._waiting = self._waiting or [[] for _ in steps.states]
        for place, waiting in enumerate(self._waiting):
            waiting.append(
                (steps.states[place], int(steps.actions[place]), float(steps.rewards[place]))
            )
            over = bool(steps.ends[place] or steps.cuts[place])
            while len(waiting) == self.n or (over and waiting):
                state, action, _ = waiting[0]
                reward = sum(self.discount**i * step[2] for i, step in enumerate(waiting))
                discount = 0.0 if steps.ends[place] else self.discount ** len(waiting)
                row = (state, np.asarray(action), np.asarray(reward), np.asarray(discount))
                buffer.add(*(part[None] for part in (*row, steps.following[place])))
                del waiting[0]

    def state_dict(self) -> StateDict:
        """Returns the steps that wait for their rewards, per environment."""
        return {
            "waiting": [
                [
                    (torch.from_numpy(np.array(state)), action, reward)
                    for state, action, reward in steps
                ]
                for steps in self._waiting
            ]
        }

    def load_state_dict(self, state: StateDict) -> None:
        """Restores what `state_dict` returned."""
        self._waiting = [
            [(tensor.numpy(), action, reward) for tensor, action, reward in steps]
            for steps in state["waiting"]
        ]


def stored_dtype(states: NumpyArray) -> torch.dtype:
    """Returns the dtype in which states are stored: numbers of pixels stay bytes."""
    if states.dtype == np.uint8:
        return torch.uint8
    return torch.float32 if states.dtype.kind == "f" else torch.int64

"""Algorithm: what every training algorithm is, and what chooses its best epoch.

An Agent is an algorithm that acts in an environment. Some learn from each of their
steps (EpisodicAgent), some from steps that they store and replay (ReplayAgent), and
some know the rules and need not act to learn (Planner).
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal

import torch
from numpy.random import Generator
from torch import Tensor

from kissipo.core.batch import Batch
from kissipo.core.environment import EnvironmentSteps, Transitions
from kissipo.core.numpy_array import NumpyArray
from kissipo.core.protocols import Dataset


@dataclass(frozen=True)
class Monitor:
    """The value of an epoch by which the best weights are chosen.

    name:  a column of the history; validation_loss where there is a validation split
    best:  whether the lowest or the highest value is the best
    """

    name: str = "validation_loss"
    best: Literal["min", "max"] = "min"


class Algorithm(ABC):
    """A training algorithm: it owns the optimizers and performs the training steps.

    epochs:   the number of passes over the training split; 0: `begin` solves the net,
              so that there are no steps, no losses and no best epoch
    patience: epochs without a better value of the monitor before training stops; 0: it
              never stops early
    monitor:  what chooses the best epoch; None: there is no best epoch, training does
              not stop early, and the weights of the last epoch are kept
    takes_sample_weights: whether its losses are weighted by `batch.weights`
    cpu_only: whether its net stays on the CPU, as the algorithm reads single numbers
    augmented: whether the inputs change at random, set before the first step
    seed:     the seed of the run, set before the first step; the random numbers of an
              algorithm are functions of it and of the step (`core/seeds.py`)
    """

    epochs: int = 1
    patience: int = 0
    monitor: Monitor | None = Monitor()
    takes_sample_weights: bool = False
    cpu_only: bool = False
    augmented: bool = False
    seed: int = 0

    def begin(self, train: Dataset) -> str:
        """Runs once before the first step; returns a sentence for the log, or none."""
        return ""

    def begin_epoch(self) -> None:
        """Resets per-epoch state, such as the hidden state of a stateful model."""

    @abstractmethod
    def step(self, batch: Batch) -> Mapping[str, Tensor]:
        """Performs one training step and returns its detached losses by name.

        `loss` is the one that is reported; the means of the others stand beside it.
        """

    def loss(self, outputs: Any, targets: tuple[Tensor, ...]) -> Tensor:
        """Returns the loss on the validation split; NaN where there is none.

        It changes no state, and is used with and without gradients.
        """
        return torch.tensor(float("nan"))

    def validation_loss(self, outputs: Any, batch: Batch) -> Tensor:
        """Returns the loss of a batch of the validation split.

        An algorithm for weighted samples returns their weighted mean.
        """
        return self.loss(outputs, batch.targets)

    def eval_weights(self) -> AbstractContextManager[None]:
        """Puts the weights for evaluation in the net inside, such as their average."""
        return nullcontext()

    def details(self) -> dict[str, Any]:
        """Returns what the algorithm adds to the details of the scores, by name."""
        return {}

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Returns all state of the next step besides the weights of the net."""

    @abstractmethod
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores the state that `state_dict` returned."""


class Agent(Algorithm):
    """An algorithm that chooses actions in an environment.

    States are what the environment gives, side by side: numbers of states, or arrays.
    """

    monitor = None

    @abstractmethod
    def q_values(self, states: NumpyArray) -> NumpyArray:
        """Returns the values of all actions (state, action)."""

    def best(self, states: NumpyArray) -> NumpyArray:
        """Returns the best action of each state, without exploration."""
        actions: NumpyArray = self.q_values(states).argmax(axis=1)
        return actions


class EpisodicAgent(Agent):
    """An agent that learns from each of its steps; no episode is the best one.

    episodes:  the number of training episodes
    """

    episodes: int

    def begin_episode(self, generator: Generator, *, done: float) -> None:
        """Runs before every episode, after the fraction `done` of all episodes.

        generator:  the random generator of this episode, which `act` gets, too
        """

    @abstractmethod
    def act(self, state: Any, generator: Generator, *, done: float) -> int:
        """Returns an action for training."""

    @abstractmethod
    def update(self, state: Any, action: int, reward: float, following: Any, *, end: bool) -> None:
        """Learns from one step.

        end:  whether the environment ended; false if a limit of steps cut it short
        """

    def end_episode(self) -> None:
        """Runs after every episode."""

    def step(self, batch: Batch) -> Mapping[str, Tensor]:
        """Learns from a batch of steps, one by one.

        Its inputs are states and next states, its targets actions, rewards and ends.
        """
        for state, following, action, reward, end in zip(
            *batch.inputs, *batch.targets, strict=True
        ):
            self.update(state.numpy(), int(action), float(reward), following.numpy(), end=bool(end))
        return {}


@dataclass(frozen=True)
class SelectionConfig:
    """How the best policy of a training is chosen: by greedy episodes of its own.

    every:         number of environment steps between two tests
    episodes:      number of episodes of a test
    confirmation:  number of further episodes that a better policy has to play, because
                   the best of many tests is partly luck
    solved_return: mean return of all of them at which the training stops; None: never
    start:         mean return that the last training episodes must reach before the
                   first test; None: tests begin at once
    """

    every: int
    episodes: int
    confirmation: int = 0
    solved_return: float | None = None
    start: float | None = None


class ReplayAgent(Agent):
    """An agent that acts in several environments side by side, and learns in rounds.

    total_steps:   the number of environment steps, those of all environments together
    num_envs:      the number of environments
    round_steps:   the number of environment steps between two rounds of updates
    selection:     how the best policy is chosen; None: the last one is kept
    """

    total_steps: int
    num_envs: int
    round_steps: int
    selection: SelectionConfig | None

    @abstractmethod
    def act(self, states: NumpyArray, generator: Generator, *, done: float) -> NumpyArray:
        """Returns an action for training per state, after the fraction `done` of all
        steps."""

    @abstractmethod
    def observe(self, steps: EnvironmentSteps) -> None:
        """Stores one step of each environment."""

    @abstractmethod
    def run_updates(self, generator: Generator, *, done: float) -> Mapping[str, float]:
        """Runs a round of updates and returns means of what it saw, such as `loss`."""


class Planner(Agent):
    """An agent that computes its values from the rules of the environment.

    max_sweeps:  the number of sweeps over all states after which it gives up
    """

    max_sweeps: int

    def step(self, batch: Batch) -> Mapping[str, Tensor]:
        """Learns nothing: it knows the rules."""
        return {}

    @abstractmethod
    def sweep(self, rules: Transitions) -> Mapping[str, float]:
        """Improves the values of all states; returns what changed, by name."""

    @abstractmethod
    def has_converged(self) -> bool:
        """Returns whether another sweep would change nothing."""

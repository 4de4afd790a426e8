"""Deep Q-learning (DQN): a net learns the values of actions from replayed steps (S42).

target = r + d · max_b Q_target(s', b);   0 instead of the next value at the end
loss   = Huber(Q(s, a) - target), the mean over a random batch of the replay buffer

d is the discount factor. Q_target is a copy of the net that is renewed only now and
then: a net that chases its own values diverges. The replay buffer holds the last steps;
steps that are drawn from it at random are less alike than steps in a row.

With `double` the net chooses the next action and the target net values it, because the
maximum of noisy values is too high on average. The learning rate falls linearly to 0
over all episodes, so that the policy at the end no longer changes.

Source:   Mnih et al. 2015; double: van Hasselt, Guez and Silver 2016.
Choices:  Adam and the Huber loss, as in most later work; an episode that is cut short
          by a limit of steps is not an end: its last target has a next value.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor, nn
from torch.nn import functional

from kissipo.core.algorithm import Agent
from kissipo.core.batch import Batch
from kissipo.core.devices import device_of
from kissipo.core.errors import TaskError
from kissipo.core.inferred_option import DataFacts, InferredOption
from kissipo.core.protocols import StateDict
from kissipo.core.schema import option
from kissipo.process import optim
from kissipo.process.manual_backprop import manual_backprop

INTERACTIVE = True


@dataclass(frozen=True)
class Options:
    """The options of deep Q-learning."""

    episodes: int | None = option(None, "number of training episodes", minimum=1)
    discount: float = option(
        0.99, "discount factor (gamma) of future rewards", minimum=0, maximum=1
    )
    learning_rate: float = option(
        1e-3, "learning rate of Adam in the first episode; it falls linearly to 0", above=0
    )
    epsilon_start: float = option(
        1.0, "probability of a random action in the first episode", minimum=0, maximum=1
    )
    epsilon_end: float = option(
        0.05, "probability of a random action once it has fallen", minimum=0, maximum=1
    )
    exploration_fraction: float = option(
        0.4, "fraction of all episodes over which epsilon falls", above=0, maximum=1
    )
    replay: int = option(
        50_000, "number of steps in the replay buffer; the oldest are overwritten", minimum=1
    )
    replay_start: int = option(
        1_000, "number of steps in the replay buffer before the first update", minimum=1
    )
    replay_batch: int = option(
        64, "number of steps that an update draws from the replay buffer", minimum=1
    )
    update_every: int = option(1, "number of steps between two updates", minimum=1)
    target_every: int = option(
        200, "number of steps after which the target net is copied from the net", minimum=1
    )
    double: bool = option(True, "double DQN: the net chooses the next action, the target values it")


def suggested_options(facts: DataFacts) -> tuple[InferredOption, ...]:
    """Returns the number of episodes."""
    reason = "a small net learns a simple task in about a minute"
    return (InferredOption("process.episodes", 300, reason),)


class Replay:
    """The last `size` steps; the oldest step is overwritten.

    count:  the number of steps that were added, of which at most `size` are left
    """

    def __init__(self, size: int) -> None:
        self.size, self.count = size, 0
        self._tensors: tuple[Tensor, ...] = ()
        self._arrays: tuple[np.ndarray, ...] = ()  # the same memory: faster for one step

    def __len__(self) -> int:
        return min(self.count, self.size)

    def add(
        self, state: object, following: object, action: int, reward: float, *, end: bool
    ) -> None:
        """Adds one step."""
        if not self._tensors:
            states = torch.as_tensor(np.asarray(state))
            empty = torch.zeros(self.size, *states.shape, dtype=states.dtype)
            numbers = (torch.zeros(self.size, dtype=torch.int64), *torch.zeros(2, self.size))
            self._use((empty, empty.clone(), *numbers))
        place = self.count % self.size
        for array, value in zip(self._arrays, (state, following, action, reward, end), strict=True):
            array[place] = value
        self.count += 1

    def draw(self, number: int, generator: Generator) -> Batch:
        """Returns random steps: states and next states; actions, rewards and ends."""
        index = torch.from_numpy(generator.integers(len(self), size=number))
        states, following, *targets = (tensor[index] for tensor in self._tensors)
        return Batch((states, following), tuple(targets))

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


class DeepQLearning(Agent):
    """An agent with a net, a target net and a replay buffer."""

    def __init__(
        self, net: nn.Module, losses: object, options: Options, *, total_steps: int = 0
    ) -> None:
        if any(isinstance(layer, nn.Dropout) for layer in net.modules()):
            raise TaskError(
                "deep Q-learning trains no net with dropout: its own values are its targets",
                do="Leave process.dropout out",
            )
        self.net, self.options = net, options
        self.target = deepcopy(net).requires_grad_(False)
        self.replay = Replay(options.replay)
        self.optimizer = optim.optimizer("adam", net.parameters(), rate=options.learning_rate)
        self._manual_backprop = manual_backprop(net)
        self._generator = np.random.default_rng(0)

    def begin_episode(self, generator: Generator, *, done: float) -> None:
        """Sets the learning rate and takes the generator of the episode."""
        self._generator = generator
        optim.set_rate(self.optimizer, self.options.learning_rate * (1 - done))

    def act(self, state: object, generator: Generator, *, done: float) -> int:
        """Returns an action for training, after the fraction `done` of all episodes."""
        start, end = self.options.epsilon_start, self.options.epsilon_end
        fallen = min(1.0, done / self.options.exploration_fraction)
        values = self._values(state)
        if generator.random() < start + (end - start) * fallen:
            return int(generator.integers(len(values)))
        return int(values.argmax())

    def update(
        self, state: object, action: int, reward: float, following: object, *, end: bool
    ) -> None:
        """Stores one step, and learns from steps of the replay buffer."""
        options, replay = self.options, self.replay
        replay.add(state, following, action, reward, end=end)
        if replay.count >= options.replay_start and replay.count % options.update_every == 0:
            self.step(replay.draw(options.replay_batch, self._generator))
        if replay.count % options.target_every == 0:
            self.target.load_state_dict(self.net.state_dict())

    def step(self, batch: Batch) -> Mapping[str, Tensor]:
        """Learns from a batch of steps and returns its loss."""
        batch = batch.to(device_of(self.net))
        states, following = batch.inputs
        actions, rewards, ends = batch.targets
        with torch.no_grad():
            next_values = self.target(following)
            choosing = self.net(following) if self.options.double else next_values
            best = next_values.gather(1, choosing.argmax(1, keepdim=True)).squeeze(1)
            targets = rewards + self.options.discount * best * (1 - ends)

        def huber(values: Tensor, targets: Tensor) -> Tensor:
            return functional.huber_loss(values.gather(1, actions[:, None])[:, 0], targets)

        if self._manual_backprop is not None and self._manual_backprop.fits(states):
            loss = self._manual_backprop.loss_and_backward(huber, states, targets)
        else:
            loss = huber(self.net(states), targets)
            loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        return {"loss": loss.detach()}

    def best(self, state: object) -> int:
        """Returns the action with the largest Q-value."""
        return int(self._values(state).argmax())

    def state_dict(self) -> StateDict:
        """Returns the replay buffer, the target net and the state of Adam."""
        return {
            "replay": self.replay.state_dict(),
            "target": self.target.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }

    def load_state_dict(self, state: StateDict) -> None:
        """Restores what `state_dict` returned."""
        self.replay.load_state_dict(state["replay"])
        self.target.load_state_dict(state["target"])
        optim.load_optimizer_state(self.optimizer, state["optimizer"])

    def _values(self, state: object) -> Tensor:
        with torch.no_grad():
            values: Tensor = self.net(torch.as_tensor(state).unsqueeze(0).to(device_of(self.net)))[
                0
            ]
        return values.cpu()


ALGORITHM = DeepQLearning

"""Deep Q-learning (DQN): a net learns the values of actions from replayed steps (S42).

target = r + d · max_b Q_target(s', b);   0 instead of the next value at the end
loss   = Huber(Q(s, a) - target), the mean over a random batch of the replay buffer

d is the discount factor. Q_target is a copy of the net that is renewed only now and
then, or a slow average of it (`polyak`): a net that chases its own values diverges.
The replay buffer holds the last steps; steps that are drawn from it at random are less
alike than steps in a row.

With `double` the net chooses the next action and the target net values it, because the
maximum of noisy values is too high on average. With `n_step` the target is the sum of n
rewards and the value after them: r_1 + d r_2 + ... + d^n · max_b Q_target(s_n, b).

Several environments take their steps side by side, and the net learns in rounds of
updates. The learning rate falls linearly to a tenth. Greedy episodes choose the best
policy, as later updates can make a policy worse.

Source:   Mnih et al. 2015; double: van Hasselt, Guez and Silver 2016; n steps: Watkins
          1989, in DQN Hessel et al. 2018; target average: Polyak and Juditsky 1992, in
          Q-learning Lillicrap et al. 2016. Rounds of updates and the sizes for small
          worlds: RL Baselines3 Zoo.
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

from kissipo.core.algorithm import ReplayAgent, SelectionConfig
from kissipo.core.batch import Batch
from kissipo.core.description import Detail, Line, Section, Table
from kissipo.core.devices import device_of
from kissipo.core.environment import EnvironmentSteps
from kissipo.core.errors import TaskError
from kissipo.core.inferred_option import DataFacts, InferredOption
from kissipo.core.numpy_array import NumpyArray
from kissipo.core.protocols import StateDict
from kissipo.core.schema import option
from kissipo.process import optim
from kissipo.process.algorithms._replay_buffer import NStepReturns, ReplayBuffer, stored_dtype
from kissipo.process.manual_backprop import manual_backprop

INTERACTIVE = True
_LAST_RATE = 0.1  # of the first learning rate
_BUFFER, _MAX_BUFFER = 100_000, 500_000_000  # steps; bytes
_MAX_LISTED = 8  # numbers of a state that are printed
_REWARDS = "the discounted sum of at most {n} rewards (process.n_step={n})"
_REPLAY = (
    "An update draws a batch of such steps at random, and moves Q(s, a) of each towards its "
    "target. The values are those of the trained net."
)
_MAX_ROUND = 2_000_000  # numbers of states that are drawn for a whole round at once


@dataclass(frozen=True)
class Options:
    """The options of deep Q-learning."""

    steps: int | None = option(
        None, "number of environment steps, those of all environments together", minimum=1
    )
    num_envs: int = option(8, "number of environments side by side", minimum=1)
    discount: float = option(
        0.99, "discount factor (gamma) of future rewards", minimum=0, maximum=1
    )
    learning_rate: float = option(
        2.3e-3, "learning rate of Adam at the beginning; it falls linearly to a tenth", above=0
    )
    epsilon_start: float = option(
        1.0, "probability of a random action at the beginning", minimum=0, maximum=1
    )
    epsilon_end: float = option(
        0.04, "probability of a random action once it has fallen", minimum=0, maximum=1
    )
    exploration_fraction: float = option(
        0.16, "fraction of all steps over which epsilon falls", above=0, maximum=1
    )
    buffer_size: int = option(
        _BUFFER, "number of steps in the replay buffer; the oldest are overwritten", minimum=1
    )
    learning_starts: int = option(
        1_000, "number of steps in the replay buffer before the first update", minimum=1
    )
    replay_batch: int = option(
        64, "number of steps that an update draws from the replay buffer", minimum=1
    )
    update_every: int = option(
        256, "number of environment steps between two rounds of updates", minimum=1
    )
    updates: int = option(128, "number of updates in a round", minimum=1)
    target_every: int = option(
        256, "number of steps after which a round copies the net to the target net", minimum=1
    )
    polyak: float | None = option(
        None,
        "fraction of the net that each update adds to the target net, in place of copies",
        above=0,
        maximum=1,
    )
    double: bool = option(True, "double DQN: the net chooses the next action, the target values it")
    n_step: int = option(1, "number of rewards in a target before the next value", minimum=1)
    clip_norm: float | None = option(
        10.0, "maximum norm of the gradient over all weights (gradient clipping)", above=0
    )
    select_every: int | None = option(
        None,
        "number of steps between two greedy tests that choose the best policy; default: a "
        "fiftieth of all steps",
        minimum=1,
    )
    select_episodes: int = option(
        20,
        "number of greedy episodes of such a test; 0: there is no test, training takes all steps, "
        "and the last policy is kept",
        minimum=0,
    )
    select_start: float | None = option(
        None, "mean return that the last 20 training episodes must reach before the first test"
    )
    solved_return: float | None = option(
        None, "training stops when the mean return of the best policy is at least this"
    )
    confirm_episodes: int = option(
        60, "number of further greedy episodes that a better policy has to play", minimum=0
    )


def suggested_options(facts: DataFacts) -> tuple[InferredOption, ...]:
    """Returns the number of steps, and a smaller buffer where states are large."""
    reason = "a small net learns a simple task in less than a minute"
    options = [InferredOption("process.steps", 50_000, reason)]
    spec = facts.inputs[0]
    size = 2 * spec.size * (1 if spec.axes[:1] == ("channel",) else 4)
    if size * _BUFFER > _MAX_BUFFER:
        reason = f"a state takes {size // 2:,} bytes, and the buffer at most half a gigabyte"
        options.append(InferredOption("process.buffer_size", _MAX_BUFFER // size, reason))
    return tuple(options)


class DQN(ReplayAgent):
    """An agent with a net, a target net and a replay buffer."""

    def __init__(
        self, net: nn.Module, losses: object, options: Options, *, total_steps: int = 0
    ) -> None:
        if any(isinstance(layer, nn.Dropout) for layer in net.modules()):
            raise TaskError(
                "deep Q-learning trains no net with dropout: its own values are its targets",
                do="Leave process.dropout out",
            )
        _refuse_small(options)
        self.net, self.options = net, options
        self.total_steps = options.steps or 0
        self.num_envs, self.round_steps = options.num_envs, options.update_every
        self.selection = _selection(options)
        self.target = deepcopy(net).requires_grad_(False)
        self.buffer = ReplayBuffer(options.buffer_size)
        self.returns = NStepReturns(options.n_step, options.discount)
        self.optimizer = optim.optimizer("adam", net.parameters(), rate=options.learning_rate)
        self._weights = list(net.parameters())
        self._manual_backprop = manual_backprop(net)
        self._copied = 0  # the number of steps at the last copy to the target net

    def act(self, states: NumpyArray, generator: Generator, *, done: float) -> NumpyArray:
        """Returns an action for training per state, after the fraction `done` of all
        steps."""
        start, end = self.options.epsilon_start, self.options.epsilon_end
        epsilon = start + (end - start) * min(1.0, done / self.options.exploration_fraction)
        values = self._values(states)
        random = generator.integers(values.shape[1], size=len(values))
        explores = generator.random(len(values)) < epsilon
        return np.where(explores, random, values.argmax(1).numpy())

    def observe(self, steps: EnvironmentSteps) -> None:
        """Stores one step of each environment."""
        self.returns.add(steps, self.buffer)

    def run_updates(self, generator: Generator, *, done: float) -> Mapping[str, float]:
        """Runs a round of updates; returns the mean loss and the mean value."""
        options, buffer = self.options, self.buffer
        if buffer.count < options.learning_starts:
            return {}
        optim.set_rate(self.optimizer, options.learning_rate * (1 - (1 - _LAST_RATE) * done))
        places = buffer.draw(generator, updates=options.updates, batch=options.replay_batch)
        losses, values = [], []
        for batch in self._batches(places):
            loss, value = self._update(*batch)
            losses.append(loss)
            values.append(value)
        if options.polyak is None and buffer.count - self._copied >= options.target_every:
            self._copied = buffer.count
            self.target.load_state_dict(self.net.state_dict())
        return {"loss": _mean(losses), "q_value": _mean(values)}

    def step(self, batch: Batch) -> Mapping[str, Tensor]:
        """Learns from a batch of steps and returns its loss.

        Its inputs are states and next states; its targets are actions, rewards and the
        discount factors of the next values.
        """
        states, following = batch.inputs
        actions, rewards, discounts = batch.targets
        loss, _ = self._update(states, actions, rewards, discounts, following)
        return {"loss": loss}

    def q_values(self, states: NumpyArray) -> NumpyArray:
        """Returns the values of all actions (state, action)."""
        values: NumpyArray = self._values(states).numpy().copy()
        return values

    def details(self) -> dict[str, Detail]:
        """Returns one step of the replay buffer with its target, if there are any."""
        if not len(self.buffer):
            return {}
        place = torch.tensor([len(self.buffer) // 2])
        return {"replayed_step": self._explain(*self.buffer.take(place))}

    def state_dict(self) -> StateDict:
        """Returns the replay buffer, the target net and the state of Adam."""
        return {
            "buffer": self.buffer.state_dict(),
            "returns": self.returns.state_dict(),
            "target": self.target.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "copied": self._copied,
        }

    def load_state_dict(self, state: StateDict) -> None:
        """Restores what `state_dict` returned."""
        self.buffer.load_state_dict(state["buffer"])
        self.returns.load_state_dict(state["returns"])
        self.target.load_state_dict(state["target"])
        optim.load_optimizer_state(self.optimizer, state["optimizer"])
        self._copied = state["copied"]

    def _batches(self, places: Tensor) -> list[tuple[Tensor, ...]]:
        """Returns the batches of a round, read at once where they are small."""
        first = self.buffer.take(places[0, :1])[0]
        if places.numel() * first.numel() > _MAX_ROUND:
            return [self.buffer.take(row) for row in places]
        columns = [column.unbind() for column in self.buffer.take(places)]
        return list(zip(*columns, strict=True))

    def _update(
        self,
        states: Tensor,
        actions: Tensor,
        rewards: Tensor,
        discounts: Tensor,
        following: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Performs one update; returns the loss and the mean value of the actions."""
        device = device_of(self.net)
        states, following = (_inputs(some).to(device) for some in (states, following))
        actions, rewards, discounts = (some.to(device) for some in (actions, rewards, discounts))
        with torch.no_grad():
            next_values = self.target(following)
            choosing = self._outputs(following) if self.options.double else next_values
            best = next_values.gather(1, choosing.argmax(1, keepdim=True)).squeeze(1)
            targets = torch.addcmul(rewards, discounts, best)
        columns = actions[:, None]
        if self._manual_backprop is not None and self._manual_backprop.fits(states):
            outputs = self._manual_backprop.outputs(states)
            values = outputs.gather(1, columns).squeeze(1)
            errors = (values - targets).clamp_(-1, 1).div_(len(values))
            gradient = torch.zeros_like(outputs).scatter_(1, columns, errors[:, None])
            self._manual_backprop.backward(states, gradient)
            loss = functional.huber_loss(values, targets)
        else:
            values = self.net(states).gather(1, columns).squeeze(1)
            loss = functional.huber_loss(values, targets)
            loss.backward()
        if self.options.clip_norm is not None:
            _clip(self._weights, self.options.clip_norm)
        self.optimizer.step()
        for weight in self._weights:
            weight.grad = None
        if self.options.polyak is not None:
            self._average(self.options.polyak)
        return loss.detach(), values.detach().mean()

    def _explain(
        self,
        states: Tensor,
        actions: Tensor,
        rewards: Tensor,
        discounts: Tensor,
        following: Tensor,
    ) -> Detail:
        """Returns how the target of one step is computed, number by number."""
        device, action = device_of(self.net), int(actions)
        with torch.no_grad():
            values = self.net(_inputs(states).to(device))[0].cpu()
            later = self.net(_inputs(following).to(device))[0].cpu()
            target = self.target(_inputs(following).to(device))[0].cpu()
        best = int((later if self.options.double else target).argmax())
        goal = float(rewards) + float(discounts) * float(target[best])
        loss = float(functional.huber_loss(values[action], torch.tensor(goal)))
        who = "the net" if self.options.double else "the target net"
        rows = [
            ["state s", _listed(states[0]), "as it was stored"],
            ["action a", str(action), "the number of the action that was taken"],
            ["reward r", f"{float(rewards):.4g}", _reward_text(self.options.n_step)],
            ["next state s'", _listed(following[0]), "as it was stored"],
            ["Q(s, ·)", _listed(values), "by the net"],
            ["Q(s', ·)", _listed(later), "by the net"],
            ["Q_target(s', ·)", _listed(target), "by the target net"],
            ["next action b", str(best), f"the largest of its values, chosen by {who}"],
            ["discount", f"{float(discounts):.4g}", "0 after the end of an episode"],
            ["target", f"{goal:.4g}", "r + discount · Q_target(s', b)"],
            ["Huber loss", f"{loss:.4g}", "of Q(s, a) - target"],
        ]
        table = Table(["", "value", "how"], rows)
        section = Section("One step of the replay buffer", [table, Line(_REPLAY, "dim")])
        value = {"q_value": float(values[action]), "target": goal, "loss": loss}
        return Detail(value, sections=(section,))

    def _average(self, fraction: float) -> None:
        """Moves the target net a fraction of the way to the net."""
        with torch.no_grad():
            for slow, fast in zip(self.target.parameters(), self._weights, strict=True):
                slow.lerp_(fast, fraction)

    def _values(self, states: NumpyArray) -> Tensor:
        """Returns the Q-values (state, action); the next call may overwrite them."""
        tensor = torch.from_numpy(states).to(stored_dtype(states))
        with torch.no_grad():
            return self._outputs(_inputs(tensor).to(device_of(self.net))).cpu()

    def _outputs(self, states: Tensor) -> Tensor:
        """Returns the outputs of the net; the next call may overwrite them."""
        if self._manual_backprop is not None and self._manual_backprop.fits(states):
            return self._manual_backprop.outputs(states)
        outputs: Tensor = self.net(states)
        return outputs


def _reward_text(n_step: int) -> str:
    return "that of this step" if n_step == 1 else _REWARDS.format(n=n_step)


def _refuse_small(options: Options) -> None:
    """Refuses options with which the net would learn nothing, or from too few steps."""
    if options.steps is not None and options.steps < options.learning_starts:
        raise TaskError(
            f"process.learning_starts={options.learning_starts:,} is not reached in "
            f"process.steps={options.steps:,}, so the net would learn nothing",
            do="Raise process.steps, or lower process.learning_starts",
        )
    if options.buffer_size < options.replay_batch:
        raise TaskError(
            f"process.buffer_size={options.buffer_size:,} holds fewer steps than one update "
            f"draws, process.replay_batch={options.replay_batch:,}",
            do="Raise process.buffer_size, or lower process.replay_batch",
        )


def _selection(options: Options) -> SelectionConfig | None:
    if not options.select_episodes:
        return None
    return SelectionConfig(
        options.select_every or max(1, (options.steps or 0) // 50),
        options.select_episodes,
        options.confirm_episodes,
        options.solved_return,
        options.select_start,
    )


def _inputs(states: Tensor) -> Tensor:
    """Returns states as the net reads them: pixels from 0 to 1."""
    return states.float().div_(255) if states.dtype is torch.uint8 else states


def _clip(weights: list[nn.Parameter], max_norm: float) -> None:
    """Scales the gradients so that their norm over all weights is at most this.

    The same as `clip_grad_norm_` of torch, whose lists of tensors take longer than the
    sums for a small net (measured for 17,000 weights: 41 microseconds instead of 11).
    """
    gradients = [weight.grad for weight in weights if weight.grad is not None]
    rows = [gradient.flatten() for gradient in gradients]
    norm = sum(float(row.dot(row)) for row in rows) ** 0.5
    if norm > max_norm:
        for gradient in gradients:
            gradient.mul_(max_norm / (norm + 1e-6))


def _listed(values: Tensor) -> str:
    """Returns the first numbers of a tensor as text."""
    numbers = values.flatten()[:_MAX_LISTED].tolist()
    text = ", ".join(f"{number:.4g}" for number in numbers)
    return text if values.numel() <= _MAX_LISTED else f"{text}, ... ({values.numel():,} numbers)"


def _mean(values: list[Tensor]) -> float:
    return float(torch.stack(values).mean())


ALGORITHM = DQN

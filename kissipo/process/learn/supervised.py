"""Supervised learning: the answer is known, the loss says how far off the net is, the optimizer takes a step downhill.

w <- w - rate · d(loss + l1 · sum|w| + l2 · sum w²) / dw        for every batch

l1 and l2 are over the weights, not the biases (S07). `start: linear` first solves the linear path of a wide-and-deep net, a
convex problem with one answer, so that the hidden layers begin where linear or logistic regression ends. Where heads in the middle
of a net learn, too, the loss of each is added with a weight of 0.3 (Szegedy et al. 2015); the loss that is told is that of the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from kissipo.core.batch import Batch
from kissipo.core.protocols import Feed, has_auxiliary, is_stateful
from kissipo.core.schema import word
from kissipo.process import optim, schedule
from kissipo.process.direct import direct
from kissipo.process.layers.recurrent import each_state
from kissipo.process.linear_start import hold_linear, start_linear

Loss = Callable[[Tensor, Tensor], Tensor]
_AUXILIARY = 0.3  # weight of the loss of each auxiliary head


@dataclass(frozen=True)
class Stop:
    """When to stop before the last epoch."""

    SHORT: ClassVar[str] = "patience"
    patience: int = word(10, "epochs without a better validation loss before stopping; 0: never", at_least=0)


@dataclass(frozen=True)
class Options:
    """The words of supervised learning."""

    epochs: int | None = word(None, "how often every training sample is seen", at_least=1)
    optimizer: optim.Name | None = word(None, "how a gradient becomes a step")
    rate: float | None = word(None, "length of a step (learning rate)", above=0)
    momentum: float = word(0.9, "share of the last step that goes on, for optimizer: momentum", at_least=0, below=1)
    decay: float | None = word(
        None, "each weight shrinks by rate · decay a step (adamw), or by its gradient (others)", at_least=0
    )
    schedule: schedule.Name = word("constant", "how the rate changes on the way")
    warmup: float = word(0.0, "share of the training during which the rate rises from zero", at_least=0, at_most=1)
    loss: tuple[str, ...] | None = word(None, "answer against truth -> one number; one loss for each answer")
    l1: float = word(0.0, "weight of the sum of all |w| in the loss", at_least=0)
    l2: float = word(0.0, "weight of the sum of all w² in the loss", at_least=0)
    clip: float | None = word(None, "longest gradient (over all weights) that is followed", above=0)
    start: Literal["random", "linear"] | None = word(
        None, "where learning starts: random weights, or the linear solution"
    )
    from_: str | None = word(
        None, "weights to start from: a safetensors file, in published names too, or the folder of a run", key="from"
    )
    freeze: tuple[str, ...] | None = word(
        None, "weights that are held as they are: all but head; or names of layers, such as conv2"
    )
    stop: Stop = word(Stop(), "early stopping; the weights of the best epoch are kept")


class Supervised:
    """One net, one optimizer, one loss for each answer."""

    def __init__(self, net: nn.Module, losses: tuple[Loss, ...], options: Options, *, total_steps: int) -> None:
        self.net, self.losses, self.options = net, losses, options
        self.total_steps, self.steps_done = total_steps, 0
        self._state: Any = None  # of a net that goes on from batch to batch
        self._name: optim.Name = options.optimizer or "adam"
        self.rate = options.rate or optim.RATES[self._name]
        self._moves = options.schedule != "constant" or options.warmup > 0
        self._weights = (
            [weight for weight in net.parameters() if weight.dim() > 1 and weight.requires_grad]
            if options.l1 or options.l2
            else []
        )

    def begin(self, train: Feed) -> str:
        """What is done once, before the first step; says so in a sentence, or nothing."""
        told = start_linear(self.net, train) if self.options.start == "linear" else ""
        self._equip()
        return told

    def begin_epoch(self) -> None:
        """The streams of a text begin anew."""
        self._state = None

    def step(self, batch: Batch) -> Mapping[str, Tensor]:
        """One batch, one step downhill."""
        if self._moves:
            self._set_rate()
        if self._direct is not None and self._direct.fits(batch.inputs[0]):
            loss = self._direct.learn(self.losses[0], batch.inputs[0], batch.targets[0])
        else:
            outputs, auxiliary = self._outputs(batch)
            loss = self.loss(outputs, batch.targets)
            sum((_AUXILIARY * self.loss(each, batch.targets) for each in auxiliary), start=loss).backward()
        if self._weights:
            self._penalty().backward()
        if self.options.clip is not None:
            nn.utils.clip_grad_norm_(self._learned, self.options.clip)
        self.optimizer.step()
        for parameter in self._learned:
            parameter.grad = None
        self.steps_done += 1
        return {"loss": loss.detach()}

    def loss(self, outputs: Any, targets: tuple[Tensor, ...]) -> Tensor:
        """The loss of outputs against the truth, without the penalties; the sum over the answers."""
        if len(self.losses) == 1:
            return self.losses[0](outputs, targets[0])
        return torch.stack([loss(y, t) for loss, y, t in zip(self.losses, outputs, targets, strict=True)]).sum()

    def state_dict(self) -> dict[str, Any]:
        """The optimizer's memory, the place in the schedule, and the state of a net that goes on from batch to batch."""
        return {"optimizer": self.optimizer.state_dict(), "steps_done": self.steps_done, "state": self._state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The inverse of `state_dict`; the net has its weights already."""
        if self.options.start == "linear":
            hold_linear(self.net)
        self._equip()
        self.optimizer.load_state_dict(state["optimizer"])
        self.steps_done, self._state = state["steps_done"], state["state"]

    def _outputs(self, batch: Batch) -> tuple[Any, tuple[Any, ...]]:
        """What the net gives, and what its auxiliary heads give.

        Where the net goes on from batch to batch its state is handed on, its gradients are not: truncated backpropagation in time.
        """
        net: Any = self.net
        if has_auxiliary(net):
            outputs, auxiliary = net.with_auxiliary(*batch.inputs)
            return outputs, auxiliary
        if not is_stateful(net):
            return net(*batch.inputs), ()
        outputs, state = net.go_on(self._state, *batch.inputs)
        self._state = each_state(state, Tensor.detach)
        return outputs, ()

    def _equip(self) -> None:
        """An optimizer over all weights that are not held."""
        options = self.options
        self._learned = [parameter for parameter in self.net.parameters() if parameter.requires_grad]
        self._direct = direct(self.net) if len(self.losses) == 1 else None
        self.optimizer = optim.optimizer(
            self._name, self._learned, rate=self.rate, momentum=options.momentum, decay=options.decay
        )

    def _penalty(self) -> Tensor:
        penalty = torch.zeros(())
        if self.options.l1:
            penalty = penalty + self.options.l1 * torch.stack([weight.abs().sum() for weight in self._weights]).sum()
        if self.options.l2:
            penalty = penalty + self.options.l2 * torch.stack([weight.square().sum() for weight in self._weights]).sum()
        return penalty

    def _set_rate(self) -> None:
        done = self.steps_done / max(1, self.total_steps)
        rate = self.rate * schedule.factor(self.options.schedule, done, warmup=self.options.warmup)
        for group in self.optimizer.param_groups:
            group["lr"] = rate


LEARN = Supervised

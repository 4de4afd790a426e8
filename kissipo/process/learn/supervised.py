"""Supervised learning: the answer is known, the loss says how far off the net is, the optimizer takes a step downhill.

w <- w - rate · d(loss + l1 · sum|w| + l2 · sum w²) / dw        for every batch

l1 and l2 are over the weights, not the biases (S07). Smoothed labels and mixed samples are learned by, and never judged by; class
weights count in both. With `ema` the mean of the weights over the last steps is what is judged and kept (Polyak and Juditsky
1992). `start: linear` first
solves the linear path of a wide-and-deep net, a convex problem with one answer, so that the hidden layers begin where linear or
logistic regression ends. Where heads in the middle of a net learn, too, the loss of each is added with a weight of 0.3 (Szegedy et al.
2015); the loss that is told is that of the answer.

With `precision: bfloat16` products are made of numbers of 16 bits while learning (torch's autocast); weights, losses and steps stay
float32. What is judged, kept and answered is reckoned in float32, so that a run answers alike on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from kissipo.core.batch import Batch
from kissipo.core.protocols import Feed, has_auxiliary, is_stateful
from kissipo.core.schema import word
from kissipo.process import optim, schedule
from kissipo.process.cross_entropy import smoothed
from kissipo.process.direct import direct
from kissipo.process.layers.recurrent import each_state
from kissipo.process.linear_start import hold_linear, start_linear
from kissipo.process.mixup import mix

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
    backbone_rate: float = word(
        1.0, "share of the rate with which all but the head learns, as after process.from", above=0, at_most=1
    )
    momentum: float = word(0.9, "share of the last step that goes on, for optimizer: momentum", at_least=0, below=1)
    decay: float | None = word(
        None, "each weight shrinks by rate · decay a step (adamw), or by its gradient (others)", at_least=0
    )
    schedule: schedule.Name = word("constant", "how the rate changes on the way")
    warmup: float = word(0.0, "share of the training during which the rate rises from zero", at_least=0, at_most=1)
    loss: tuple[str, ...] | None = word(None, "answer against truth -> one number; one loss for each answer")
    l1: float = word(0.0, "weight of the sum of all |w| in the loss", at_least=0)
    l2: float = word(0.0, "weight of the sum of all w² in the loss", at_least=0)
    smoothing: float = word(0.0, "share of each label that is spread over all classes", at_least=0, below=1)
    class_weights: Literal["balanced"] | None = word(None, "balanced: every class counts alike, however rare")
    mixup: float = word(0.0, "two samples in one by shares from Beta(mixup, mixup); 0: none", at_least=0)
    ema: float = word(
        0.0, "the mean of the weights, of which this share stays at each step, is kept; 0: none", at_least=0, below=1
    )
    clip: float | None = word(None, "longest gradient (over all weights) that is followed", above=0)
    precision: Literal["float32", "bfloat16"] = word(
        "float32", "what products are made of while learning; bfloat16: half as many bits, where the processor has them"
    )
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
        self._taught = smoothed(losses, options.smoothing)
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
            loss = self._direct.learn(self._taught[0], batch.inputs[0], batch.targets[0])
        else:
            with self._products():
                loss, taught = self._losses(batch)
            taught.backward()
        if self._weights:
            self._penalty().backward()
        if self.options.clip is not None:
            nn.utils.clip_grad_norm_(self._learned, self.options.clip)
        self.optimizer.step()
        for parameter in self._learned:
            parameter.grad = None
        if self._average is not None:
            self._average.update_parameters(self.net)
        self.steps_done += 1
        return {"loss": loss.detach()}

    def loss(self, outputs: Any, targets: tuple[Tensor, ...]) -> Tensor:
        """The loss of outputs against the truth, without the penalties; the sum over the answers."""
        return _sum(self.losses, outputs, targets)

    @contextmanager
    def as_judged(self) -> Iterator[None]:
        """Inside, the net holds the weights that are judged and kept."""
        if self._average is None:
            yield
            return
        learned = deepcopy(self.net.state_dict())
        self.net.load_state_dict(self._average.module.state_dict())
        try:
            yield
        finally:
            self.net.load_state_dict(learned)

    def state_dict(self) -> dict[str, Any]:
        """The optimizer's memory, the place in the schedule, the mean weights, and the state of a net that goes on."""
        average = None if self._average is None else self._average.state_dict()
        place = {"steps_done": self.steps_done, "state": self._state, "average": average}
        return {"optimizer": self.optimizer.state_dict(), **place}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The inverse of `state_dict`; the net has its weights already."""
        if self.options.start == "linear":
            hold_linear(self.net)
        self._equip()
        optim.go_on(self.optimizer, state["optimizer"])
        self.steps_done, self._state = state["steps_done"], state["state"]
        if self._average is not None:
            self._average.load_state_dict(state["average"])

    def _products(self) -> AbstractContextManager[Any]:
        """Inside, products are made of what `precision` says."""
        return torch.autocast("cpu", torch.bfloat16) if self.options.precision == "bfloat16" else nullcontext()

    def _losses(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The loss of the answer, and the one that is learned by: with those of auxiliary heads; both of mixed samples where they are."""
        mixed = mix(batch, self.options.mixup) if self.options.mixup else None
        outputs, auxiliary = self._outputs(batch if mixed is None else mixed.batch)

        def off(given: Any) -> Tensor:
            given = _whole(given)
            if mixed is None:
                return _sum(self._taught, given, batch.targets)
            first, second = (_sum(self._taught, given, truth) for truth in (mixed.batch.targets, mixed.second))
            return mixed.share * first + (1 - mixed.share) * second

        loss = off(outputs)
        return loss, sum((_AUXILIARY * off(each) for each in auxiliary), start=loss)

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
        average = get_ema_multi_avg_fn(options.ema)
        self._average = AveragedModel(self.net, multi_avg_fn=average) if options.ema else None
        usual = len(self.losses) > 1 or options.mixup or options.precision != "float32"
        self._direct = None if usual else direct(self.net)
        several = options.backbone_rate != 1
        learned: Any = optim.groups(self.net, self.rate, backbone=options.backbone_rate) if several else self._learned
        self.optimizer = optim.optimizer(
            self._name, learned, rate=self.rate, momentum=options.momentum, decay=options.decay
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
        optim.set_rate(self.optimizer, rate)


def _whole(outputs: Any) -> Any:
    """Outputs of half as many bits, filled up to float32; others as they are."""
    if isinstance(outputs, tuple):
        return tuple(map(_whole, outputs))
    return outputs.float() if outputs.dtype is torch.bfloat16 else outputs


def _sum(losses: tuple[Loss, ...], outputs: Any, targets: tuple[Tensor, ...]) -> Tensor:
    """The loss of the only answer, or the sum over the answers."""
    if len(losses) == 1:
        return losses[0](outputs, targets[0])
    return torch.stack([loss(y, t) for loss, y, t in zip(losses, outputs, targets, strict=True)]).sum()


LEARN = Supervised

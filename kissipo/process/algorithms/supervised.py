"""Supervised learning: the answer is known, the loss says how far off the net is, the optimizer takes a step downhill.

w <- w - learning_rate · d(loss + l1 · sum|w| + l2 · sum w²) / dw        for every batch

l1 and l2 are over the weights, not the biases (S07). Smoothed labels and mixed samples are learned by, and never judged by; class
weights count in both. With `ema` the mean of the weights over the last steps is what is judged and kept (Polyak and Juditsky
1992). `init: linear` first
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
from kissipo.core.protocols import Dataset, has_auxiliary_heads, is_stateful
from kissipo.core.schema import word
from kissipo.process import optim, schedule
from kissipo.process.cross_entropy import smoothed
from kissipo.process.layers.recurrent import each_state
from kissipo.process.linear_init import freeze_linear, init_linear
from kissipo.process.manual_backprop import manual_backprop
from kissipo.process.mixup import mix

Loss = Callable[[Tensor, Tensor], Tensor]
_AUXILIARY = 0.3  # weight of the loss of each auxiliary head


@dataclass(frozen=True)
class Stop:
    """When to stop before the last epoch."""

    SHORT: ClassVar[str] = "patience"
    patience: int = word(
        10,
        "number of epochs without a better validation loss before training stops; 0 disables it",
        at_least=0,
    )


@dataclass(frozen=True)
class Options:
    """The options of supervised learning."""

    epochs: int | None = word(None, "number of passes over the training set", at_least=1)
    optimizer: optim.Name | None = word(None, "optimizer that updates the weights")
    learning_rate: float | None = word(None, "learning rate of the optimizer", above=0)
    backbone_learning_rate_scale: float = word(
        1.0,
        "factor of the learning rate of all weights but those of the head, for fine-tuning",
        above=0,
        at_most=1,
    )
    momentum: float = word(
        0.9, "coefficient of momentum, for optimizer: momentum", at_least=0, below=1
    )
    weight_decay: float | None = word(
        None,
        "coefficient of weight decay: decoupled in adamw, an L2 gradient in the other optimizers",
        at_least=0,
    )
    schedule: schedule.Name = word("constant", "learning rate schedule")
    warmup: float = word(
        0.0,
        "fraction of the training during which the learning rate rises from zero",
        at_least=0,
        at_most=1,
    )
    loss: tuple[str, ...] | None = word(None, "loss function; a list of one loss per output")
    l1: float = word(0.0, "coefficient of the L1 penalty, the sum of all |w|", at_least=0)
    l2: float = word(0.0, "coefficient of the L2 penalty, the sum of all w²", at_least=0)
    label_smoothing: float = word(
        0.0,
        "label smoothing: fraction of each label that is spread over all classes",
        at_least=0,
        below=1,
    )
    class_weights: Literal["balanced"] | None = word(
        None, "class weights in the loss; balanced: inversely proportional to class frequencies"
    )
    mixup: float = word(
        0.0,
        "mixup: alpha of the Beta(alpha, alpha) distribution of the mixing factor; 0 disables it",
        at_least=0,
    )
    ema: float = word(
        0.0,
        "decay of the exponential moving average (EMA) of the weights; 0 disables it",
        at_least=0,
        below=1,
    )
    clip_norm: float | None = word(
        None, "maximum norm of the gradient over all weights (gradient clipping)", above=0
    )
    precision: Literal["float32", "bfloat16"] = word(
        "float32", "autocast dtype during training; bfloat16 needs a processor that supports it"
    )
    init: Literal["random", "linear"] | None = word(
        None,
        "initialization of the weights: random, or the least-squares solution of the linear path",
    )
    weights: str | None = word(
        None,
        "pretrained weights: a safetensors file (published names are known, too) or the folder of a run",
    )
    freeze: tuple[str, ...] | None = word(
        None, "weights that are frozen: all but head, or names of layers, such as conv2"
    )
    early_stopping: Stop = word(
        Stop(), "early stopping; the weights of the best epoch are restored"
    )


class Supervised:
    """One net, one optimizer, one loss for each answer."""

    def __init__(
        self, net: nn.Module, losses: tuple[Loss, ...], options: Options, *, total_steps: int
    ) -> None:
        self.net, self.losses, self.options = net, losses, options
        self._taught = smoothed(losses, options.label_smoothing)
        self.total_steps, self.steps_done = total_steps, 0
        self._state: Any = None  # of a net that goes on from batch to batch
        self._name: optim.Name = options.optimizer or "adam"
        self.learning_rate = options.learning_rate or optim.RATES[self._name]
        self._moves = options.schedule != "constant" or options.warmup > 0
        self._weights = (
            [weight for weight in net.parameters() if weight.dim() > 1 and weight.requires_grad]
            if options.l1 or options.l2
            else []
        )

    def begin(self, train: Dataset) -> str:
        """What is done once, before the first step; says so in a sentence, or nothing."""
        told = init_linear(self.net, train) if self.options.init == "linear" else ""
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
        if self.options.clip_norm is not None:
            nn.utils.clip_grad_norm_(self._learned, self.options.clip_norm)
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
    def eval_weights(self) -> Iterator[None]:
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
        if self.options.init == "linear":
            freeze_linear(self.net)
        self._equip()
        optim.go_on(self.optimizer, state["optimizer"])
        self.steps_done, self._state = state["steps_done"], state["state"]
        if self._average is not None:
            self._average.load_state_dict(state["average"])

    def _products(self) -> AbstractContextManager[Any]:
        """Inside, products are made of what `precision` says."""
        return (
            torch.autocast("cpu", torch.bfloat16)
            if self.options.precision == "bfloat16"
            else nullcontext()
        )

    def _losses(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The loss of the answer, and the one that is learned by: with those of auxiliary heads; both of mixed samples where they are."""
        mixed = mix(batch, self.options.mixup) if self.options.mixup else None
        outputs, auxiliary = self._outputs(batch if mixed is None else mixed.batch)

        def off(given: Any) -> Tensor:
            given = _whole(given)
            if mixed is None:
                return _sum(self._taught, given, batch.targets)
            first, second = (
                _sum(self._taught, given, truth) for truth in (mixed.batch.targets, mixed.second)
            )
            return mixed.share * first + (1 - mixed.share) * second

        loss = off(outputs)
        return loss, sum((_AUXILIARY * off(each) for each in auxiliary), start=loss)

    def _outputs(self, batch: Batch) -> tuple[Any, tuple[Any, ...]]:
        """What the net gives, and what its auxiliary heads give.

        Where the net goes on from batch to batch its state is handed on, its gradients are not: truncated backpropagation in time.
        """
        net: Any = self.net
        if has_auxiliary_heads(net):
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
        self._learned = [
            parameter for parameter in self.net.parameters() if parameter.requires_grad
        ]
        average = get_ema_multi_avg_fn(options.ema)
        self._average = AveragedModel(self.net, multi_avg_fn=average) if options.ema else None
        usual = len(self.losses) > 1 or options.mixup or options.precision != "float32"
        self._direct = None if usual else manual_backprop(self.net)
        several = options.backbone_learning_rate_scale != 1
        learned: Any = (
            optim.groups(
                self.net, self.learning_rate, backbone=options.backbone_learning_rate_scale
            )
            if several
            else self._learned
        )
        self.optimizer = optim.optimizer(
            self._name,
            learned,
            rate=self.learning_rate,
            momentum=options.momentum,
            decay=options.weight_decay,
        )

    def _penalty(self) -> Tensor:
        penalty = torch.zeros(())
        if self.options.l1:
            penalty = (
                penalty
                + self.options.l1
                * torch.stack([weight.abs().sum() for weight in self._weights]).sum()
            )
        if self.options.l2:
            penalty = (
                penalty
                + self.options.l2
                * torch.stack([weight.square().sum() for weight in self._weights]).sum()
            )
        return penalty

    def _set_rate(self) -> None:
        done = self.steps_done / max(1, self.total_steps)
        learning_rate = self.learning_rate * schedule.factor(
            self.options.schedule, done, warmup=self.options.warmup
        )
        optim.set_rate(self.optimizer, learning_rate)


def _whole(outputs: Any) -> Any:
    """Outputs of half as many bits, filled up to float32; others as they are."""
    if isinstance(outputs, tuple):
        return tuple(map(_whole, outputs))
    return outputs.float() if outputs.dtype is torch.bfloat16 else outputs


def _sum(losses: tuple[Loss, ...], outputs: Any, targets: tuple[Tensor, ...]) -> Tensor:
    """The loss of the only answer, or the sum over the answers."""
    if len(losses) == 1:
        return losses[0](outputs, targets[0])
    return torch.stack(
        [loss(y, t) for loss, y, t in zip(losses, outputs, targets, strict=True)]
    ).sum()


ALGORITHM = Supervised

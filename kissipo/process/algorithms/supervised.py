"""Supervised learning: one step of the optimizer per batch, against the gradient.

w <- w - learning_rate · d(loss + l1 · sum|w| + l2 · sum w²) / dw        for every batch

The penalties l1 and l2 cover the weights but not the biases (S07). Label smoothing and
mixup apply to the training loss only; class weights and sample weights also apply to
the validation loss.
With `ema` a running mean of the weights is evaluated and saved (Polyak and Juditsky
1992).

`init: linear` first solves the linear path of a wide-and-deep net. That is a convex
problem with one solution, so the hidden layers start from linear or logistic
regression.

If a net has a penalty of its own, it is added to the training loss, but not reported.
If a net has auxiliary heads, the loss of each is added with a weight of 0.3 (Szegedy et
al. 2015). The reported loss is that of the main output.

What frozen first layers make of a sample, such as statistics of an image, is computed
once, unless the inputs change at random (`_frozen_part.py`).

With `gradient_accumulation_steps` a batch is trained in so many parts, one after
another, whose gradients are added: the memory of a part is enough, and the step is that
of the whole batch. Only batch normalization sees the parts, and a loss that is not a
mean over samples, as with class weights, becomes the mean of those of the parts.

With `precision: bfloat16` training multiplies numbers of 16 bits (torch's autocast).
Weights, losses and steps stay float32. Evaluation and prediction use float32, so that a
run gives the same results on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from kissipo.core.algorithm import Algorithm
from kissipo.core.batch import Batch
from kissipo.core.devices import device_of
from kissipo.core.errors import TaskError
from kissipo.core.inferred_option import DataFacts, InferredOption
from kissipo.core.protocols import Dataset, has_auxiliary_heads, is_penalized, is_stateful
from kissipo.core.schema import NotSearched, Range, option
from kissipo.process import optim, schedule
from kissipo.process.algorithms._frozen_part import FrozenPart, frozen_part
from kissipo.process.cross_entropy import smoothed
from kissipo.process.layers.image_statistics import ImageStatistics
from kissipo.process.layers.recurrent import each_state
from kissipo.process.linear_init import fit_scales, freeze_linear, init_linear
from kissipo.process.loss_object import LossObject
from kissipo.process.manual_backprop import manual_backprop
from kissipo.process.mixup import mix
from kissipo.process.weighted_mean import weighted_mean

Loss = Callable[[Tensor, Tensor], Tensor]
NEEDS_LOSSES = True
_AUXILIARY = 0.3  # weight of the loss of each auxiliary head
_STEPS = 4_000
_MIN_BATCH, _VALUES = 8, 8_000_000
_UNWRITTEN = (
    ("mixup", 0.0),
    ("backbone_learning_rate_scale", 1.0),
    ("precision", "float32"),
    ("gradient_accumulation_steps", 1),
)


@dataclass(frozen=True)
class Stop:
    """The options of early stopping."""

    SHORT: ClassVar[str] = "patience"
    patience: int = option(
        10,
        "number of epochs without a better validation loss before training stops; 0 disables it",
        minimum=0,
    )


@dataclass(frozen=True)
class Options:
    """The options of supervised learning."""

    epochs: int | None = option(None, "number of passes over the training set", minimum=1)
    optimizer: optim.Name | None = option(None, "optimizer that updates the weights")
    learning_rate: float | None = option(
        None, "learning rate of the optimizer", above=0, search=Range(1e-4, 1e-1, log=True)
    )
    backbone_learning_rate_scale: float = option(
        1.0,
        "factor of the learning rate of all weights but those of the head, for fine-tuning",
        above=0,
        maximum=1,
    )
    momentum: float = option(
        0.9, "coefficient of momentum, for optimizer: momentum", minimum=0, below=1
    )
    weight_decay: float | None = option(
        None,
        "coefficient of weight decay: decoupled in adamw, an L2 gradient in the other optimizers",
        minimum=0,
        search=Range(1e-6, 1e-1, log=True),
    )
    schedule: schedule.Name = option("constant", "learning rate schedule")
    warmup: float = option(
        0.0,
        "fraction of the training during which the learning rate rises from zero",
        minimum=0,
        maximum=1,
    )
    loss: tuple[str, ...] | None = option(
        None,
        "loss function; a list of one loss per output",
        search=NotSearched("another loss has other values"),
    )
    l1: float = option(0.0, "coefficient of the L1 penalty, the sum of all |w|", minimum=0)
    l2: float = option(0.0, "coefficient of the L2 penalty, the sum of all w²", minimum=0)
    label_smoothing: float = option(
        0.0,
        "label smoothing: fraction of each label that is spread over all classes",
        minimum=0,
        below=1,
    )
    class_weights: Literal["balanced"] | None = option(
        None,
        "class weights in the loss; balanced: inversely proportional to class frequencies",
        search=NotSearched("class weights change the validation loss"),
    )
    mixup: float = option(
        0.0,
        "mixup: alpha of the Beta(alpha, alpha) distribution of the mixing factor; 0 disables it",
        minimum=0,
    )
    ema: float = option(
        0.0,
        "decay of the exponential moving average (EMA) of the weights; 0 disables it",
        minimum=0,
        below=1,
    )
    clip_norm: float | None = option(
        None, "maximum norm of the gradient over all weights (gradient clipping)", above=0
    )
    gradient_accumulation_steps: int = option(
        1,
        "number of parts in which each batch is processed, to save memory; "
        "their gradients are added",
        minimum=1,
    )
    precision: Literal["float32", "bfloat16"] = option(
        "float32", "autocast dtype during training; bfloat16 needs a processor that supports it"
    )
    init: Literal["random", "linear"] | None = option(
        None,
        "initialization of the weights: random, or the least-squares solution of the linear path",
    )
    weights: str | None = option(
        None,
        "pretrained weights: a safetensors file (also with published names), the folder of a run "
        "or of a published model; hf:NAME downloads one from huggingface.co",
    )
    freeze: tuple[str, ...] | None = option(
        None, "weights that are frozen: all but head, or names of layers, such as conv2"
    )
    early_stopping: Stop = option(
        Stop(), "early stopping; the weights of the best epoch are restored"
    )


def suggested_options(facts: DataFacts) -> tuple[InferredOption, ...]:
    """Returns loss, learning rate, batch size and epochs for a few thousand steps."""
    samples, losses = facts.samples, list(facts.losses)
    batch = facts.batch or min(
        2 ** max(4, min(9, (samples // 100).bit_length() - 1)), _max_batch(facts)
    )
    epochs = max(5, min(60, round(_STEPS * batch / max(1, samples))))
    optimizer = facts.process.get("optimizer") or "adam"
    patience = max(5, int(facts.process.get("epochs") or epochs) // 4)
    suits = "default for " + " and ".join(facts.answers)
    steps = f"about {_STEPS:,} steps of {batch} samples, at least 5 epochs, at most 60"
    rate = optim.RATES.get(optimizer, 1e-3)
    return (
        InferredOption("process.loss", losses[0] if len(losses) == 1 else losses, suits),
        InferredOption("process.optimizer", optimizer, "the usual optimizer"),
        InferredOption("process.learning_rate", rate, f"default for {optimizer}"),
        InferredOption("input.batch_size", batch, f"{samples:,} training samples"),
        InferredOption("process.epochs", epochs, steps),
        InferredOption("process.early_stopping", {"patience": patience}),
    )


def _max_batch(facts: DataFacts) -> int:
    """Returns the largest batch of images, a power of two; other data are small."""
    size = sum(spec.size for spec in facts.inputs if spec.axes[:1] == ("channel",))
    return int(2 ** (max(_MIN_BATCH, _VALUES // max(1, size)).bit_length() - 1))


class Supervised(Algorithm):
    """One net, one optimizer, and one loss per output.

    UNSUITABLE:  options of supervised learning that an algorithm made from it refuses
    """

    UNSUITABLE: ClassVar[tuple[str, ...]] = ()
    takes_sample_weights = True
    takes_targets: bool = False  # whether the net gets the targets, too (teacher forcing)

    def __init__(
        self, net: nn.Module, losses: tuple[Loss, ...], options: Options, *, total_steps: int
    ) -> None:
        for name in self.UNSUITABLE:
            if getattr(options, name):
                algorithm = type(self).__module__.rpartition(".")[2]
                raise TaskError(
                    f"process.{name} does not suit process.algorithm={algorithm}",
                    do=f"Leave process.{name} out",
                )
        if options.gradient_accumulation_steps > 1 and is_stateful(net):
            raise TaskError(
                "process.gradient_accumulation_steps divides each batch, but a stateful net "
                "carries the state of the whole batch",
                do="Leave it out, or set process.stateful=false",
            )
        self.net, self.losses, self.options = net, losses, options
        self.epochs, self.patience = options.epochs or 1, options.early_stopping.patience
        self.training_losses = smoothed(losses, options.label_smoothing)
        self.total_steps, self.steps_done = total_steps, 0
        self._state: Any = None  # of a stateful net after the last batch
        self._frozen_part: FrozenPart | None = None
        self._looks_for_frozen_part = False
        self._name: optim.Name = options.optimizer or "adam"
        self.learning_rate = options.learning_rate or optim.RATES[self._name]
        self._has_schedule = options.schedule != "constant" or options.warmup > 0
        self._weights = (
            [weight for weight in net.parameters() if weight.dim() > 1 and weight.requires_grad]
            if options.l1 or options.l2
            else []
        )

    def begin(self, train: Dataset) -> str:
        """Prepares the first step and returns a sentence for the user or nothing."""
        fit_scales(self.net, train)
        description = init_linear(self.net, train) if self.options.init == "linear" else ""
        self._build_optimizer()
        return description

    def begin_epoch(self) -> None:
        """Resets the state of a stateful net."""
        self._state = None

    def step(self, batch: Batch) -> Mapping[str, Tensor]:
        """Trains on one batch and returns its loss."""
        if self._has_schedule:
            self._set_rate()
        if self._looks_for_frozen_part:
            self._looks_for_frozen_part = False
            self._frozen_part = frozen_part(self.net, batch.inputs[0])
        if (
            self._manual_backprop is not None
            and batch.weights is None
            and self._manual_backprop.fits(*batch.inputs)
        ):
            loss = self._manual_backprop.loss_and_backward(
                self.training_losses[0], batch.inputs[0], batch.targets[0]
            )
        else:
            loss = self._accumulate_gradients(batch)
        if self._weights:
            self._penalty().backward()
        if self.options.clip_norm is not None:
            nn.utils.clip_grad_norm_(self._trained, self.options.clip_norm)
        self.optimizer.step()
        for parameter in self._trained:
            parameter.grad = None
        if self._average is not None:
            self._average.update_parameters(self.net)
        self.steps_done += 1
        return {"loss": loss.detach()}

    def _accumulate_gradients(self, batch: Batch) -> Tensor:
        """Adds up the gradients of the parts of a batch; returns its loss."""
        if self.options.gradient_accumulation_steps == 1:
            with self._autocast():
                loss, total = self._losses(batch)
            total.backward()
            return loss
        losses = []
        for part in batch.split(self.options.gradient_accumulation_steps):
            share = part.total_weight / (batch.total_weight or 1.0)
            with self._autocast():
                loss, total = self._losses(part)
            (share * total).backward()
            losses.append(share * loss.detach())
        return torch.stack(losses).sum()

    def loss(self, outputs: Any, targets: tuple[Tensor, ...]) -> Tensor:
        """Returns the loss without the penalties, summed over the outputs."""
        return _sum(self.losses, outputs, targets)

    def validation_loss(self, outputs: Any, batch: Batch) -> Tensor:
        """Returns the loss without the penalties, as the weighted mean over samples."""
        return _sum(self.losses, outputs, batch.targets, batch.weights)

    @contextmanager
    def eval_weights(self) -> Iterator[None]:
        """Gives the net the weights for evaluation, the EMA if there is one."""
        if self._average is None:
            yield
            return
        trained = deepcopy(self.net.state_dict())
        self.net.load_state_dict(self._average.module.state_dict())
        try:
            yield
        finally:
            self.net.load_state_dict(trained)

    def unwritten_options(self) -> list[str]:
        """Returns the options in use that the script of `kissipo eject` does not
        support."""
        return [name for name, default in _UNWRITTEN if getattr(self.options, name) != default]

    def state_dict(self) -> dict[str, Any]:
        """Returns all that the next step depends on, besides the weights."""
        average = None if self._average is None else self._average.state_dict()
        progress = {"steps_done": self.steps_done, "state": self._state, "average": average}
        return {"optimizer": self.optimizer.state_dict(), **progress}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores what `state_dict` returned; the net already has its weights."""
        if self.options.init == "linear":
            freeze_linear(self.net)
        self._build_optimizer()
        optim.load_optimizer_state(self.optimizer, state["optimizer"])
        device = device_of(self.net)
        self.steps_done = state["steps_done"]
        self._state = each_state(state["state"], lambda part: part.to(device))
        if self._average is not None:
            self._average.load_state_dict(state["average"])

    def _autocast(self) -> AbstractContextManager[Any]:
        """Returns the context of the dtype that `precision` names."""
        return (
            torch.autocast(device_of(self.net).type, torch.bfloat16)
            if self.options.precision == "bfloat16"
            else nullcontext()
        )

    def _losses(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Returns the loss of the output, and its sum with those of auxiliary heads."""
        mixed = mix(batch, self.options.mixup) if self.options.mixup else None
        outputs, auxiliary = self._outputs(batch if mixed is None else mixed.batch)

        def loss_of(predictions: Any) -> Tensor:
            predictions = _as_float32(predictions)
            if mixed is None:
                return _sum(self.training_losses, predictions, batch.targets, batch.weights)
            first, second = (
                _sum(self.training_losses, predictions, targets)
                for targets in (mixed.batch.targets, mixed.second)
            )
            return mixed.share * first + (1 - mixed.share) * second

        loss = loss_of(outputs)
        if isinstance(auxiliary, Tensor) and not any(
            isinstance(item, LossObject) for item in self.losses
        ):
            total = loss + _AUXILIARY * torch.vmap(loss_of)(auxiliary).sum()
        else:
            total = sum((_AUXILIARY * loss_of(head) for head in auxiliary), start=loss)
        return loss, self._with_own_penalty(total, batch)

    def _with_own_penalty(self, loss: Tensor, *batches: Batch) -> Tensor:
        """Returns the loss, plus the penalty of a net that has one of its own."""
        net = self.net
        if not is_penalized(net):
            return loss
        return sum((net.penalty(*batch.inputs) for batch in batches), start=loss)

    def _outputs(self, batch: Batch) -> tuple[Any, tuple[Any, ...] | Tensor]:
        """Returns the outputs of the net and those of its auxiliary heads.

        A stateful net starts from the detached state of the batch before. This is
        truncated backpropagation through time.
        """
        net: Any = self.net
        if self._frozen_part is not None:
            return self._frozen_part.rest(self._frozen_part(batch.inputs[0])), ()
        if has_auxiliary_heads(net):
            outputs, auxiliary = net.with_auxiliary(*batch.inputs)
            return outputs, auxiliary
        if not is_stateful(net):
            return net(*batch.inputs), ()
        outputs, state = net.forward_with_state(self._state, *batch.inputs)
        self._state = each_state(state, Tensor.detach)
        return outputs, ()

    def _build_optimizer(self) -> None:
        """Builds the optimizer of all parameters that are not frozen."""
        options = self.options
        self._trained = [
            parameter for parameter in self.net.parameters() if parameter.requires_grad
        ]
        average = get_ema_multi_avg_fn(options.ema)
        self._average = AveragedModel(self.net, multi_avg_fn=average) if options.ema else None
        needs_autograd = (
            len(self.losses) > 1
            or options.mixup
            or options.precision != "float32"
            or options.gradient_accumulation_steps > 1
        )
        self._manual_backprop = None if needs_autograd else manual_backprop(self.net)
        has_frozen_part = bool(options.freeze) or any(
            isinstance(layer, ImageStatistics) for layer in self.net.modules()
        )
        self._looks_for_frozen_part = has_frozen_part and not (self.augmented or options.mixup)
        scale = options.backbone_learning_rate_scale
        trained: Any = (
            self._trained
            if scale == 1
            else optim.groups(self.net, self.learning_rate, backbone=scale)
        )
        self.optimizer = optim.optimizer(
            self._name,
            trained,
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


def _as_float32(outputs: Any) -> Any:
    """Converts bfloat16 outputs to float32; other outputs stay as they are."""
    if isinstance(outputs, tuple):
        return tuple(map(_as_float32, outputs))
    return outputs.float() if outputs.dtype is torch.bfloat16 else outputs


def _sum(
    losses: tuple[Loss, ...],
    outputs: Any,
    targets: tuple[Tensor, ...],
    weights: Tensor | None = None,
) -> Tensor:
    """Returns the loss of a single output, or the sum of the losses of several."""
    if weights is not None:
        losses = tuple(partial(weighted_mean, loss, weights=weights) for loss in losses)
    if len(losses) == 1:
        return losses[0](outputs, targets[0])
    return torch.stack(
        [loss(y, t) for loss, y, t in zip(losses, outputs, targets, strict=True)]
    ).sum()


ALGORITHM = Supervised

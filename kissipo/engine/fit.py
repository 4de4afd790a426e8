"""Fit: the one loop over data. It asks `learn` for a step, keeps the best state, saves itself, and can go on where it ended.

The order of the samples is a pure function of seed and epoch, and everything else that the next step depends on (weights,
optimizer, dice of dropout, sums of the running epoch, best state, history) is in the checkpoint. So a run that was killed
and resumed ends with the same weights, bit for bit, as one that was not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn

from kissipo.core.batch import Batch
from kissipo.core.errors import DataError, StoppedError
from kissipo.core.protocols import (
    Algorithm,
    Augment,
    Callback,
    Dataset,
    Evaluator,
    ahead,
    eval_weights,
    is_stateful,
)
from kissipo.core.seeds import torch_generator
from kissipo.engine.checkpoint import saving_interval
from kissipo.engine.evaluate import evaluate
from kissipo.engine.stopping import Stopping
from kissipo.engine.streams import stream_steps

Save = Callable[[dict[str, Any]], None]
_TELL_EVERY = 0.1
_SAVE_SHARE = 0.05


@dataclass(frozen=True)
class FitConfig:
    """How long and in which portions.

    patience:  epochs without a better validation loss before stopping; 0: never stops, but still keeps the best
    """

    epochs: int
    batch: int
    seed: int
    patience: int = 0
    shuffle: bool = True


@dataclass
class FitState:
    """Where a fit stands; all of it is saved."""

    epoch: int = 0
    step: int = 0
    loss_sum: Tensor = field(default_factory=lambda: torch.zeros((), dtype=torch.float64))
    history: list[dict[str, Any]] = field(default_factory=list)
    best_loss: float = float("inf")
    best_epoch: int = 0
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    start_quality: Tensor | None = None
    begun: bool = False
    done: bool = False
    seconds: float = 0.0


class Fit:
    """One net learning from one feed."""

    def __init__(
        self,
        net: nn.Module,
        algorithm: Algorithm,
        config: FitConfig,
        *,
        train: Dataset,
        validation: Dataset | None = None,
        augment: Augment | None = None,
        answers: Sequence[Evaluator] = (),
        callbacks: Sequence[Callback] = (),
        save: Save | None = None,
    ) -> None:
        self.net, self.algorithm, self.config = net, algorithm, config
        self.train, self.validation, self.answers = train, validation, answers
        self.augment = augment
        self.callbacks, self.save = callbacks, save
        self.at = FitState()
        self._stopping = Stopping()
        self._saved_at, self._save_takes = perf_counter(), 0.0
        self._told_at = 0.0

    @property
    def steps_an_epoch(self) -> int:
        """How many batches one epoch has."""
        return -(-len(self.train) // self.config.batch)

    def run(self) -> FitState:
        """Learns to the end, or until patience is out; the net then holds the weights of the best epoch.

        Raises:   StoppedError after Ctrl-C, when everything is saved; DataError when the loss is no longer a number.
        """
        started = perf_counter() - self.at.seconds
        with self._stopping:
            self._begin()
            while not self.at.done:
                self._epoch(started)
        self.net.load_state_dict(self.at.best_weights)
        return self.at

    def where(self) -> str:
        """Where it stands, in words."""
        return (
            "to the end: the training was already done"
            if self.at.done
            else f"in epoch {self.at.epoch + 1}, step {self.at.step}"
        )

    def state_dict(self) -> dict[str, Any]:
        """Everything the next step depends on."""
        return {
            "net": self.net.state_dict(),
            "learn": self.algorithm.state_dict(),
            "position": vars(self.at),
            "dice": torch.get_rng_state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The inverse of `state_dict`."""
        self.net.load_state_dict(state["net"])
        self.algorithm.load_state_dict(state["learn"])
        self.at = FitState(**state["position"])
        torch.set_rng_state(state["dice"])

    def _begin(self) -> None:
        facts = {
            "epochs": self.config.epochs,
            "steps": self.steps_an_epoch,
            "batch": self.config.batch,
            "samples": len(self.train),
        }
        for callback in self.callbacks:
            callback.on_start(facts)
        if self.at.begun:
            return
        note = self.algorithm.begin(self.train)
        for callback in self.callbacks if note else ():
            callback.on_note(note)
        self.at.begun = True
        row, quality = self._watch({"epoch": 0})
        self.at.start_quality = quality if note else None
        self._keep_if_best(row, None)

    def _epoch(self, started: float) -> None:
        at, config = self.at, self.config
        order = self._order(at.epoch + 1)
        self.net.train()
        if at.step == 0:
            self.algorithm.begin_epoch()
        steps = range(at.step, self.steps_an_epoch)
        for batch in ahead(
            self.train, (order[step * config.batch : (step + 1) * config.batch] for step in steps)
        ):
            losses = self.algorithm.step(self._augmented(batch))
            at.loss_sum.add_(losses["loss"], alpha=len(batch))
            at.step += 1
            self._between_steps(started)
        loss = float(at.loss_sum) / len(self.train)
        self._refuse_lost(loss)
        at.epoch, at.step = at.epoch + 1, 0
        at.loss_sum = torch.zeros((), dtype=torch.float64)
        with eval_weights(self.algorithm):
            row, quality = self._watch({"epoch": at.epoch, "loss": loss})
            self._keep_if_best(row, quality)
        at.seconds = perf_counter() - started
        patient = not config.patience or at.epoch - at.best_epoch < config.patience
        at.done = at.epoch >= config.epochs or not patient
        for callback in self.callbacks:
            callback.on_epoch(
                {**row, "seconds": round(at.seconds, 3), "best": at.best_epoch == at.epoch}
            )
            if at.done and at.epoch < config.epochs:
                callback.on_note(
                    f"stopped after epoch {at.epoch}: {config.patience} epochs without a lower validation loss"
                )
        if at.done or perf_counter() - self._saved_at > self._interval:
            self._save_now()

    def _augmented(self, batch: Batch) -> Batch:
        """The samples of the step that is next, changed at random where that was asked for."""
        if self.augment is None:
            return batch
        return self.augment(
            batch, torch_generator(self.config.seed, "augment", self.at.epoch + 1, self.at.step)
        )

    def _order(self, epoch: int) -> Tensor:
        if is_stateful(self.net):
            return torch.cat(list(stream_steps(len(self.train), self.config.batch)))
        if not self.config.shuffle:
            return torch.arange(len(self.train))
        return torch.randperm(
            len(self.train), generator=torch_generator(self.config.seed, "order", epoch)
        )

    def _between_steps(self, started: float) -> None:
        """What is looked after several times a second: progress, saving, the wish to stop."""
        now = perf_counter()
        if now - self._told_at < _TELL_EVERY and not self._stopping.wished:
            return
        self._told_at = now
        at = self.at
        at.seconds = now - started
        loss = float(at.loss_sum) / min(at.step * self.config.batch, len(self.train))
        self._refuse_lost(loss)
        facts = {
            "epoch": at.epoch + 1,
            "epochs": self.config.epochs,
            "step": at.step,
            "steps": self.steps_an_epoch,
            "loss": loss,
            "seconds": at.seconds,
        }
        for callback in self.callbacks:
            callback.on_progress(facts)
        if self._stopping.wished:
            self._save_now()
            raise StoppedError(
                f"stopped in epoch {at.epoch + 1}, step {at.step} of {self.steps_an_epoch}"
            )
        if now - self._saved_at > self._interval:
            self._save_now()

    @property
    def _interval(self) -> float:
        return max(saving_interval(), self._save_takes / _SAVE_SHARE)

    def _save_now(self) -> None:
        if self.save is not None:
            began = perf_counter()
            self.save(self.state_dict())
            self._saved_at = perf_counter()
            self._save_takes = self._saved_at - began

    def _watch(self, row: dict[str, Any]) -> tuple[dict[str, Any], Tensor | None]:
        """The row of the history with what the validation part says, and the quality of each of its samples."""
        quality = None
        if self.validation is not None and len(self.validation):
            seen = evaluate(self.net, self.validation, self.answers, algorithm=self.algorithm)
            row["validation_loss"] = seen.loss
            for answer, evaluation in zip(self.answers, seen.evaluations, strict=True):
                row[f"validation_{answer.watched}"] = evaluation.metrics[answer.watched]
            each = seen.evaluations[0].each if seen.evaluations else None
            quality = None if each is None else torch.from_numpy(each)
        self.at.history.append(row)
        return row, quality

    def _keep_if_best(self, row: dict[str, Any], quality: Tensor | None) -> None:
        """By validation loss; without a validation part by the order of time, the last epoch being the best.

        Where learning started from a solution (of linear regression), an epoch must also be better than that start by more
        than one standard error over the validation samples, or chance alone would talk a small set out of the simpler answer.
        """
        loss = row.get("validation_loss", -float(self.at.epoch))
        start = self.at.start_quality
        if start is not None and quality is not None and len(start) > 1:
            gain = quality - start
            if float(gain.mean()) <= float(gain.std()) / len(gain) ** 0.5:
                return
        if loss < self.at.best_loss or not self.at.best_weights:
            self.at.best_loss, self.at.best_epoch = loss, self.at.epoch
            self.at.best_weights = {
                name: tensor.detach().clone() for name, tensor in self.net.state_dict().items()
            }

    def _refuse_lost(self, loss: float) -> None:
        if loss != loss or loss in (float("inf"), float("-inf")):
            raise DataError(
                f"the loss is no longer a number in epoch {self.at.epoch + 1}: the steps are too long, or a value in the data is extreme",
                do="Lower process.learning_rate, set process.clip_norm=1, or look at the data with `kissipo data check`",
            )

"""Fit: the training loop over a dataset.

The algorithm does each step. The loop keeps the best weights, saves checkpoints, and
resumes from them. The order of the samples is a function of seed and epoch, and the
random numbers of a step are a function of seed, epoch and step. Everything else that
the next step depends on is in the checkpoint: weights, optimizer, sums of the current
epoch, best weights and history. So a run that was killed and resumed ends with the same
weights, bit for bit, as one that was not. On a GPU that holds as far as torch's
operations there are deterministic.

Batches are read and augmented on the CPU and moved to the device of the net.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import isfinite
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn

from kissipo.core.algorithm import Algorithm, Monitor
from kissipo.core.batch import Batch
from kissipo.core.devices import device_of, seed_torch
from kissipo.core.errors import DataError, StoppedError
from kissipo.core.protocols import (
    Augmentation,
    Dataset,
    Evaluator,
    FitCallback,
    ahead,
    epoch_order,
    is_stateful,
    min_gain,
)
from kissipo.core.seeds import derive, torch_generator
from kissipo.engine.checkpoint import saving_interval
from kissipo.engine.evaluate import evaluate
from kissipo.engine.stopping import Stopping
from kissipo.engine.streams import stream_steps

Save = Callable[[dict[str, Any]], None]
_PROGRESS_SECONDS = 0.1


@dataclass(frozen=True)
class FitConfig:
    """The settings of the training loop.

    patience:  epochs without a better value of the monitor before training stops;
               0: training never stops early, but the best weights are still kept
    """

    epochs: int
    batch: int
    seed: int
    patience: int = 0
    shuffle: bool = True


@dataclass
class FitState:
    """The progress of a fit; all of it is saved in the checkpoint."""

    epoch: int = 0
    step: int = 0
    loss_sums: dict[str, Tensor] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    best_value: float = float("inf")
    best_epoch: int = 0
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    start_quality: Tensor | None = None
    begun: bool = False
    done: bool = False
    seconds: float = 0.0


class _WatchedDataset:
    """A data set that says how many samples it has handed over, from the first on.

    on_read:  called with the number of samples and the seconds since the first
    """

    def __init__(self, samples: Dataset, on_read: Callable[[int, float], None]) -> None:
        self._samples, self._on_read = samples, on_read

    def __len__(self) -> int:
        return len(self._samples)

    def batch(self, index: Tensor | slice) -> Batch:
        """Returns the samples at the given indices."""
        return self._samples.batch(index)

    def ahead(self, order: Iterable[Tensor | slice]) -> Iterator[Batch]:
        """Yields the batches; one counts when the next is asked for."""
        started, count = perf_counter(), 0
        for batch in ahead(self._samples, order):
            yield batch
            count += len(batch)
            self._on_read(count, perf_counter() - started)


class Fit:
    """Trains one net on one dataset."""

    def __init__(
        self,
        net: nn.Module,
        algorithm: Algorithm,
        config: FitConfig,
        *,
        train: Dataset,
        validation: Dataset | None = None,
        augment: Augmentation | None = None,
        answers: Sequence[Evaluator] = (),
        callbacks: Sequence[FitCallback] = (),
        save: Save | None = None,
    ) -> None:
        self.net, self.algorithm, self.config = net, algorithm, config
        algorithm.seed, algorithm.augmented = config.seed, augment is not None
        self.train, self.validation, self.answers = train, validation, answers
        self.augment = augment
        self.callbacks, self.save = callbacks, save
        self.state = FitState()
        self._stopping = Stopping()
        self._saved_at, self._save_takes = perf_counter(), 0.0
        self._progress_at = 0.0

    @property
    def steps_an_epoch(self) -> int:
        """The number of batches per epoch."""
        return -(-len(self.train) // self.config.batch)

    def run(self) -> FitState:
        """Trains to the last epoch or stops early; the net gets the best weights.

        Raises:   StoppedError after Ctrl-C, when everything is saved;
                  DataError when the loss is NaN or infinite.

        A net without epochs is solved before the first step, and keeps its weights.
        """
        started = perf_counter() - self.state.seconds
        with self._stopping:
            self._begin()
            while not self.state.done:
                self._epoch(started)
        self.state.seconds = self.state.seconds or perf_counter() - started
        if self.state.best_weights:
            self.net.load_state_dict(self.state.best_weights)
        return self.state

    @property
    def _better(self) -> str:
        monitor = self.algorithm.monitor or Monitor()
        how = "lower" if monitor.best == "min" else "higher"
        return f"{how} {monitor.name.replace('_', ' ')}"

    def _why_stopped(self) -> str:
        if self.state.start_quality is not None and not self.state.best_epoch:
            return "no epoch was better than the start by more than chance; the start is kept"
        return f"{self.config.patience} epochs without a {self._better}"

    def where(self) -> str:
        """Returns the end of the sentence "training resumes ...", for the log."""
        return (
            "to the end: the training was already done"
            if self.state.done
            else f"in epoch {self.state.epoch + 1}, step {self.state.step}"
        )

    def state_dict(self) -> dict[str, Any]:
        """Returns everything that the next step depends on."""
        return {
            "net": self.net.state_dict(),
            "algorithm": self.algorithm.state_dict(),
            "state": vars(self.state),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores what `state_dict` returned."""
        self.net.load_state_dict(state["net"])
        self.algorithm.load_state_dict(state["algorithm"])
        self.state = FitState(**state["state"])
        device = device_of(self.net)
        for name, total in self.state.loss_sums.items():
            self.state.loss_sums[name] = total.to(device)

    def _begin(self) -> None:
        facts = {
            "epochs": self.config.epochs,
            "steps": self.steps_an_epoch,
            "batch": self.config.batch,
            "samples": len(self.train),
        }
        for callback in self.callbacks:
            callback.on_start(facts)
        if self.state.begun:
            return
        train = self.train if self.config.epochs else _WatchedDataset(self.train, self._on_read)
        note = self.algorithm.begin(train)
        for callback in self.callbacks if note else ():
            callback.on_note(note)
        self.state.begun = True
        if self.config.epochs == 0:  # the net is solved
            self.state.done, self.state.history = True, [{"epoch": 0}]
            return
        row, quality = self._evaluate_epoch({"epoch": 0})
        self.state.start_quality = quality if note else None
        self._keep_if_best(row, None)

    def _on_read(self, samples: int, seconds: float) -> None:
        """Reports how many samples were read by a net without epochs, and stops."""
        now = perf_counter()
        if self._stopping.wished:
            self._save_now()
            raise StoppedError(f"stopped after {samples} of {len(self.train)} samples were read")
        if now - self._progress_at < _PROGRESS_SECONDS:
            return
        self._progress_at = now
        facts = {"read": samples, "samples": len(self.train), "seconds": seconds}
        for callback in self.callbacks:
            callback.on_read(facts)

    def _epoch(self, started: float) -> None:
        state, config = self.state, self.config
        order, device = self._order(state.epoch + 1), device_of(self.net)
        seed = derive(config.seed, "step", state.epoch + 1)
        self.net.train()
        if state.step == 0:
            self.algorithm.begin_epoch()
        steps = range(state.step, self.steps_an_epoch)
        for batch in ahead(
            self.train, (order[step * config.batch : (step + 1) * config.batch] for step in steps)
        ):
            augmented = self._augmented(batch).to(device)
            seed_torch(seed + state.step, device)
            for name, loss in self.algorithm.step(augmented).items():
                if name not in state.loss_sums:
                    state.loss_sums[name] = torch.zeros_like(loss, dtype=_sum_dtype(device))
                state.loss_sums[name].add_(loss, alpha=batch.total_weight)
            state.step += 1
            self._between_steps(started)
        losses = {name: float(total) / len(self.train) for name, total in state.loss_sums.items()}
        self._refuse_not_finite(losses["loss"])
        state.epoch, state.step, state.loss_sums = state.epoch + 1, 0, {}
        with self.algorithm.eval_weights():
            row, quality = self._evaluate_epoch({"epoch": state.epoch, **losses})
            self._keep_if_best(row, quality)
        state.seconds = perf_counter() - started
        is_stuck = 0 < config.patience <= state.epoch - state.best_epoch
        state.done = state.epoch >= config.epochs or is_stuck
        is_best = self.algorithm.monitor is not None and state.best_epoch == state.epoch
        for callback in self.callbacks:
            callback.on_epoch({**row, "seconds": round(state.seconds, 3), "best": is_best})
            if state.done and state.epoch < config.epochs:
                callback.on_note(f"stopped after epoch {state.epoch}: {self._why_stopped()}")
        if state.done or perf_counter() - self._saved_at > saving_interval(self._save_takes):
            self._save_now()

    def _augmented(self, batch: Batch) -> Batch:
        """Returns the batch after random augmentation, if there is any."""
        if self.augment is None:
            return batch
        return self.augment(
            batch,
            torch_generator(self.config.seed, "augment", self.state.epoch + 1, self.state.step),
        )

    def _order(self, epoch: int) -> Tensor:
        if is_stateful(self.net):
            return torch.cat(list(stream_steps(len(self.train), self.config.batch)))
        if not self.config.shuffle:
            return torch.arange(len(self.train))
        generator = torch_generator(self.config.seed, "order", epoch)
        return epoch_order(self.train, self.config.batch, generator)

    def _between_steps(self, started: float) -> None:
        """Reports progress, saves and stops, several times per second."""
        now = perf_counter()
        if now - self._progress_at < _PROGRESS_SECONDS and not self._stopping.wished:
            return
        self._progress_at = now
        state = self.state
        state.seconds = now - started
        loss = float(state.loss_sums["loss"]) / min(state.step * self.config.batch, len(self.train))
        self._refuse_not_finite(loss)
        facts = {
            "epoch": state.epoch + 1,
            "epochs": self.config.epochs,
            "step": state.step,
            "steps": self.steps_an_epoch,
            "loss": loss,
            "seconds": state.seconds,
        }
        for callback in self.callbacks:
            callback.on_progress(facts)
        if self._stopping.wished:
            self._save_now()
            raise StoppedError(
                f"stopped in epoch {state.epoch + 1}, step {state.step} of {self.steps_an_epoch}"
            )
        if now - self._saved_at > saving_interval(self._save_takes):
            self._save_now()

    def _save_now(self) -> None:
        if self.save is not None:
            began = perf_counter()
            self.save(self.state_dict())
            self._saved_at = perf_counter()
            self._save_takes = self._saved_at - began

    def _evaluate_epoch(self, row: dict[str, Any]) -> tuple[dict[str, Any], Tensor | None]:
        """Adds the validation metrics to the row of the history.

        Returns:  the row, and the quality of each validation sample
        """
        quality = None
        if self.validation is not None and len(self.validation):
            split = evaluate(self.net, self.validation, self.answers, algorithm=self.algorithm)
            if self.algorithm.monitor is not None:
                row["validation_loss"] = split.loss
            for answer, evaluation in zip(self.answers, split.evaluations, strict=True):
                row[f"validation_{answer.monitor}"] = evaluation.metrics[answer.monitor]
            qualities = split.evaluations[0].per_sample if split.evaluations else None
            quality = None if qualities is None else torch.from_numpy(qualities)
        self.state.history.append(row)
        return row, quality

    def _keep_if_best(self, row: dict[str, Any], quality: Tensor | None) -> None:
        """Keeps the weights if the value of the monitor is the best so far.

        Without a monitor or a validation split the last epoch is the best one. Where
        training started from a solution (of linear regression), an epoch must also be
        better than that start by more than one standard error over the validation
        samples, or as much as its answer asks for. Otherwise, on a small split, chance
        alone would replace the simpler model.
        """
        monitor, value = self.algorithm.monitor, -float(self.state.epoch)
        if monitor is not None and monitor.name in row:
            value = row[monitor.name] if monitor.best == "min" else -row[monitor.name]
        start = self.state.start_quality
        if start is not None and quality is not None and len(start) > 1:
            gain = quality - start
            if float(gain.mean()) <= min_gain(self.answers[0], gain):
                return
        if value < self.state.best_value or not self.state.best_weights:
            self.state.best_value, self.state.best_epoch = value, self.state.epoch
            self.state.best_weights = {
                name: tensor.detach().clone() for name, tensor in self.net.state_dict().items()
            }

    def _refuse_not_finite(self, loss: float) -> None:
        if not isfinite(loss):
            raise DataError(
                f"the loss became NaN or infinite in epoch {self.state.epoch + 1}: "
                "the learning rate is probably too high, or a value in the data is extreme",
                do="Lower process.learning_rate, set process.clip_norm=1, "
                "or look at the data with `kissipo data check`",
            )


def _sum_dtype(device: torch.device) -> torch.dtype:
    """Returns the dtype in which losses are summed; Apple's GPUs have no float64."""
    return torch.float32 if device.type == "mps" else torch.float64

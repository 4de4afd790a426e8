"""A trial: the task with some other options is trained, and only its value is kept."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import isnan

from kissipo.core.errors import DataError
from kissipo.core.json_object import JsonMapping
from kissipo.core.protocols import FitCallback
from kissipo.core.schema import option_infos
from kissipo.input.source_data import Reading
from kissipo.pipeline.experiment import Experiment, build_experiment, read_data
from kissipo.pipeline.parse import ResolvedTask, read_task
from kissipo.runs.fit_quietly import fit_quietly
from kissipo.runs.scores import evaluate_scores
from kissipo.runs.tune.study import Study, truth_of

Stop = Callable[[int, float], bool]  # the epoch, the best value so far -> whether to stop


class PrunedError(Exception):
    """A trial was stopped early, as others are better after as many epochs."""

    def __init__(self, trained: Trained) -> None:
        super().__init__("pruned")
        self.trained = trained


@dataclass(frozen=True)
class Trained:
    """The best value of a training, the epoch of it, and the number of epochs."""

    value: float
    epoch: int
    epochs: int


class Trainer:
    """Trains the trials of a study in this process; their data are read once."""

    def __init__(self, study: Study, *, device: str = "auto") -> None:
        self.study, self.device = study, device

    def train(self, options: Mapping[str, object], stop: Stop | None = None) -> Trained:
        """Trains the task with these options.

        stop:     is asked after every epoch
        Raises:   PrunedError when it was stopped; DataError when a loss is not finite.
        """
        return self._fit(self._experiment(options), stop)

    def evaluate(self, options: Mapping[str, object]) -> tuple[Trained, dict[str, float]]:
        """Trains once more, and returns the metrics of the test split, too."""
        experiment = self._experiment(options)
        trained = self._fit(experiment, None)
        scores, _ = evaluate_scores(
            experiment.net,
            experiment.pipeline,
            baseline_names=[()] * len(experiment.pipeline.answers),
            metric_names=experiment.resolved.metrics,
            seed=self.study.seed,
        )
        several = len(scores) > 1
        metrics = {
            f"{score.answer.name} {name}" if several else name: float(value)
            for score in scores
            for name, value in score.net.metrics.items()
        }
        return trained, metrics

    def _experiment(self, options: Mapping[str, object]) -> Experiment:
        study = self.study
        task = study.task.with_words(options)
        inputs = [place for place in options if place.startswith("input.")]
        is_same_input = not any(place.split(".")[1] in self._source_options for place in inputs)
        experiment = build_experiment(
            task,
            seed=study.seed,
            reading=self._reading if is_same_input else None,
            device=self.device,
        )
        if not is_same_input and truth_of(experiment.pipeline) != study.truth:
            raise DataError(
                "the validation samples are not those of trial 0, so that the trials "
                "cannot be compared",
                do="Search other options",
            )
        return experiment

    def _fit(self, experiment: Experiment, stop: Stop | None) -> Trained:
        monitor, seed = self.study.monitor, self.study.seed
        callbacks = [] if stop is None else [_Watch(monitor.name, stop)]
        result = fit_quietly(experiment, seed, callbacks=callbacks)
        row = next(row for row in result.history if row["epoch"] == result.best_epoch)
        value = float(row[monitor.name])
        if isnan(value):
            raise DataError(
                f"the {monitor.name.replace('_', ' ')} is not a number in any epoch",
                do="Search smaller learning rates",
            )
        return Trained(value, result.best_epoch, result.epochs)

    @cached_property
    def _resolved(self) -> ResolvedTask:
        return read_task(self.study.task)

    @cached_property
    def _source_options(self) -> Collection[str]:
        return option_infos(type(self._resolved.source.options)).keys()

    @cached_property
    def _reading(self) -> Reading:
        reading: Reading = read_data(self._resolved)
        return reading


class _Watch(FitCallback):
    """Keeps the value of the best epoch, and stops a bad training."""

    def __init__(self, name: str, stop: Stop) -> None:
        self._name, self._stop = name, stop
        self._best: tuple[float, int] | None = None  # the value and the epoch
        self._epochs = 0

    def on_start(self, facts: JsonMapping) -> None:
        self._epochs = int(facts["epochs"])

    def on_epoch(self, row: JsonMapping) -> None:
        epoch = int(row["epoch"])
        if row["best"]:
            self._best = float(row[self._name]), epoch
        # before the first better epoch, the net is the one that training started with
        is_worse = self._best is not None and self._stop(epoch, self._best[0])
        if self._best is not None and is_worse and epoch < self._epochs:
            raise PrunedError(Trained(*self._best, epoch))

"""Tune: searches better options of a task.

Every trial is a training of the task with other options and the same seed. Trial 0 is
the task as it is. The trials are compared by the monitor of the training algorithm on
the validation split. The test split is used once, in the end: for the best trial and
for trial 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import isclose
from pathlib import Path
from time import sleep

from kissipo.core.algorithm import Monitor
from kissipo.core.errors import RunError, StoppedError, TaskError
from kissipo.core.finding import counted
from kissipo.core.seeds import numpy_generator
from kissipo.core.task import Task
from kissipo.core.text import format_value
from kissipo.engine.run_folder import RunFolder
from kissipo.pipeline.experiment import Experiment
from kissipo.runs.tune.journal import Journal, TrialRecord, load_optuna
from kissipo.runs.tune.processes import Processes
from kissipo.runs.tune.result import TuneResult
from kissipo.runs.tune.study import (
    Study,
    TuneConfig,
    folder_of,
    load_study,
    new_study,
    refuse_other,
)
from kissipo.runs.tune.trial import Trainer
from kissipo.runs.tune.worker import release_trials, run_trials, sign_of_life

_LOOK_EVERY = 1.0  # seconds


class TuneCallback:
    """Receives the events of a study. Every method is optional."""

    def on_start(self, experiment: Experiment, study: Study, folder: Path) -> None:
        """Is called before the first trial, with the experiment of trial 0."""

    def on_trial(self, record: TrialRecord, study: Study) -> None:
        """Is called after every trial, also one that another process has run."""

    def on_note(self, text: str) -> None:
        """Is called with a sentence for the user."""


def tune(
    task: Task,
    *,
    trials: int | None = None,
    workers: int = 1,
    sampler: str | None = None,
    search: Sequence[str] | Mapping[str, object] = (),
    seed: int | None = None,
    out: Path | str | None = None,
    resume: bool = False,
) -> TuneResult:
    """Searches better options of a task; returns the trials and the best task.

    trials:   the number of trainings; default 20
    workers:  the number of processes; with several, the data must be in a file
    sampler:  random, tpe (default), or hyperband
    search:   the options to search: their names, or names with values, such as
              {"learning_rate": "1e-4..1e-2", "units": [[32], [64, 64]]}; default: all
              that declare values
    out:      the folder of the study; default `runs/NAME-tune-N`
    resume:   continues the study there, or the latest; a new one starts where there is
              none
    Raises:   a subclass of UserError in one paragraph; StoppedError after Ctrl-C.
    """
    config = TuneConfig(trials, workers, sampler, search, seed=seed, out=out, resume=resume)
    return run_study(task, config)


def run_study(task: Task, config: TuneConfig, callback: TuneCallback | None = None) -> TuneResult:
    """Runs or resumes a study and saves its result."""
    config.check()
    load_optuna()
    callback = callback or TuneCallback()
    folder = folder_of(task, config)
    saved = load_study(folder) if config.resume and RunFolder(folder).is_begun else None
    study, experiment = new_study(task, config, saved)
    if config.workers > 1:
        _refuse_objects(study.task)
    if saved is not None:
        refuse_other(folder, saved, study)
    else:
        study.save(folder)
    journal = study.journal(folder)
    if config.resume and saved is None:
        callback.on_note(f"there is no study to resume: a new one starts in {folder}")
    release_trials(journal, folder, resumed=True)
    _add_trials(study, journal, config.trials or study.trials)
    callback.on_start(experiment, study, folder)
    try:
        records = _run(study, journal, folder, config, callback)
        result = _result(study, records, folder, config.device, callback)
    except (StoppedError, KeyboardInterrupt):
        raise StoppedError(_interrupted(journal, folder)) from None
    best = result.task
    task = type(task)(**best.parts(), name=best.name, inferred=best.inferred)
    result = replace(result, task=task)
    result.save()
    return result


def _run(
    study: Study, journal: Journal, folder: Path, config: TuneConfig, callback: TuneCallback
) -> list[TrialRecord]:
    """Runs all trials that are not finished; returns the records of all."""
    finished = {record.number for record in journal.records() if record.is_finished}

    def look() -> None:
        for record in journal.records():
            if record.is_finished and record.number not in finished:
                finished.add(record.number)
                callback.on_trial(record, study)

    if config.workers > 1:
        processes = Processes(folder, journal, config.workers, device=config.device)
        processes.run(look, callback.on_note)
    else:
        _run_here(study, journal, Trainer(study, device=config.device), folder, look)
    look()
    return journal.records()


def _run_here(
    study: Study, journal: Journal, trainer: Trainer, folder: Path, look: Callable[[], None]
) -> None:
    """Runs the trials in this process, and waits for those of other commands."""
    with sign_of_life(folder) as worker:
        while True:
            run_trials(study, journal, trainer, worker, on_trial=look)
            release_trials(journal, folder)
            states = [record.state for record in journal.records()]
            if not {"waiting", "running"} & {*states}:
                return
            if "waiting" not in states:
                sleep(_LOOK_EVERY)


def _add_trials(study: Study, journal: Journal, count: int) -> None:
    """Adds trials up to this number; the first one is the task as it is."""
    former = len(journal.records())
    trials = []
    for number in range(former, count):
        if number == 0:
            values = {option.place: option.value_in(study.task) for option in study.space}
            trials.append(
                {
                    option.place: values[option.place]
                    for option in study.space
                    if option.includes(values[option.place])
                }
            )
        else:
            trials.append(random_options(study, number) if study.sampler == "random" else {})
    journal.add(trials)


def random_options(study: Study, number: int) -> dict[str, object]:
    """Returns the options of a random trial: a function of the seed and its number."""
    return {
        option.place: option.draw(numpy_generator(study.seed, "trial", number, option.place))
        for option in study.space
    }


def _result(
    study: Study,
    records: Sequence[TrialRecord],
    folder: Path,
    device: str,
    callback: TuneCallback,
) -> TuneResult:
    """Trains the best trial and trial 0 once more, for the scores of the test split.

    Raises:   RunError when no trial is complete.
    """
    best = best_of(records, study.monitor)
    if best is None:
        raise RunError(
            "no trial was trained to its end",
            got=next((record.error for record in records if record.error), "no trial"),
            do=f"Search other options. The trials are in {folder}",
        )
    trainer = Trainer(study, device=device)
    test: dict[str, Mapping[str, float]] = {}
    for name, record in {"default": records[0], "best": best}.items():
        if record.state != "complete":
            continue
        if name == "best" and record.number == 0 and test:
            test[name] = test["default"]
            continue
        trained, test[name] = trainer.evaluate(record.options if record.number else {})
        if not isclose(trained.value, record.value, rel_tol=1e-6, abs_tol=1e-9):
            callback.on_note(
                f"trial {record.number} was trained again for the test split, with "
                f"{format_value(trained.value, digits=6)} in place of "
                f"{format_value(record.value, digits=6)}: sums differ with threads and devices"
            )
    return TuneResult(
        folder,
        study.monitor,
        study.sampler,
        study.seed,
        study.space,
        study.task,
        records,
        best,
        study.task.with_words(best.options if best.number else {}),
        test,
    )


def best_of(records: Sequence[TrialRecord], monitor: Monitor) -> TrialRecord | None:
    """Returns the complete trial with the best value; of equal ones, the first."""
    complete = [record for record in records if record.state == "complete"]
    sign = 1 if monitor.best == "min" else -1
    return min(complete, key=lambda record: sign * record.value, default=None)


def _refuse_objects(task: Task) -> None:
    """Refuses objects of Python in a task that other processes must read."""
    try:
        task.to_yaml()
    except TaskError as error:
        raise TaskError(
            error.wrong,
            got=error.got,
            do="Use one worker, or save the data to a file and name the file",
        ) from None


def _interrupted(journal: Journal, folder: Path) -> str:
    records = journal.records()
    finished = sum(record.is_finished for record in records)
    return (
        f"stopped after {finished} of {counted(len(records), 'trial')}. "
        f"They are kept: resume with --resume --out {folder}"
    )

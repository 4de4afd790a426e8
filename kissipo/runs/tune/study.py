"""A study: the task whose options are searched, and how; as it is saved in its folder.

default.yaml     the task of trial 0, with every option
study.json       sampler, seed, search space and monitor
journal.jsonl    the trials, shared by all processes
workers/         a sign of life of every process, and what it has printed
task.yaml        the task of the best trial
trials.csv       one row per trial
result.json      what `kissipo tune --json` prints
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kissipo.core.algorithm import Monitor
from kissipo.core.errors import RunError, TaskError
from kissipo.core.json_object import JsonObject
from kissipo.core.notation import as_json
from kissipo.core.schema import Values
from kissipo.core.suggest import did_you_mean
from kissipo.core.task import Task
from kissipo.engine.run_folder import RunFolder, latest_folder, next_folder
from kissipo.pipeline.experiment import Experiment, build_experiment
from kissipo.pipeline.parse import source_of
from kissipo.pipeline.pipeline import Pipeline
from kissipo.pipeline.resolve import writable
from kissipo.runs.fit import RUNS
from kissipo.runs.tune.journal import SAMPLERS, Journal, Sampler
from kissipo.runs.tune.search_space import SearchedOption, SearchSpace, search_space, write

FORMAT = 1
DEFAULT, STUDY, JOURNAL = "default.yaml", "study.json", "journal.jsonl"
TASK, TRIALS, RESULT, WORKERS = "task.yaml", "trials.csv", "result.json", "workers"
_ANEW = "Leave --resume out and name another folder with --out for a new study"
DEFAULT_TRIALS = 20


@dataclass(frozen=True)
class TuneConfig:
    """What a person asks for; None means the default, or that of a resumed study.

    trials:   the number of trials, the task as it is among them
    workers:  the number of processes
    search:   the options to search, as texts of the command line or as a mapping
    fixed:    options that keep their values
    """

    trials: int | None = None
    workers: int = 1
    sampler: str | None = None
    search: Sequence[str] | Mapping[str, object] = ()
    fixed: tuple[str, ...] = ()
    seed: int | None = None
    out: Path | str | None = None
    resume: bool = False
    device: str = "auto"

    def check(self) -> None:
        """Raises TaskError for a number that is too small, or an unknown sampler."""
        for name, number in (("trials", self.trials), ("workers", self.workers)):
            is_count = isinstance(number, int) and not isinstance(number, bool) and number >= 1
            if number is not None and not is_count:
                raise TaskError(
                    f"--{name} must be an integer of at least 1",
                    got=repr(number),
                    do=f"Write for example --{name} {2 if name == 'workers' else DEFAULT_TRIALS}",
                )
        if self.sampler is not None and self.sampler not in SAMPLERS:
            raise TaskError(
                "--sampler names no sampler",
                got=f"'{self.sampler}'",
                allowed=", ".join(SAMPLERS),
                do=did_you_mean(self.sampler, SAMPLERS, max_listed=0),
            )


@dataclass(frozen=True)
class Study:
    """A task and how its options are searched.

    task:     trial 0, with every option that has a value
    data:     a fingerprint of the data
    truth:    a fingerprint of the targets of the validation split
    trials:   the number of trials at the beginning; more can be added
    """

    task: Task
    space: SearchSpace
    sampler: Sampler
    seed: int
    monitor: Monitor
    epochs: int
    data: str
    truth: str
    trials: int

    def journal(self, folder: Path) -> Journal:
        """Returns the trials of the study in its folder."""
        return Journal(
            folder / JOURNAL,
            self.space,
            self.sampler,
            seed=self.seed,
            best=self.monitor.best,
            epochs=self.epochs,
        )

    def to_json(self) -> JsonObject:
        """Returns everything but the task."""
        return {
            "format": FORMAT,
            "sampler": self.sampler,
            "seed": self.seed,
            "monitor": vars(self.monitor),
            "epochs": self.epochs,
            "data": self.data,
            "truth": self.truth,
            "trials": self.trials,
            "space": [option.to_json() for option in self.space],
        }

    def save(self, folder: Path) -> None:
        """Makes the folder of the study, whole or not at all.

        Raises:   RunError when it exists already; MachineError when it cannot be made.
        """
        if (folder / STUDY).is_file():
            raise RunError(
                f"there is a study in {folder} already",
                do="Continue it with --resume, or name another folder with --out",
            )
        task = writable(self.task, source_of(self.task.input))
        RunFolder(folder).create({DEFAULT: task.to_yaml(), STUDY: as_json(self.to_json())})


def load_study(folder: Path) -> Study:
    """Returns the study of a folder.

    Raises:   RunError when there is none, or when another version has written it.
    """
    files = RunFolder(folder)
    if not (folder / STUDY).is_file():
        raise RunError(
            f"{folder} is not the folder of a study: {STUDY} is missing",
            do="Name the folder of a study with --out, or leave --resume out",
        )
    content = files.read_json(STUDY)
    if content.get("format") != FORMAT:
        raise RunError(
            f"{folder} was written by another version of kissipo",
            got=f"format {content.get('format')}",
            allowed=f"format {FORMAT}",
            do=_ANEW,
        )
    task = Task.from_yaml(files.read_text(DEFAULT), origin=str(folder / DEFAULT))
    return Study(
        task,
        tuple(map(SearchedOption.from_json, content["space"])),
        content["sampler"],
        content["seed"],
        Monitor(**content["monitor"]),
        content["epochs"],
        content["data"],
        content["truth"],
        content["trials"],
    )


def new_study(task: Task, config: TuneConfig, saved: Study | None) -> tuple[Study, Experiment]:
    """Returns the study of a task, and the experiment of trial 0.

    saved:    the study that is resumed, whose sampler, seed and search space are the
              defaults
    Raises:   TaskError when the trials of the task cannot be compared.
    """
    seed = config.seed if config.seed is not None else saved.seed if saved else 0
    experiment = build_experiment(task, seed=seed, device=config.device)
    monitor = _monitor_of(experiment)
    if saved is not None and not config.search:
        space = saved.space
    else:
        space = search_space(
            experiment.task, experiment.resolved, config.search, fixed=config.fixed
        )
    sampler = config.sampler or (saved.sampler if saved else "tpe")
    study = Study(
        experiment.task.named(task.name),
        space,
        _sampler(sampler),
        seed,
        monitor,
        _max_epochs(experiment, space),
        experiment.pipeline.frame.fingerprint(),
        truth_of(experiment.pipeline),
        config.trials or (saved.trials if saved else DEFAULT_TRIALS),
    )
    return study, experiment


def folder_of(task: Task, config: TuneConfig) -> Path:
    """Returns the folder of the study: that of `--out`, the latest, or the next."""
    if config.out is not None:
        return Path(config.out)
    name = f"{task.name or 'run'}-tune"
    latest = latest_folder(RUNS, name) if config.resume else None
    return latest or next_folder(RUNS, name)


def refuse_other(folder: Path, saved: Study, study: Study) -> None:
    """Refuses to resume a study with another task, sampler, seed or search space.

    Raises:   RunError with what differs.
    """
    task = writable(study.task, source_of(study.task.input))
    for part, words in saved.task.parts().items():
        if task.parts()[part] != words:
            raise _differs(folder, "task", _difference(part, task, saved.task))
    if study.data != saved.data:
        raise RunError(f"the data of the study in {folder} have changed since it began", do=_ANEW)
    for name in ("sampler", "seed"):
        now, before = getattr(study, name), getattr(saved, name)
        if now != before:
            raise _differs(folder, name, f"{now}, before {before}")
    if study.space != saved.space:
        now = "; ".join(f"{option.place}: {option.describe()}" for option in study.space)
        before = "; ".join(f"{option.place}: {option.describe()}" for option in saved.space)
        raise _differs(folder, "search space", f"{now}, before {before}")


def truth_of(pipeline: Pipeline) -> str:
    """Returns a fingerprint of the encoded targets of the validation split.

    Two trials can be compared if theirs are equal.
    """
    digest = hashlib.blake2b(digest_size=8)
    dataset = pipeline.datasets["validation"]
    for number in range(len(pipeline.answers)):
        truth = dataset.truth(number)
        digest.update(f"{tuple(truth.shape)} {truth.dtype}".encode())
        digest.update(np.ascontiguousarray(truth.numpy()).tobytes())
    return digest.hexdigest()


def _sampler(name: str) -> Sampler:
    return next(sampler for sampler in SAMPLERS if sampler == name)


def _monitor_of(experiment: Experiment) -> Monitor:
    """Returns the value by which the trials of a task are compared.

    Raises:   TaskError when there is none.
    """
    resolved, pipeline = experiment.resolved, experiment.pipeline
    assert resolved.algorithm is not None
    algorithm = f"process.algorithm={resolved.algorithm.name}"
    compare = "Compare its results instead: kissipo compare TASK --vary KEY=A,B"
    if pipeline.world is not None:
        raise TaskError(
            f"{algorithm} learns in an environment, where no validation split compares trials",
            allowed="tasks that learn from samples",
            do=compare,
        )
    if experiment.algorithm.monitor is None or not experiment.algorithm.epochs:
        raise TaskError(
            f"{algorithm} has no value of the validation split by which trials are compared",
            allowed="algorithms that choose their best epoch, such as supervised",
            do=compare,
        )
    if not len(pipeline.datasets["validation"]):
        raise TaskError(
            "the task has no validation split, by which trials are compared",
            do="Add one, for example input.split.validation=0.1",
        )
    return experiment.algorithm.monitor


def _max_epochs(experiment: Experiment, space: SearchSpace) -> int:
    """Returns the number of epochs of the longest training."""
    epochs = [experiment.algorithm.epochs]
    for option in space:
        if option.place == "process.epochs":
            tried = option.values
            ends = tried.values if isinstance(tried, Values) else (tried.low, tried.high)
            epochs += [int(end) for end in ends if isinstance(end, int | float)]
    return max(epochs)


def _difference(part: str, now: Task, before: Task) -> str:
    """Returns the first option of a part that differs, with both values."""
    new, old = now.parts()[part], before.parts()[part]
    if not (isinstance(new, Mapping) and isinstance(old, Mapping)):
        return part
    for key in {**old, **new}:
        if new.get(key) != old.get(key):
            return f"{part}.{key}={write(new.get(key))}, before {write(old.get(key))}"
    return part


def _differs(folder: Path, name: str, values: str) -> RunError:
    return RunError(
        f"the study in {folder} was started with another {name}",
        got=values,
        do=f"Repeat the command that started it. {_ANEW}",
    )

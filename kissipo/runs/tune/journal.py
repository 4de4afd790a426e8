"""The journal of a study: its trials in one file that several processes share.

The file is that of Optuna: one JSON object per line, and no pickle. All trials stand in
it from the beginning as waiting. A process takes the first that waits; only one gets
it. A trial of a process that has ended goes back to those that wait, with its number
and its options.

Only this file knows Optuna.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from math import nan
from pathlib import Path
from types import ModuleType
from typing import Literal, Protocol

from kissipo.core.config import to_frozen, to_plain
from kissipo.core.extras import need
from kissipo.core.json_object import JsonMapping, JsonObject
from kissipo.core.notation import read_value
from kissipo.core.schema import Values
from kissipo.core.seeds import derive
from kissipo.runs.tune.search_space import SearchedOption, SearchSpace, write

Sampler = Literal["random", "tpe", "hyperband"]
SAMPLERS: tuple[Sampler, ...] = ("random", "tpe", "hyperband")
State = Literal["waiting", "running", "complete", "pruned", "failed"]
_NAME = "tune"  # hyperband derives the budget of a trial from this name and its number
_SEEDS = 2**32
_LOCK_SECONDS = 10  # after which the lock of a killed process is broken
_REDUCTION = 3  # of the trials of a rung, one of so many is trained further


@dataclass(frozen=True)
class TrialRecord:
    """A trial of a study, as far as it is done.

    value:    the best value of the monitor; NaN unless the trial is complete or pruned
    options:  the options that it tries, by place
    epoch:    the epoch of this value, and `epochs` those that were trained
    worker:   the process that runs or ran it
    kills:    how often its process was killed
    """

    number: int
    state: State
    value: float = nan
    options: Mapping[str, object] = field(default_factory=dict)
    epoch: int = 0
    epochs: int = 0
    seconds: float = 0.0
    error: str = ""
    worker: str = ""
    kills: int = 0
    started: datetime | None = None

    @property
    def is_finished(self) -> bool:
        """Whether nothing more happens to it."""
        return self.state not in ("waiting", "running")

    def to_json(self) -> JsonObject:
        """Returns the record as `--json` prints it."""
        return {
            "number": self.number,
            "state": self.state,
            "value": self.value,
            "options": {place: to_plain(value) for place, value in self.options.items()},
            "epoch": self.epoch,
            "epochs": self.epochs,
            "seconds": round(self.seconds, 3),
            "error": self.error,
        }


class Journal:
    """The trials of a study in a file.

    path:      the file; it is made if it is missing
    space:     the options that are searched
    sampler:   how the values of a trial are chosen
    best:      whether the lowest or the highest value is the best
    epochs:    the epochs of a whole training, which hyperband divides
    """

    def __init__(
        self,
        path: Path,
        space: SearchSpace,
        sampler: Sampler,
        *,
        seed: int,
        best: Literal["min", "max"],
        epochs: int,
    ) -> None:
        self._optuna = load_optuna()
        self._space, self._sampler, self._seed = space, sampler, seed
        path = path.absolute()
        files = self._optuna.storages.journal
        lock = files.JournalFileOpenLock(str(path), grace_period=_LOCK_SECONDS)
        _drop_torn_line(path, lock)
        backend = files.JournalFileBackend(str(path), lock_obj=lock)
        self._storage = files.JournalStorage(backend)
        names = [study.study_name for study in self._storage.get_all_studies()]
        if _NAME not in names:
            direction = "minimize" if best == "min" else "maximize"
            self._optuna.create_study(study_name=_NAME, storage=self._storage, direction=direction)
        self._pruner = self._new_pruner(epochs)
        self._study = self._optuna.load_study(study_name=_NAME, storage=self._storage)

    def add(self, trials: Sequence[Mapping[str, object]]) -> None:
        """Adds trials that wait.

        trials:  the options that are fixed, by place; the sampler chooses others
        """
        searched = {option.place: option for option in self._space}
        for options in trials:
            raw = {place: _raw(searched[place], value) for place, value in options.items()}
            self._study.enqueue_trial(raw)

    def records(self) -> list[TrialRecord]:
        """Returns all trials in the order of their numbers."""
        return [_record(trial) for trial in self._study.get_trials(deepcopy=False)]

    def take(self, worker: str) -> OpenTrial | None:
        """Returns the first trial that waits, which now belongs to this worker."""
        states = self._optuna.trial.TrialState
        for waiting in self._study.get_trials(deepcopy=False, states=(states.WAITING,)):
            trial_id = self._id(waiting.number)
            try:
                is_taken = self._storage.set_trial_state_values(trial_id, states.RUNNING)
            except self._optuna.exceptions.UpdateFinishedTrialError:
                continue
            if is_taken:
                self._storage.set_trial_user_attr(trial_id, "worker", worker)
                trial = OpenTrial(self._optuna, self._study_of(waiting.number), trial_id)
                trial.begin(self._space, waiting.system_attrs.get("fixed_params", {}))
                return trial
        return None

    def put_back(self, record: TrialRecord, *, kills: int = 0) -> None:
        """Lets a running trial wait again, because its process has ended."""
        trial_id = self._id(record.number)
        self._storage.set_trial_user_attr(trial_id, "kills", kills)
        self._storage.set_trial_user_attr(trial_id, "worker", "")
        self._storage.set_trial_state_values(trial_id, self._optuna.trial.TrialState.WAITING)

    def fail(self, record: TrialRecord, error: str) -> None:
        """Records a running trial as failed, because its process has ended."""
        trial_id = self._id(record.number)
        self._storage.set_trial_user_attr(trial_id, "error", error)
        self._storage.set_trial_state_values(trial_id, self._optuna.trial.TrialState.FAIL)

    def _id(self, number: int) -> int:
        study = self._storage.get_study_id_from_name(_NAME)
        trial_id: int = self._storage.get_trial_id_from_study_id_trial_number(study, number)
        return trial_id

    def _study_of(self, number: int) -> object:
        """Returns the study for a trial; its sampler has a seed for this trial.

        A study of Optuna reads the finished trials once, so each trial has its own.
        """
        seed = derive(self._seed, "trial", number, "sampler") % _SEEDS
        with _quiet():
            sampler = self._optuna.samplers.TPESampler(seed=seed, constant_liar=True)
        return self._optuna.load_study(
            study_name=_NAME, storage=self._storage, sampler=sampler, pruner=self._pruner
        )

    def _new_pruner(self, epochs: int) -> object:
        pruners = self._optuna.pruners
        if self._sampler != "hyperband":
            return pruners.NopPruner()
        return pruners.HyperbandPruner(
            min_resource=1, max_resource=max(1, epochs), reduction_factor=_REDUCTION
        )


class OpenTrial:
    """A trial that this process runs, with the options that it tries by place."""

    def __init__(self, optuna: ModuleType, study: object, trial_id: int) -> None:
        self._id, self._states = trial_id, optuna.trial.TrialState
        with _quiet():
            self._trial = optuna.trial.Trial(study, trial_id)
        self.number: int = self._trial.number
        self.options: Mapping[str, object] = {}

    def begin(self, space: SearchSpace, fixed: Collection[str]) -> None:
        """Chooses the options and records them.

        fixed:  the options that do not come from the sampler; trial 0 has no others
        """
        with _quiet():
            self.options = {
                option.place: self._suggest(option)
                for option in space
                if self.number or option.place in fixed
            }
        texts = {place: write(value) for place, value in self.options.items()}
        self._trial.set_user_attr("options", texts)

    def should_stop(self, epoch: int, value: float) -> bool:
        """Reports the best value so far; returns whether the trial is not worth more.

        Trial 0 is trained to its end, as the others are compared with it.
        """
        with _quiet():
            self._trial.report(value, epoch)
            return bool(self.number and self._trial.should_prune())

    def complete(self, value: float, **facts: object) -> None:
        """Records the value; `facts` are attributes of the record."""
        self._finish(self._states.COMPLETE, [value], facts)

    def prune(self, value: float, **facts: object) -> None:
        """Records that the trial was stopped early, with its value so far."""
        self._finish(self._states.PRUNED, [value], facts)

    def fail(self, error: str, **facts: object) -> None:
        """Records the error by which the trial ended."""
        self._finish(self._states.FAIL, None, {**facts, "error": error})

    def put_back(self) -> None:
        """Lets the trial wait again: it was interrupted."""
        self._trial.set_user_attr("worker", "")
        self._set_state(self._states.WAITING)

    def _finish(
        self, state: object, values: list[float] | None, facts: Mapping[str, object]
    ) -> None:
        for name, fact in facts.items():
            self._trial.set_user_attr(name, fact)
        self._set_state(state, values)

    def _set_state(self, state: object, values: list[float] | None = None) -> None:
        self._trial.storage.set_trial_state_values(self._id, state, values)

    def _suggest(self, option: SearchedOption) -> object:
        """Returns the value of an option: the fixed one, or the choice of the
        sampler."""
        trial, values = self._trial, option.values
        if isinstance(values, Values):
            choices = [write(value) for value in values.values]
            return to_frozen(read_value(trial.suggest_categorical(option.place, choices)))
        suggest = trial.suggest_int if option.whole else trial.suggest_float
        return option.rounded(suggest(option.place, values.low, values.high, log=values.log))


class _Lock(Protocol):
    """A lock of Optuna on the file."""

    def acquire(self) -> bool: ...

    def release(self) -> None: ...


class _FrozenTrial(Protocol):
    """A trial as Optuna has read it."""

    number: int
    value: float | None
    user_attrs: JsonMapping
    state: Enum
    datetime_start: datetime | None


def load_optuna() -> ModuleType:
    """Imports Optuna and silences it.

    Raises:   MissingExtraError when it is not installed.
    """
    optuna = need("optuna", extra="tune", purpose="kissipo tune")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


@contextmanager
def _quiet() -> Iterator[None]:
    """Ignores the remarks of Optuna on its own interfaces."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _drop_torn_line(path: Path, lock: _Lock) -> None:
    """Removes what a killed process has written of its last line.

    Otherwise the next line would be unreadable, too.
    """
    if not path.exists():
        return
    lock.acquire()
    try:
        content = path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if whole != content:
            with path.open("r+b") as file:
                file.truncate(len(whole))
    finally:
        lock.release()


def _raw(option: SearchedOption, value: object) -> object:
    """Returns a value as Optuna stores it: a choice is a text."""
    return write(value) if isinstance(option.values, Values) else value


def _record(trial: _FrozenTrial) -> TrialRecord:
    facts = trial.user_attrs
    value = trial.value
    return TrialRecord(
        trial.number,
        _STATES[trial.state.name],
        nan if value is None else value,
        {place: to_frozen(read_value(text)) for place, text in facts.get("options", {}).items()},
        **{
            name: facts[name]
            for name in ("epoch", "epochs", "seconds", "error", "worker", "kills")
            if name in facts
        },
        started=trial.datetime_start,
    )


_STATES: dict[str, State] = {
    "WAITING": "waiting",
    "RUNNING": "running",
    "COMPLETE": "complete",
    "PRUNED": "pruned",
    "FAIL": "failed",
}

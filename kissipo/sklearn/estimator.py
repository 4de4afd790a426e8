"""Estimator: what the three estimators share: a task, its training, the saved run.

All rows train, apart from a validation split that chooses the best epoch; it is drawn
by the seed. There is no test split: scikit-learn divides the data itself.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from tempfile import mkdtemp
from typing import Self
from weakref import finalize

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from kissipo.core.errors import TaskError
from kissipo.core.json_object import JsonObject
from kissipo.core.output_file import new_folder
from kissipo.core.python_object import is_module
from kissipo.engine.run_folder import CANDIDATES, DATA, METRICS, RunFolder
from kissipo.input.source_data import Reading
from kissipo.pipeline.parse import full_place
from kissipo.pipeline.resolve import with_changes
from kissipo.runs.callback import Callback
from kissipo.runs.fit import train_only
from kissipo.runs.run import Run
from kissipo.runs.task import Task

_VALIDATION = 0.1
_FEW = 10  # below this number of samples there is no validation split
_FILES, _SEEDS = "_files", 2**31


class Estimator(BaseEstimator):
    """An estimator with a run, whose folder is temporary: it is removed with the run.

    A pickled estimator holds the files of the run (text and safetensors).
    """

    net: object
    epochs: int | None
    budget: str
    options: Mapping[str, object] | None
    random_state: int | np.random.RandomState | None
    device: str
    run_: Run
    _why_not_compared: tuple[str, ...] = ()  # where a budget compared no nets

    @property
    def findings_(self) -> list[JsonObject]:
        """The findings of the data check: level, check, message and action of each."""
        findings: list[JsonObject] = RunFolder(self.run_.folder).read_json(DATA)["findings"]
        return findings

    @property
    def candidates_(self) -> list[JsonObject]:
        """The nets that were compared, with their scores; empty where none were."""
        folder = RunFolder(self.run_.folder)
        if not (folder.path / CANDIDATES).exists():
            return []
        candidates: list[JsonObject] = folder.read_json(CANDIDATES)["candidates"]
        return candidates

    @property
    def n_iter_(self) -> int:
        """The number of epochs that were trained."""
        return int(RunFolder(self.run_.folder).read_json(METRICS)["epochs"])

    def save(self, folder: Path | str) -> Path:
        """Copies the run into a new folder, for `kissipo.open` and the command line.

        Raises:   TaskError when the folder is not empty.
        """
        run = self.run_.folder
        with new_folder(folder) as place:
            shutil.copytree(run, place, dirs_exist_ok=True)
        return Path(folder)

    def _own_options(self) -> dict[str, object]:
        """Returns the options that the constructor names, by their places."""
        return {"process.net": self._net(), "process.epochs": self.epochs}

    def _net(self) -> object:
        """Returns the net; a module is copied, as training changes it."""
        return deepcopy(self.net) if is_module(self.net) else self.net

    def _task(self, input: Mapping[str, object], output: object, *, samples: int) -> Task:
        """Returns the task of these data with all options of the estimator."""
        written = {key: value for key, value in self._own_options().items() if value is not None}
        split = self._split(samples)
        task = Task(input={**input, "split": split}, output=output, name=type(self).__name__)
        options = {} if self.options is None else self.options
        if not isinstance(options, Mapping):
            raise TaskError(
                "options must be a mapping",
                got=type(options).__name__,
                do="Write options={'process.dropout': 0.2}",
            )
        places = {full_place(str(key), task): value for key, value in options.items()}
        return with_changes(task, {**written, **places})

    def _split(self, samples: int) -> dict[str, float]:
        """Returns the fractions of the test split and of the validation split."""
        return {"test": 0.0, "validation": _VALIDATION if samples >= _FEW else 0.0}

    def _train(self, task: Task, reading: Reading) -> None:
        notes = _Notes()
        with _temporary() as folder:
            self.run_ = train_only(
                task,
                folder,
                seed=self._seed(),
                device=self.device,
                budget=self.budget,
                reading=reading,
                callbacks=(notes,),
            )
            _remove_with(self.run_)
        self._why_not_compared = () if self.candidates_ else tuple(notes.texts)

    def _seed(self) -> int:
        """Returns `random_state` where it is a number, else a number drawn from it."""
        state = self.random_state
        if isinstance(state, int | np.integer):
            return int(state)
        return int(check_random_state(state).randint(_SEEDS))

    def __getstate__(self) -> dict[str, object]:
        state = dict(super().__getstate__())
        run = state.pop("run_", None)
        if run is not None:
            files = sorted(path for path in run.folder.iterdir() if path.is_file())
            state[_FILES] = {path.name: path.read_bytes() for path in files}
        return state

    def __setstate__(self, state: dict[str, object]) -> None:
        state = dict(state)
        files = state.pop(_FILES, None)
        super().__setstate__(state)
        if isinstance(files, dict):
            self._restore(files)

    def _restore(self, files: Mapping[str, bytes]) -> None:
        """Writes the files of a run into a temporary folder, and opens it."""
        with _temporary() as folder:
            for name, content in files.items():
                (folder / Path(name).name).write_bytes(content)
            net = self._net()
            self.run_ = Run.open(folder, net=net if is_module(net) else None)
            _remove_with(self.run_)

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        copy = type(self).__new__(type(self))
        copy.__setstate__(deepcopy(self.__getstate__(), memo))
        return copy


class _Notes(Callback):
    """Keeps the sentences before the training."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def on_note(self, text: str) -> None:
        self.texts.append(text)


@contextmanager
def _temporary() -> Iterator[Path]:
    """Makes a temporary folder, which is removed after an error only."""
    folder = Path(mkdtemp(prefix="kissipo-"))
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _remove_with(run: Run) -> None:
    """Removes the folder of a run when nothing refers to the run any more."""
    finalize(run, _remove, run.folder, os.getpid())


def _remove(folder: Path, process: int) -> None:
    """Removes a folder, unless this is a copy of the process that made it."""
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)

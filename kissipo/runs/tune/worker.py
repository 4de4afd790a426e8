"""A worker: a process that takes the trials of a study until none waits.

It gives a sign of life every second, the time of a file. If it ends before its trial
does, the trial goes back to those that wait. A worker ends when the command that
started it has ended.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from time import perf_counter, time

from kissipo.core.devices import exactly_threads
from kissipo.core.errors import StoppedError, UserError
from kissipo.runs.tune.journal import Journal, OpenTrial, TrialRecord
from kissipo.runs.tune.study import WORKERS, Study, load_study
from kissipo.runs.tune.trial import PrunedError, Trained, Trainer

_SIGN_EVERY, _DEAD_AFTER, _UNNAMED_AFTER = 1.0, 60.0, 10.0  # seconds
_MAX_KILLS = 2

Finished = Callable[[], None]


def work(folder: Path, *, device: str = "auto", threads: int = 1) -> None:
    """Runs the trials of a study until none waits; this is `kissipo tune --worker`.

    threads:  the number of threads of large steps; small ones have one
    """
    study = load_study(folder)
    parent = os.getppid()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    trainer = Trainer(study, device=device)
    with exactly_threads(threads), sign_of_life(folder, parent=parent) as worker:
        run_trials(study, study.journal(folder), trainer, worker)


def run_trials(
    study: Study,
    journal: Journal,
    trainer: Trainer,
    worker: str,
    *,
    on_trial: Finished = lambda: None,
) -> None:
    """Runs the trials that wait; a failed one does not end the others.

    on_trial:  called after every trial
    Raises:    StoppedError or KeyboardInterrupt, when the trial waits again.
    """
    while (trial := journal.take(worker)) is not None:
        _run(study, trainer, trial)
        on_trial()


def _run(study: Study, trainer: Trainer, trial: OpenTrial) -> None:
    started = perf_counter()
    stop = trial.should_stop if study.sampler == "hyperband" else None

    def facts(trained: Trained | None = None) -> dict[str, object]:
        seconds = {"seconds": perf_counter() - started}
        if trained is None:
            return {**seconds}
        return {"epoch": trained.epoch, "epochs": trained.epochs, **seconds}

    try:
        trained = trainer.train(trial.options, stop)
    except PrunedError as pruned:
        trial.prune(pruned.trained.value, **facts(pruned.trained))
    except (StoppedError, KeyboardInterrupt):
        trial.put_back()
        raise
    except UserError as error:
        trial.fail(str(error), **facts())
    except Exception as error:  # the others are tried; the table shows it
        trial.fail(f"{type(error).__name__}: {error}", **facts())
    else:
        trial.complete(trained.value, **facts(trained))


@contextmanager
def sign_of_life(folder: Path, *, parent: int | None = None) -> Iterator[str]:
    """Shows that this process lives, inside; yields its name.

    parent:  the process without which this one ends
    """
    name = f"{_host()}-{os.getpid()}"
    path = folder / WORKERS / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    ended = threading.Event()

    def show() -> None:
        while not ended.wait(_SIGN_EVERY):
            with suppress(OSError):
                path.touch()
            if parent is not None and os.getppid() != parent:
                os.kill(os.getpid(), signal.SIGTERM)
                return

    thread = threading.Thread(target=show, daemon=True)
    thread.start()
    try:
        yield name
    finally:
        ended.set()
        thread.join()
        path.unlink(missing_ok=True)


def release_trials(journal: Journal, folder: Path, *, resumed: bool = False) -> list[TrialRecord]:
    """Lets the trials of processes that have ended wait again, and returns them.

    A trial whose process was killed twice has failed.

    resumed:  whether a person resumes the study, so that kills before do not count
    """
    released = []
    for record in journal.records():
        if record.state != "running" or _is_alive(record, folder):
            continue
        kills = 0 if resumed else record.kills + 1
        if kills < _MAX_KILLS:
            journal.put_back(record, kills=kills)
        else:
            journal.fail(
                record, "its process was killed twice: perhaps the memory does not suffice"
            )
        released.append(record)
    return released


def _is_alive(record: TrialRecord, folder: Path) -> bool:
    """Returns whether the process of a trial lives, as far as this machine can know."""
    if not record.worker:  # it has just been taken, or its process was killed then
        started = record.started or datetime.min
        return (datetime.now() - started).total_seconds() < _UNNAMED_AFTER
    try:
        age = time() - (folder / WORKERS / record.worker).stat().st_mtime
    except FileNotFoundError:
        return False
    host, _, number = record.worker.rpartition("-")
    if host == _host() and os.name == "posix" and not _exists(int(number)):
        return False
    return age < _DEAD_AFTER


def _exists(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _host() -> str:
    return re.sub(r"[^\w.]", "-", socket.gethostname())

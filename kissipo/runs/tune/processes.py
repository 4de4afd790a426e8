"""The processes of a study: started, watched, replaced if killed, stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import sleep

from kissipo.core.devices import threads, usable_cores
from kissipo.core.errors import RunError
from kissipo.runs.tune.journal import Journal
from kissipo.runs.tune.study import WORKERS
from kissipo.runs.tune.worker import release_trials

_LOOK_EVERY, _PATIENCE = 0.25, 30.0  # seconds
_MAX_LOST = 3  # processes that are killed before they take a trial
_INTERRUPTED = 130
_HOME = str(Path(__file__).parents[3])  # the folder of the package


class Processes:
    """Up to `count` worker processes, which run the trials of a study."""

    def __init__(self, folder: Path, journal: Journal, count: int, *, device: str) -> None:
        self._folder, self._journal, self._count, self._device = folder, journal, count, device
        self._running: list[subprocess.Popen[bytes]] = []
        self._threads = max(1, min(threads(), usable_cores() // count))
        self._lost = 0

    def run(self, look: Callable[[], None], note: Callable[[str], None]) -> None:
        """Runs all trials to their ends.

        look:     called again and again, to show what has changed
        note:     called with a sentence for the user
        Raises:   RunError when the processes cannot work; KeyboardInterrupt after
                  Ctrl-C, when they have ended.
        """
        try:
            while not all(record.is_finished for record in self._journal.records()):
                self._refill()
                sleep(_LOOK_EVERY)
                look()
                self._reap(note)
        finally:
            self._stop()

    def _refill(self) -> None:
        """Starts as many processes as there are trials that wait, up to the number."""
        waiting = sum(record.state == "waiting" for record in self._journal.records())
        for _ in range(min(waiting, self._count) - len(self._running)):
            self._running.append(self._start())

    def _start(self) -> subprocess.Popen[bytes]:
        paths = filter(None, [_HOME, os.environ.get("PYTHONPATH", "")])
        command = [sys.executable, "-m", "kissipo", "tune", str(self._folder), "--worker"]
        command += ["--threads", str(self._threads), "--device", self._device]
        self._log.parent.mkdir(exist_ok=True)
        with self._log.open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - the same command
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
                start_new_session=True,  # Ctrl-C is for the command, which stops them
            )

    def _reap(self, note: Callable[[str], None]) -> None:
        """Removes ended processes; their trials wait again, or have failed."""
        ended = [process for process in self._running if process.poll() is not None]
        self._running = [process for process in self._running if process not in ended]
        released = release_trials(self._journal, self._folder)
        for record in released:
            note(f"the process of trial {record.number} has ended: the trial is run again")
        broken = [process for process in ended if process.returncode not in (0, _INTERRUPTED)]
        if not broken:
            return
        self._lost += max(0, len(broken) - len(released))
        if self._lost > _MAX_LOST or any(process.returncode > 0 for process in broken):
            lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
            raise RunError(
                "a process of the study cannot work: "
                + (lines[-1].removeprefix("kissipo: ") if lines else "it was killed"),
                do=f"See {self._log}. Finished trials are kept: --resume runs the others",
            )

    @property
    def _log(self) -> Path:
        return self._folder / WORKERS / "log.txt"

    def _stop(self) -> None:
        """Ends all processes; each lets its trial wait first."""
        for process in self._running:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self._running:
            try:
                process.wait(_PATIENCE)
            except (subprocess.TimeoutExpired, KeyboardInterrupt):
                process.kill()
                process.wait()
        self._running = []

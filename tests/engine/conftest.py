"""Processes of `kissipo` that a signal stops, at a random time or line of code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random, randrange
from types import FrameType
from typing import Any

import pytest

from kissipo.engine.checkpoint import saved_at
from kissipo.engine.run_folder import RunFolder


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a `kissipo fit` that saves after every step; the test kills it."""
    processes = []

    def begin(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "kissipo", "fit", *arguments]
        environment = {**os.environ, "KISSIPO_SAVE_EVERY": "0"}
        processes.append(
            subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
        )
        return processes[-1]

    yield begin
    for process in processes:
        with process:
            process.kill()


@pytest.fixture
def stop_while_training() -> Callable[..., str]:
    """Signals a process after its next checkpoint, and returns its error output."""

    def stop(
        process: subprocess.Popen[str],
        folder: Path,
        *,
        later: float,
        by: signal.Signals = signal.SIGKILL,
    ) -> str:
        checkpoints = RunFolder(folder).checkpoints
        before = saved_at(checkpoints)
        while saved_at(checkpoints) in (None, before):
            assert process.poll() is None, (
                f"it ended before it could be stopped: {process.communicate()[1]}"
            )
            time.sleep(0.005)
        time.sleep(later)
        assert process.poll() is None, "it ended before it could be stopped: give it more to do"
        process.send_signal(by)
        return process.communicate()[1]

    return stop


@pytest.fixture
def generator() -> Random:
    """Draws the times of kills; `KISSIPO_KILL_SEED` repeats the seed of a failure."""
    seed = int(os.environ.get("KISSIPO_KILL_SEED") or randrange(2**32))
    print(f"the times of kills are drawn with KISSIPO_KILL_SEED={seed}")
    return Random(seed)


@pytest.fixture
def killed_after() -> Callable[..., bool]:
    """Runs a function in a process that kills itself after a number of lines.

    Only lines of the given modules count. Returns false when the function ended.
    """

    def fork(lines: int, act: Callable[[], None], *modules: Any) -> bool:
        child = os.fork()
        if child:
            return os.WIFSIGNALED(os.waitpid(child, 0)[1])
        left, files = lines, [module.__file__ for module in modules]

        def count(frame: FrameType, event: str, argument: Any) -> Any:
            nonlocal left
            if frame.f_code.co_filename not in files:
                return None
            left -= event == "line"
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return count

        sys.settrace(count)
        act()
        os._exit(0)

    return fork

"""Real `kissipo` processes that are stopped in the middle, and runs that must be the same run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

LAST = Path("checkpoints", "last.safetensors")
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts `kissipo fit ...` as a process of its own that saves as often as it can; none outlives the test."""
    processes = []

    def begin(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "kissipo", "fit", *arguments]
        environment = {**os.environ, "KISSIPO_SAVE_EVERY": "0"}
        processes.append(subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment))
        return processes[-1]

    yield begin
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def stop_while_learning() -> Callable[..., str]:
    """Sends a signal to a process some time after it has saved its state anew; returns what it said."""

    def stop(
        process: subprocess.Popen[str], folder: Path, *, later: float = 0.0, by: signal.Signals = signal.SIGKILL
    ) -> str:
        last = folder / LAST
        before = last.stat().st_mtime_ns if last.exists() else None
        while not last.exists() or last.stat().st_mtime_ns == before:
            assert process.poll() is None, f"it ended before it could be stopped: {process.communicate()[1]}"
            time.sleep(0.005)
        time.sleep(later)
        assert process.poll() is None, "it ended before it could be stopped: give it more to do"
        process.send_signal(by)
        return process.communicate()[1]

    return stop


@pytest.fixture
def assert_same_run() -> Callable[[Path, Path], None]:
    """Weights, metrics and history of two runs are equal to the last bit."""

    def check(one: Path, other: Path) -> None:
        for name in ("model.safetensors", "metrics.json", "history.csv", "codecs.json", "task.yaml"):
            assert (one / name).read_bytes() == (other / name).read_bytes(), name

    return check

"""Real `kissipo` processes that are stopped in the middle, by a signal at some moment or at a chosen line of the code."""

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
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from kissipo.engine.checkpoint import saved_at
from kissipo.engine.run_folder import RunFolder
from kissipo.runs.fit import RunCallback


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts `kissipo fit ...` as a process of its own that saves as often as it can; none outlives the test."""
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
def stop_while_learning() -> Callable[..., str]:
    """Sends a signal to a process some time after it has saved its state anew; gives what it said."""

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
    """Draws the moments of kills. The seed is printed with a failure; `KISSIPO_KILL_SEED` repeats it."""
    seed = int(os.environ.get("KISSIPO_KILL_SEED") or randrange(2**32))
    print(f"the moments of kills are drawn with KISSIPO_KILL_SEED={seed}")
    return Random(seed)


@pytest.fixture
def killed_after() -> Callable[..., bool]:
    """Runs something in a process that kills itself after so many lines of some modules; false when it came to its end."""

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


class Interrupter(RunCallback):
    """Somebody who presses Ctrl-C after an epoch, or any of them, and remembers what was said."""

    def __init__(self, *epochs: int) -> None:
        self.epochs, self.notes = epochs, list[str]()

    def on_epoch(self, row: Any) -> None:
        if row["epoch"] in self.epochs:
            os.kill(os.getpid(), signal.SIGINT)

    def on_note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture(scope="session")
def interrupter() -> type[Interrupter]:
    return Interrupter


@pytest.fixture
def assert_same_run() -> Callable[[Path, Path], None]:
    """Weights, metrics, history, codecs and task of two runs are equal to the last bit."""

    def check(one: Path, other: Path) -> None:
        for name in (
            "model.safetensors",
            "metrics.json",
            "history.csv",
            "codecs.json",
            "task.yaml",
        ):
            assert (one / name).read_bytes() == (other / name).read_bytes(), name

    return check


def of_attention(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    """What torch leaves uncounted: two products of matrices for each head."""
    rows, heads, queries, features = query
    return 2 * rows * heads * queries * key[-2] * (features + value[-1])


def of_recurrent(x: Any, w: Any, u: Any, *_: Any, **__: Any) -> int:
    """What torch leaves uncounted: both products of every step; of one layer in one direction."""
    return 2 * x[0] * x[1] * (w[0] * w[1] + u[0] * u[1])


UNCOUNTED = {
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: of_attention,
    torch.ops.aten.mkldnn_rnn_layer: of_recurrent,
}


@pytest.fixture
def flops() -> Callable[..., int]:
    """What torch's counter counts while a net is asked: two for each multiplication; what it leaves uncounted is added."""

    def counted(net: nn.Module, *inputs: Any) -> int:
        with FlopCounterMode(display=False, custom_mapping=UNCOUNTED) as counter:
            net(*inputs)
        return counter.get_total_flops()

    return counted

"""Doctor: lists installed packages, and tests that a killed run can be resumed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from random import Random

import torch

from kissipo.core.devices import describe_machine
from kissipo.core.errors import RunError
from kissipo.core.json_object import JsonObject
from kissipo.engine.checkpoint import saved_at
from kissipo.engine.run_folder import METRICS, MODEL, RunFolder
from kissipo.input.cells.compiled import library
from kissipo.process.kernels.native import (
    BUILT,
    available_sets,
    built_sets,
    forced_kernels,
    kernels,
)
from kissipo.process.kernels.rules import TYPES, rules_here

_PARTS = (
    ("polars", "frames", "Parquet files"),
    ("python_calamine", "excel", "spreadsheets: .xlsx, .xls, .ods"),
    ("statsmodels", "series", "sunspots, exponential smoothing, trend and season"),
    ("gymnasium", "rl", "environments"),
    ("box2d", "box2d", "the lunar lander"),
    ("tokenizers", "language", "subwords: bpe, wordpieces, published vocabularies"),
    ("sacrebleu", "language", "BLEU and chrF"),
    ("tensorboard", "board", "TensorBoard files in every run"),
    ("soundfile", "sound", "recordings: .flac, .ogg, .mp3"),
    ("optuna", "tune", "kissipo tune: the search for better options"),
)
_TIMEOUT = 600


def examine() -> JsonObject:
    """Returns the machine, its kernels, the rules of `auto`, and optional packages."""
    parts = [
        {"package": package, "extra": extra, "purpose": purpose, "version": _version(package)}
        for package, extra, purpose in _PARTS
    ]
    machine = {
        **describe_machine(),
        "kernels": _kernels_in_use(),
        "built kernels": _built_kernels(),
        "tables": "compiled reader" if library() else "numpy: the reader was not built",
        "oneDNN": str(torch.backends.mkldnn.is_available()),
    }
    rules = [{"type": dtype, **asdict(rules_here(bfloat16=dtype == "bfloat16"))} for dtype in TYPES]
    return {"machine": machine, "rules": rules, "parts": parts}


def _kernels_in_use() -> str:
    both, forced = [kernels(), kernels(bfloat16=True)], forced_kernels()
    names = dict.fromkeys(library.name for library in both if library is not None)
    by = ", by KISSIPO_KERNELS" if forced else ""
    if not BUILT:
        return "torch: the kernels were not built, as there was no C++ compiler"
    return f"fused, {' and '.join(names)}{by}" if names else f"torch{by}"


def _built_kernels() -> str:
    available = available_sets()
    return ", ".join(
        name if name in available else f"{name} (not of this processor)" for name in built_sets()
    )


def prove_resume(
    task: str, *, trials: int = 2, notify: Callable[[str], None] = lambda text: None
) -> JsonObject:
    """Trains a task without interruption, and again killed and resumed; compares both.

    The runs are processes of their own, which are killed with SIGKILL.

    Raises:   RunError when a run fails.
    """
    with tempfile.TemporaryDirectory(prefix="kissipo-doctor-") as folder:
        whole, broken = Path(folder) / "whole", Path(folder) / "broken"
        began = time.perf_counter()
        _finish(_start(task, whole))
        took = time.perf_counter() - began
        notify(f"uninterrupted run: {took:.1f} s")
        generator, resume = Random(0), False
        for number in range(trials):
            process = _start(task, broken, resume=resume)
            killed = _kill_during_training(process, broken, generator)
            outcome = "killed during training" if killed else "the run had already finished"
            notify(f"kill {number + 1}: {outcome}")
            resume = (broken / "data.json").exists()
        _finish(_start(task, broken, resume=resume))
        return {"task": task, "trials": trials, **compare_runs(whole, broken)}


def compare_runs(one: Path, other: Path) -> JsonObject:
    """Compares the weights of two runs bit for bit, and their metrics exactly."""
    mine, theirs = RunFolder(one).read_weights(), RunFolder(other).read_weights()
    same = mine.keys() == theirs.keys() and all(
        torch.equal(mine[name], theirs[name]) for name in mine
    )
    largest = max(
        (
            float((mine[name] - theirs[name]).abs().max())
            for name in mine
            if name in theirs and mine[name].numel()
        ),
        default=0.0,
    )
    return {
        "same_weights": same,
        "same_metrics": (one / METRICS).read_text() == (other / METRICS).read_text(),
        "same_file": (one / MODEL).read_bytes() == (other / MODEL).read_bytes(),
        "compared": sum(tensor.numel() for tensor in mine.values()),
        "largest_difference": largest,
    }


def _start(task: str, out: Path, *, resume: bool = False) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "kissipo",
        "fit",
        task,
        "--out",
        str(out),
        "--quiet",
        "--json",
        *(["--resume"] if resume else []),
    ]
    environment = {**os.environ, "KISSIPO_SAVE_EVERY": "0.2"}
    return subprocess.Popen(  # noqa: S603
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment
    )


def _finish(process: subprocess.Popen[str]) -> None:
    _, error_output = process.communicate(timeout=_TIMEOUT)
    if process.returncode:
        raise RunError(f"a run failed (code {process.returncode}): {error_output.strip()}")


def _kill_during_training(process: subprocess.Popen[str], out: Path, generator: Random) -> bool:
    """Kills a run soon after its next checkpoint; returns False if it ended before."""
    checkpoints = RunFolder(out).checkpoints
    before = saved_at(checkpoints)
    while process.poll() is None:
        if saved_at(checkpoints) not in (None, before):
            time.sleep(generator.uniform(0.0, 0.5))
            process.send_signal(signal.SIGKILL)
            process.wait()
            return True
        time.sleep(0.01)
    return False


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""

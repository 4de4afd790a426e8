"""Run.look loads a run in training and does not change it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

import kissipo as ki
from kissipo.cli.main import main
from kissipo.core.errors import RunError
from kissipo.runs.run import Run

WORDS = [
    "fit",
    "digits",
    "process.epochs=25",
    "process.early_stopping.patience=0",
    "output.baselines=[majority]",
    "--quiet",
]


def started(out: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "kissipo", *WORDS, "--out", out]
    return subprocess.Popen(
        command, env={**os.environ, "KISSIPO_SAVE_EVERY": "0.05"}, stdout=subprocess.DEVNULL
    )


@pytest.mark.slow
def test_look_does_not_change_a_run_in_training(
    capsys: pytest.CaptureFixture[str],
) -> None:
    unseen = started("unseen")
    assert unseen.wait(timeout=120) == 0
    learning = started("seen")
    steps = set()
    while learning.poll() is None:
        if (Path("seen") / "checkpoints" / "last.safetensors").exists():
            run = Run.look("seen")
            trace = run.trace()
            assert trace.recording
            assert trace.recording.mismatches() == []
            if run.remark:
                steps.add((run.remark, trace.answer))
        time.sleep(0.05)
    assert learning.wait() == 0
    assert len(steps) > 1
    one, other = ki.open("unseen").net.state_dict(), ki.open("seen").net.state_dict()
    assert all(torch.equal(one[name], weight) for name, weight in other.items())
    assert Run.look("seen").remark == ""


def test_look_loads_a_killed_run_that_then_resumes(capsys: pytest.CaptureFixture[str]) -> None:
    learning = started("killed")
    while (
        learning.poll() is None
        and not (Path("killed") / "checkpoints" / "last.safetensors").exists()
    ):
        time.sleep(0.02)
    learning.kill()
    assert learning.wait() < 0
    assert main(["xray", "killed", "--layer", "1", "--index", "3"]) == 0
    text = capsys.readouterr()
    assert "the training is not finished" in text.err
    assert main(["show", "killed"]) == 0
    assert "(in training)" in capsys.readouterr().out
    with pytest.raises(RunError, match="is not a complete run"):
        ki.open("killed")
    assert main([*WORDS, "--out", "killed", "--resume"]) == 0
    assert Run.look("killed").remark == ""


def test_look_refuses_a_folder_without_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    Path("empty").mkdir()
    for name in ("empty", "nowhere"):
        with pytest.raises(RunError):
            Run.look(name)

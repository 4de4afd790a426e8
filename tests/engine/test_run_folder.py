"""The run folder: atomic creation, numbering of runs, missing or damaged files."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from kissipo.core import output_file
from kissipo.core.errors import MachineError, RunError
from kissipo.engine import checkpoint, run_folder
from kissipo.engine.run_folder import RunFolder, latest_folder, next_folder

FILES = {"task.yaml": "input: {images: digits}\n", "data.json": "{}\n"}


def test_create_killed_at_any_line_leaves_a_whole_run_or_none(
    killed_after: Callable[..., bool],
) -> None:
    def begin() -> None:
        RunFolder(Path("run")).create(FILES)
        next_folder(Path("runs"), "run")

    lines, outcomes = 0, set()
    while killed_after(lines, begin, run_folder, checkpoint, output_file):
        began = Path("run").exists()
        outcomes.add(began)
        if began:
            assert {path.name: path.read_text() for path in Path("run").iterdir()} == FILES
            shutil.rmtree("run")
        lines += 1
    assert outcomes == {False, True}
    assert {path.name: path.read_text() for path in Path("run").iterdir()} == FILES
    assert not Path("run.part").exists()


def test_create_accepts_an_empty_folder_only() -> None:
    Path("empty").mkdir()
    RunFolder(Path("empty")).create(FILES)
    assert sorted(path.name for path in Path("empty").iterdir()) == sorted(FILES)
    Path("file").write_text("mine")
    for name in ("empty", "file"):
        with pytest.raises(
            RunError,
            match=f"{name} exists already. Choose another --out, remove it, "
            "or resume that run with --resume",
        ):
            RunFolder(Path(name)).create(FILES)
    with pytest.raises(
        MachineError, match=r"cannot be written: Not a directory\. Choose another folder with --out"
    ):
        RunFolder(Path("file", "run")).create(FILES)
    assert Path("file").read_text() == "mine"


def test_next_folder_numbers_the_runs_of_a_name() -> None:
    runs = Path("runs")
    assert (next_folder(runs, "digits"), latest_folder(runs, "digits")) == (runs / "digits-1", None)
    for name in (
        "digits-2",
        "digits-10",
        "digits-seeds-40",
        "digits-x",
        "digits-11.part",
        "mnist-30",
    ):
        (runs / name).mkdir(parents=True)
    (runs / "digits-12").write_text("a file, not a run")
    assert (next_folder(runs, "digits"), latest_folder(runs, "digits")) == (
        runs / "digits-11",
        runs / "digits-10",
    )


def test_history_is_plain_csv() -> None:
    run = RunFolder(Path())
    run.write_history(
        [
            {"epoch": 0, "validation_loss": 0.1 + 0.2},
            {"epoch": 1, "loss": 1 / 3, "validation_loss": math.inf},
        ]
    )
    text = Path("history.csv").read_text()
    assert text == "epoch,validation_loss,loss\n0,0.30000000000000004,\n1,inf,0.3333333333333333\n"
    assert run.read_history() == [
        {"epoch": 0, "validation_loss": 0.1 + 0.2},
        {"epoch": 1, "validation_loss": math.inf, "loss": 1 / 3},
    ]


def test_weights_round_trip_tied_and_transposed() -> None:
    run, weight = RunFolder(Path()), torch.randn(3, 2)
    run.write_weights({"one": weight, "same": weight, "turned": weight.T})
    for name, tensor in run.read_weights().items():
        assert torch.equal(tensor, weight.T if name == "turned" else weight)


def test_missing_or_damaged_files_are_reported() -> None:
    Path("runs", "digits-1").mkdir(parents=True)
    Path("runs", "digits-1", "task.yaml").write_text("input: {images: digits}")
    run = RunFolder(Path("runs", "digits-1"))
    with pytest.raises(
        RunError, match=r"there is no run folder runs/digits-7\. Did you mean 'runs/digits-1'\?"
    ):
        RunFolder(Path("runs", "digits-7")).read_text("task.yaml")
    with pytest.raises(
        RunError,
        match=r"runs/digits-1 is not a complete run: metrics\.json is missing\. Train it again",
    ):
        run.read_json("metrics.json")
    with pytest.raises(RunError, match=r"is not a complete run: model\.safetensors is missing"):
        run.read_weights()
    run.checkpoints.mkdir()
    with pytest.raises(
        RunError,
        match="Its training was not finished: "
        "resume with `kissipo fit TASK --resume --out runs/digits-1`",
    ):
        run.read_text("codecs.json")
    whole = json.dumps({"format": 3, "answers": [1, 2]}, indent=1)
    for length in range(len(whole)):
        (run.path / "metrics.json").write_text(whole[:length])
        with pytest.raises(
            RunError, match=r"runs/digits-1/metrics\.json is damaged: .* in line [1-7]"
        ):
            run.read_json("metrics.json")
    (run.path / "model.safetensors").write_bytes(b"\x10")
    with pytest.raises(RunError, match=r"model\.safetensors is damaged: "):
        run.read_weights()
    (run.path / "task.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(RunError, match=r"task\.yaml cannot be read: "):
        run.read_text("task.yaml")

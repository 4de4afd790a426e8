"""The doctor: names what is there, proves that a killed run resumed is the unbroken one, and would notice if it were not."""

from __future__ import annotations

import json
import shutil
from importlib.metadata import version
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import kissipo as ki
from kissipo.cli.main import main
from kissipo.runs.doctor import compare_runs


def test_it_tells_versions_threads_and_parts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["machine"]["torch"] == version("torch")
    assert found["machine"]["threads"] == torch.get_num_threads()
    for part in found["parts"]:
        assert part["version"] == version(part["package"])
        assert part["extra"] in ("frames", "series", "rl", "board")


def test_a_missing_part_is_named_with_its_extra(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "kissipo.runs.doctor._PARTS", (("no-such-package", "frames", "Parquet files"),)
    )
    assert main(["doctor"]) == 0
    assert "missing: pip install 'kissipo[frames]'" in capsys.readouterr().out


def test_it_sees_a_single_bit_of_difference() -> None:
    run = ki.load("digits").fit(epochs=1, out="one")
    shutil.copytree("one", "other")
    same = compare_runs(run.folder, Path("other"))
    assert same == {
        "same_weights": True,
        "same_metrics": True,
        "same_file": True,
        "compared": 64 * 256 + 256 + 256 * 10 + 10,
        "largest_difference": 0.0,
    }
    weights = load_file("other/model.safetensors")
    bias = weights["4.bias"]
    before = float(bias[3])
    bias[3] = torch.nextafter(bias[3], torch.tensor(9.0))
    save_file(weights, "other/model.safetensors")
    found = compare_runs(run.folder, Path("other"))
    assert not found["same_weights"]
    assert not found["same_file"]
    assert found["largest_difference"] == pytest.approx(float(bias[3]) - before, rel=1e-6)
    Path("other", "metrics.json").write_text("{}")
    assert not compare_runs(run.folder, Path("other"))["same_metrics"]


def test_a_task_that_does_not_train_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--resume", "digts"]) == 2
    told = capsys.readouterr().err
    assert (
        "a run failed (code 2): kissipo: 'digts' is not a built-in task or a file. Did you mean 'digits'?"
        in told
    )
    assert "Traceback" not in told


@pytest.mark.slow
@pytest.mark.parametrize("task", ["digits", "sunspots"])
def test_it_proves_that_resuming_is_exact(task: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--resume", task]) == 0
    told = capsys.readouterr()
    assert "PASS the resumed run equals the uninterrupted one, bit for bit" in told.out
    assert "kill 1: killed during training" in told.err

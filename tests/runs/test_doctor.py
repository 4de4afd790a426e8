"""Tests of the doctor: versions, packages, and the comparison of resumed runs."""

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


def test_doctor_prints_versions_threads_and_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["machine"]["torch"] == version("torch")
    assert result["machine"]["threads"] == torch.get_num_threads()
    for part in result["parts"]:
        assert not part["version"] or part["version"] == version(part["package"])
        assert part["extra"] in (
            "frames",
            "excel",
            "series",
            "rl",
            "language",
            "board",
            "tune",
            "sound",
            "box2d",
        )


def test_doctor_names_the_extra_of_a_missing_package(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "kissipo.runs.doctor._PARTS", (("no-such-package", "frames", "Parquet files"),)
    )
    assert main(["doctor"]) == 0
    assert "missing: pip install 'kissipo[frames]'" in capsys.readouterr().out


def test_compare_runs_detects_a_single_bit() -> None:
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
    result = compare_runs(run.folder, Path("other"))
    assert not result["same_weights"]
    assert not result["same_file"]
    assert result["largest_difference"] == pytest.approx(float(bias[3]) - before, rel=1e-6)
    Path("other", "metrics.json").write_text("{}")
    assert not compare_runs(run.folder, Path("other"))["same_metrics"]


def test_doctor_resume_reports_a_task_that_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--resume", "digts"]) == 2
    output = capsys.readouterr().err
    assert (
        "a run failed (code 2): kissipo: 'digts' is not a built-in task or a file. Did you "
        "mean 'digits'?"
    ) in output
    assert "Traceback" not in output


@pytest.mark.slow
@pytest.mark.parametrize("task", ["digits", "sunspots"])
def test_doctor_resume_shows_that_resuming_is_exact(
    task: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--resume", task]) == 0
    output = capsys.readouterr()
    assert "PASS the resumed run equals the uninterrupted one, bit for bit" in output.out
    assert "kill 1: killed during training" in output.err

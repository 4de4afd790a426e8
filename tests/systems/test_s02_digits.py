"""S02: a feed-forward net on handwritten digits, from the CLI and from Python."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import kissipo as ki
from kissipo.cli.main import main


def test_digits_from_the_command_line_reach_97_percent_and_keep_a_whole_run(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["fit", "digits", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    answer = result["answers"][0]
    assert answer["metrics"]["accuracy"] >= 0.97
    assert set(answer["baselines"]) == {
        "majority class",
        "logistic regression",
        "5 nearest neighbors",
        "random forest",
    }
    assert answer["baselines"]["majority class"]["accuracy"] < 0.15
    for name in (
        "task.yaml",
        "data.json",
        "split.json",
        "environment.json",
        "history.csv",
        "metrics.json",
        "model.safetensors",
        "codecs.json",
        "log.txt",
    ):
        assert (Path(result["run"]) / name).stat().st_size > 0, name


def test_predictions_equal_those_of_the_loaded_run() -> None:
    run = ki.load("digits").fit(seed=1, epochs=3)
    assert isinstance(run.net, torch.nn.Module)
    again = ki.open(run.folder)
    image = run.pipeline().frame["image"].values[5]
    assert run.predict(image) == again.predict(image)
    first, second = run.predict_proba(image), again.predict_proba(image)
    assert first == pytest.approx(second, abs=1e-9)

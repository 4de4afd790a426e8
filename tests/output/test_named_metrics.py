"""Metrics that `output.metrics` adds equal those of scikit-learn."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import metrics
from sklearn.datasets import load_diabetes, load_wine

import kissipo as ki
from kissipo.cli.main import main
from kissipo.core.errors import TaskError

SHORT = {"process.epochs": 2}


def test_metrics_of_classes_are_those_of_sklearn(
    content_of: Callable[[Path | str], Any], records_of: Callable[..., Any]
) -> None:
    x, y = load_wine(return_X_y=True)
    words = SHORT | {"output.metrics": ["matthews_corrcoef", "cohen_kappa"]}
    words |= {"output.baselines": ["majority", "nearest_neighbors"]}
    run = ki.load((x / x.max(axis=0), y), words=words).fit(out="run")
    pipeline = run.pipeline()
    rows = pipeline.splits["test"]
    predicted = run.predict(x[rows] / x.max(axis=0))
    truth = y[rows]
    values = run.metrics["answers"][0]["metrics"]
    assert values["matthews_corrcoef"] == pytest.approx(metrics.matthews_corrcoef(truth, predicted))
    assert values["cohen_kappa"] == pytest.approx(metrics.cohen_kappa_score(truth, predicted))
    baselines = run.metrics["answers"][0]["baselines"]
    assert baselines["majority class"]["matthews_corrcoef"] == 0
    assert baselines["5 nearest neighbors"]["cohen_kappa"] > 0.5
    table = records_of(content_of("run/report.html"), "table")[0]
    cells = dict(zip(table["titles"], table["rows"][0], strict=True))
    for name in ("matthews_corrcoef", "cohen_kappa"):
        assert float(cells[name]["text"]) == pytest.approx(values[name], abs=1e-3)
    part = x[rows] / x.max(axis=0), y[rows]
    again = ki.open("run").evaluate(part)[0]
    assert again.net.metrics["cohen_kappa"] == pytest.approx(values["cohen_kappa"])


def test_metrics_of_numbers_are_those_of_sklearn() -> None:
    x, y = load_diabetes(return_X_y=True)
    words = SHORT | {"output.metrics": ["max_error", "median_absolute_error"]}
    run = ki.load((x, y), words=words | {"output.baselines": ["mean"]}).fit(out="run")
    rows = run.pipeline().splits["test"]
    predicted = np.array(run.predict(x[rows]))
    values = run.metrics["answers"][0]["metrics"]
    assert values["max_error"] == pytest.approx(metrics.max_error(y[rows], predicted), rel=1e-4)
    assert values["median_absolute_error"] == pytest.approx(
        metrics.median_absolute_error(y[rows], predicted), rel=1e-4
    )


def test_unsuitable_and_unknown_metrics_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(TaskError, match="'max_error' does not suit the answer category"):
        ki.load("digits", words={"output.metrics": ["max_error"]}).fit(out="run")
    assert main(["fit", "digits", "output.metrics=[mathews_corrcoef]"]) == 2
    assert "Did you mean 'matthews_corrcoef'?" in capsys.readouterr().err
    assert not Path("run").exists()


def test_metrics_are_in_the_json_of_evaluate(capsys: pytest.CaptureFixture[str]) -> None:
    short = ["epochs=1", "output.metrics=[cohen_kappa]", "output.baselines=[majority]"]
    assert main(["fit", "digits", *short, "--out", "run", "--quiet"]) == 0
    capsys.readouterr()
    assert main(["evaluate", "run", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)["answers"][0]
    assert 0.5 < answer["metrics"]["cohen_kappa"] < 1
    assert answer["baselines"]["majority class"]["cohen_kappa"] == 0

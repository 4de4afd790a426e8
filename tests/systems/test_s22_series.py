"""S22: windows over a series, one step and twelve steps ahead, beside naive and seasonal naive counted by hand."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kissipo as ki
from kissipo.cli.main import main
from kissipo.plan.recipes import all_recipes

Out = pytest.CaptureFixture[str]


def fitted(capsys: Out, *arguments: str) -> dict[str, Any]:
    assert main(["fit", *arguments, "--out", "run", "--json"]) == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)["answers"][0]
    return answer


def naive_errors(values: Any, season: int, horizon: int) -> dict[str, float]:
    """MAE over every horizon that lies in the last fifth: the last value, and the latest one at the same place in the season."""
    naive, seasonal = [], []
    for now in range(len(values) - round(len(values) / 5), len(values) - horizon + 1):
        for ahead in range(horizon):
            before = now + ahead - season * (ahead // season + 1)
            naive.append(abs(values[now - 1] - values[now + ahead]))
            seasonal.append(abs(values[before] - values[now + ahead]))
    return {"naive (last value)": np.mean(naive), "seasonal naive": np.mean(seasonal)}


@pytest.mark.parametrize("horizon", [1, 12])
def test_sunspots_stand_beside_naive_and_seasonal_naive(horizon: int, capsys: Out) -> None:
    sunspots = pytest.importorskip("statsmodels.api").datasets.sunspots.load().data["SUNACTIVITY"].to_numpy()
    answer = fitted(capsys, "sunspots", "--horizon", str(horizon))
    error, beside = answer["metrics"]["mae"], {name: each["mae"] for name, each in answer["baselines"].items()}
    expected = naive_errors(sunspots, 11, horizon)
    assert {name: beside[name] for name in expected} == pytest.approx(expected, rel=1e-5)
    assert error < min(expected.values())
    assert answer["verdict"]["beside"] == "linear autoregression"
    by_step = answer["details"]["mae_by_step"]
    assert len(by_step) == horizon
    assert np.mean(by_step) == pytest.approx(error)
    if horizon == 12:
        low, high = dict(all_recipes())["sunspots"].band
        assert low <= error <= high
        assert by_step[0] < by_step[-1]


def test_air_passengers_from_a_file_and_three_words(data: Path, capsys: Out) -> None:
    file = data / "time-series-classic" / "airline-passengers.csv"
    answer = fitted(capsys, str(file), "--time", "Month", "--output", "Passengers", "--horizon", "12")
    with file.open(encoding="utf-8") as lines:
        values = [float(row["Passengers"]) for row in csv.DictReader(lines)]
    expected = naive_errors(values, 12, 12)
    assert {name: answer["baselines"][name]["mae"] for name in expected} == pytest.approx(expected, rel=1e-5)
    assert answer["metrics"]["mae"] < min(expected.values())
    run = ki.open("run")
    assert run.task.input["season"] == 12
    forecast = run.predict(str(file))
    assert len(forecast.value) == 12
    # the year after 1960 goes on rising and peaks in summer
    assert np.mean(forecast.value) > np.mean(values[-12:])
    assert int(np.argmax(forecast.value)) in (6, 7)

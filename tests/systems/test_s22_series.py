"""S22: windows over a series, one step and twelve steps ahead, beside naive and seasonal naive counted by hand."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import kissipo as ki
from kissipo.cli.main import main
from kissipo.core.axes import Port
from kissipo.core.errors import ShapeError
from kissipo.plan.recipes import all_recipes
from kissipo.process.nets import recurrent

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


def test_the_five_predictors_stand_in_one_table(data: Path, capsys: Out) -> None:
    five = [name for name, recipe in all_recipes() if name.startswith("airline")]
    assert len(five) == 5
    assert main(["compare", *five, "--json"]) == 0
    rows = {row["task"]: row for row in json.loads(capsys.readouterr().out)["rows"]}
    found = {name: rows[name]["metrics"]["mae"]["mean"] for name in five}
    for name, recipe in all_recipes():
        assert name not in five or recipe.band[0] <= found[name] <= recipe.band[1]
    with (data / "time-series-classic" / "airline-passengers.csv").open(encoding="utf-8") as lines:
        values = [float(row["Passengers"]) for row in csv.DictReader(lines)]
    seasonal = np.mean([abs(values[at] - values[at - 12]) for at in range(120, 144)])
    assert found["airline-dense-window"] < 0.5 * seasonal
    assert rows["airline-lstm-features"]["weights"] == 4 * 64 * (12 + 64 + 2) + 65
    assert rows["airline-lstm-window"]["weights"] == 4 * 64 * (1 + 64 + 2) + 65
    beside = ki.open(rows["airline-dense-window"]["runs"][0]).metrics["answers"][0]["baselines"]
    assert beside["seasonal naive"]["mae"] == pytest.approx(seasonal)
    assert beside["exponential smoothing"]["mae"] == pytest.approx(12.6, abs=0.5)


def test_the_interval_is_that_of_the_validation_errors_and_its_coverage_is_counted(data: Path, capsys: Out) -> None:
    """By hand from the run's own forecasts: the fourth fifth of the errors of each step ahead, and who lies within."""
    file = str(data / "time-series-classic" / "daily-min-temperatures.csv")
    run = ki.load(file, output="Temp", horizon=3, words={"process.epochs": 3}).fit(out="run")
    wiring, answer = run._wiring(), run.answers[0]

    def off(part: str) -> Any:
        batch = wiring.feeds[part].everything()
        return np.abs(answer.scores(run.net(batch.inputs[0])) - answer.truth(batch.targets[0]))[:, :, 0]

    errors = off("validation")
    rank = int(np.ceil((len(errors) + 1) * 0.8))
    margins = np.array([sorted(column)[rank - 1] for column in errors.T])
    np.testing.assert_allclose(answer.margins[:, 0], margins, rtol=1e-5)
    held = run.evaluate()[0].net.details["interval"]
    assert held["wanted"] == 0.8
    assert held["coverage"] == pytest.approx(float((off("test") <= margins).mean()))
    assert held["by_step"] == pytest.approx((off("test") <= margins).mean(axis=0).tolist())
    assert held["width"] == pytest.approx(2 * margins.mean())
    assert 0.7 < held["coverage"] < 0.9
    opened = ki.open("run")
    now = opened.predict(Path(file))
    low, high = now.between
    np.testing.assert_allclose(np.subtract(high, low) / 2, margins, rtol=1e-4)
    np.testing.assert_allclose(np.add(high, low) / 2, now.value, rtol=1e-6)
    capsys.readouterr()
    assert main(["evaluate", "run"]) == 0
    assert f"Interval: {held['coverage']:.1%} of the truth in it, 80% wanted" in capsys.readouterr().out
    assert "Between low and high lies" in Path("run/report.html").read_text(encoding="utf-8")


def test_without_enough_forecasts_to_learn_from_there_is_no_interval(capsys: Out) -> None:
    for words in (["output.interval=0"], ["output.interval=0.99"]):
        answer = fitted(capsys, "sunspots", "epochs=1", *words)
        assert "interval" not in answer["details"]
        shutil.rmtree("run")


def test_steps_taken_together_are_the_features_of_one() -> None:
    x, y = Port("y", ("time", "variable"), (12, 2), words=("a", "b")), Port("y", ("horizon", "variable"), (3, 1))
    net = recurrent.build((x,), (y,), recurrent.Options(units=4, patch=6)).eval()
    plain = torch.nn.LSTM(12, 4, batch_first=True)
    plain.load_state_dict(net.cell.state_dict())
    values = torch.randn(5, 12, 2)
    steps = torch.stack([values[:, :6].flatten(1), values[:, 6:].flatten(1)], dim=1)
    torch.testing.assert_close(net(values), net.head(plain(steps)[0][:, -1]))
    with pytest.raises(ShapeError, match="windows of 12 steps"):
        recurrent.build((x,), (y,), recurrent.Options(patch=5))


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

"""S22: forecasts one and twelve steps ahead, compared with naive and seasonal naive."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import RidgeCV

import kissipo as ki
from kissipo.cli.main import main
from kissipo.core.errors import DataError, ShapeError, TaskError
from kissipo.core.tensor_spec import TensorSpec
from kissipo.pipeline.recipes import all_recipes
from kissipo.process.nets import recurrent

Out = pytest.CaptureFixture[str]


def fitted(capsys: Out, *arguments: str) -> dict[str, Any]:
    assert main(["fit", *arguments, "--out", "run", "--json"]) == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)["answers"][0]
    return answer


def naive_errors(values: Any, season: int, horizon: int) -> dict[str, float]:
    """Returns the MAE of naive and seasonal naive forecasts in the last fifth."""
    naive, seasonal = [], []
    for now in range(len(values) - round(len(values) / 5), len(values) - horizon + 1):
        for ahead in range(horizon):
            before = now + ahead - season * (ahead // season + 1)
            naive.append(abs(values[now - 1] - values[now + ahead]))
            seasonal.append(abs(values[before] - values[now + ahead]))
    return {"naive (last value)": np.mean(naive), "seasonal naive": np.mean(seasonal)}


@pytest.mark.parametrize("horizon", [1, 12])
def test_sunspots_stand_beside_naive_and_seasonal_naive(horizon: int, capsys: Out) -> None:
    sunspots = (
        pytest.importorskip("statsmodels.api")
        .datasets.sunspots.load()
        .data["SUNACTIVITY"]
        .to_numpy()
    )
    answer = fitted(capsys, "sunspots", "--horizon", str(horizon))
    error, beside = (
        answer["metrics"]["mae"],
        {name: values["mae"] for name, values in answer["baselines"].items()},
    )
    expected = naive_errors(sunspots, 11, horizon)
    assert {name: beside[name] for name in expected} == pytest.approx(expected, rel=1e-5)
    assert error < min(expected.values())
    assert answer["verdict"]["compared_with"] == "linear autoregression"
    by_step = answer["details"]["mae_by_step"]
    assert len(by_step) == horizon
    assert np.mean(by_step) == pytest.approx(error)
    if horizon == 12:
        low, high = dict(all_recipes())["sunspots"].band
        assert low <= error <= high
        assert by_step[0] < by_step[-1]


@pytest.mark.slow
def test_the_five_predictors_stand_in_one_table(data: Path, capsys: Out) -> None:
    five = [name for name, recipe in all_recipes() if name.startswith("airline")]
    assert len(five) == 5
    assert main(["compare", *five, "--json"]) == 0
    rows = {row["task"]: row for row in json.loads(capsys.readouterr().out)["rows"]}
    errors = {name: rows[name]["metrics"]["mae"]["mean"] for name in five}
    for name, recipe in all_recipes():
        assert name not in five or recipe.band[0] <= errors[name] <= recipe.band[1]
    with (data / "time-series-classic" / "airline-passengers.csv").open(encoding="utf-8") as lines:
        values = [float(row["Passengers"]) for row in csv.DictReader(lines)]
    seasonal = np.mean([abs(values[month] - values[month - 12]) for month in range(120, 144)])
    assert errors["airline-dense-window"] < 0.5 * seasonal
    assert rows["airline-lstm-features"]["weights"] == 4 * 64 * (12 + 64 + 2) + 65
    assert rows["airline-lstm-window"]["weights"] == 4 * 64 * (1 + 64 + 2) + 65
    beside = ki.open(rows["airline-dense-window"]["runs"][0]).metrics["answers"][0]["baselines"]
    assert beside["seasonal naive"]["mae"] == pytest.approx(seasonal)
    assert beside["exponential smoothing"]["mae"] == pytest.approx(12.6, abs=0.5)


def test_the_interval_is_that_of_the_validation_errors_and_its_coverage_is_counted(
    data: Path, capsys: Out, content_of: Callable[[str], Any], records_of: Callable[..., Any]
) -> None:
    """Margins are the 80 % quantiles of the validation errors, per step ahead."""
    file = str(data / "time-series-classic" / "daily-min-temperatures.csv")
    words = {"process.epochs": 3, "output.baselines": ["naive"]}
    run = ki.load(file, output="Temp", horizon=3, words=words).fit(out="run")
    pipeline, answer = run.pipeline(), run.answers[0]

    def off(part: str) -> Any:
        batch = pipeline.datasets[part].everything()
        return np.abs(answer.scores(run.net(batch.inputs[0])) - answer.truth(batch.targets[0]))[
            :, :, 0
        ]

    errors = off("validation")
    rank = int(np.ceil((len(errors) + 1) * 0.8))
    margins = np.array([sorted(column)[rank - 1] for column in errors.T])
    np.testing.assert_allclose(answer.margins[:, 0], margins, rtol=1e-5)
    interval = run.evaluate()[0].net.details["interval"]
    assert interval["wanted"] == 0.8
    assert interval["coverage"] == pytest.approx(float((off("test") <= margins).mean()))
    assert interval["by_step"] == pytest.approx((off("test") <= margins).mean(axis=0).tolist())
    assert interval["width"] == pytest.approx(2 * margins.mean())
    assert 0.7 < interval["coverage"] < 0.9
    loaded = ki.open("run")
    now = loaded.predict(Path(file))
    low, high = loaded.predict_interval(Path(file))
    np.testing.assert_allclose(np.subtract(high, low) / 2, margins, rtol=1e-4)
    np.testing.assert_allclose(np.add(high, low) / 2, now, rtol=1e-6)
    capsys.readouterr()
    assert main(["evaluate", "run"]) == 0
    assert f"Interval: coverage {interval['coverage']:.1%} (target 80%)" in capsys.readouterr().out
    lines = records_of(content_of("run/report.html"), "line", "Forecasts and observations")
    covered = f"The prediction interval covers {interval['coverage']:.1%} of the observed values"
    assert lines[0]["text"] == f"{covered}; the requested coverage is 80%."


def test_interval_is_absent_without_enough_forecasts(capsys: Out) -> None:
    for words in (["output.interval_coverage=0"], ["output.interval_coverage=0.99"]):
        answer = fitted(capsys, "sunspots", "epochs=1", *words)
        assert "interval" not in answer["details"]
        shutil.rmtree("run")


def test_steps_taken_together_are_the_features_of_one() -> None:
    x, y = (
        TensorSpec("y", ("time", "variable"), (12, 2), labels=("a", "b")),
        TensorSpec("y", ("horizon", "variable"), (3, 1)),
    )
    net = recurrent.build((x,), (y,), recurrent.Options(units=4, patch_length=6)).eval()
    plain = torch.nn.LSTM(12, 4, batch_first=True)
    plain.load_state_dict(net.cell.state_dict())
    values = torch.randn(5, 12, 2)
    steps = torch.stack([values[:, :6].flatten(1), values[:, 6:].flatten(1)], dim=1)
    torch.testing.assert_close(net(values), net.head(plain(steps)[0][:, -1]))
    with pytest.raises(ShapeError, match="windows of 12 steps"):
        recurrent.build((x,), (y,), recurrent.Options(patch_length=5))


def test_air_passengers_from_a_file_and_three_words(data: Path, capsys: Out) -> None:
    file = data / "time-series-classic" / "airline-passengers.csv"
    answer = fitted(
        capsys, str(file), "--time", "Month", "--output", "Passengers", "--horizon", "12"
    )
    with file.open(encoding="utf-8") as lines:
        values = [float(row["Passengers"]) for row in csv.DictReader(lines)]
    expected = naive_errors(values, 12, 12)
    assert {name: answer["baselines"][name]["mae"] for name in expected} == pytest.approx(
        expected, rel=1e-5
    )
    assert answer["metrics"]["mae"] < min(expected.values())
    run = ki.open("run")
    assert run.task.input["season_length"] == 12
    forecast = run.predict(str(file))
    assert len(forecast) == 12
    # the year after 1960 goes on rising and peaks in summer
    assert np.mean(forecast) > np.mean(values[-12:])
    assert int(np.argmax(forecast)) in (6, 7)


def test_no_test_value_leaks_into_training(data: Path) -> None:
    """Every value of the test split changes, and nothing that was trained does."""
    table = pd.read_csv(data / "time-series-classic" / "airline-passengers.csv")
    words = {"input.time_features": True, "process.epochs": 5}
    before = ki.load(table, output="Passengers", time="Month", horizon=3, words=words).fit(
        out="before"
    )
    pipeline = before.pipeline()
    first = int(pipeline.splits["test"][0]) + pipeline.codecs[0].length
    table.loc[first:, "Passengers"] = 7.0 - np.arange(len(table) - first) % 3
    after = ki.load(table, output="Passengers", time="Month", horizon=3, words=words).fit(
        out="after"
    )
    assert (after.pipeline().season_length, after.pipeline().codecs[0].length) == (
        pipeline.season_length,
        pipeline.codecs[0].length,
    )
    assert [codec.state() for codec in after.codecs] == [codec.state() for codec in before.codecs]
    assert after.answers[0].state() == before.answers[0].state()
    assert all(
        torch.equal(one, two)
        for one, two in zip(after.net.parameters(), before.net.parameters(), strict=True)
    )
    assert after.evaluate()[0]["mae"] != before.evaluate()[0]["mae"]


def test_a_backtest_is_a_run_at_each_end_of_the_series(data: Path, capsys: Out) -> None:
    file = str(data / "time-series-classic" / "airline-passengers.csv")
    assert main(["fit", file, "epochs=2", "--backtest", "3", "--out", "folds", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert [(fold["train_steps"], fold["test_steps"]) for fold in result["folds"]] == [
        (115, 9),
        (124, 10),
        (134, 10),
    ]
    assert [fold["timestamps"] for fold in result["folds"]][1] == ["1959-05-01", "1960-02-01"]
    values = pd.read_csv(file)["Passengers"].to_numpy(float)
    naive = [
        np.abs(np.diff(values))[first - 1 : end - 1].mean()
        for first, end in ((115, 124), (124, 134), (134, 144))
    ]
    assert [fold["baselines"]["naive (last value)"] for fold in result["folds"]] == pytest.approx(
        naive
    )
    assert result["baselines"]["naive (last value)"]["mean"] == pytest.approx(np.mean(naive))
    words = {"process.epochs": 2, "input.max_rows": 124, "input.split": {"test": 9 / 124}}
    alone = ki.load(file, words=words).fit(out="alone")
    assert alone.evaluate()[0]["mae"] == pytest.approx(result["folds"][0]["metrics"]["mae"])
    assert main(["fit", file, "epochs=1", "--backtest", "2", "--out", "page_content"]) == 0
    out = capsys.readouterr().out
    assert "1958-08-01 to 1959-09-01" in out and "mean" in out
    for words, message in (
        (["digits", "--backtest", "2"], "--backtest needs a series, and 'digits' is not a series"),
        ([file, "--backtest", "30"], "got 30. Allowed: 1 to 29"),
        (
            [file, "input.max_rows=1000"],
            "input.max_rows=1000 is larger than the number of rows; got 144 steps",
        ),
    ):
        assert main(["fit", *words]) == 2
        assert message in capsys.readouterr().err


def test_future_covariates_are_used_and_required(tmp_path: Path) -> None:
    """Sales follow a known plan: a future covariate makes the forecast nearly exact."""
    generator = np.random.default_rng(0)
    plan = generator.integers(0, 2, 400)
    table = pd.DataFrame(
        {"day": pd.date_range("2023-01-01", periods=400).astype(str), "plan": plan}
    )
    table["sold"] = 20 + 10 * plan + generator.normal(size=400)
    words = {
        "process.net": "linear",
        "process.epochs": 60,
        "process.subtract_last": False,
        "input.window": 7,
        "input.features": ["sold"],
    }
    with_plan = ki.load(
        table, output="sold", horizon=2, words={**words, "input.future_covariates": ["plan"]}
    ).fit(out="known")
    without_plan = ki.load(table, output="sold", horizon=2, words=words).fit(out="unknown")
    assert with_plan.evaluate()[0]["mae"] < 1.5 < 3 < without_plan.evaluate()[0]["mae"]
    for first, second in ((0, 1), (1, 0)):
        table[["day", "plan", "sold"]].assign(sold=table["sold"].map("{:.3f}".format)).to_csv(
            "new.csv", index=False
        )
        with Path("new.csv").open("a", encoding="utf-8") as lines:
            lines.write(f"2024-02-05,{first},\n2024-02-06,{second},\n")
        assert with_plan.predict(Path("new.csv")) == pytest.approx(
            [20 + 10 * first, 20 + 10 * second], abs=3
        )
    with pytest.raises(
        DataError,
        match="covariates of the next 2 steps are missing; got 0 rows after the last value",
    ):
        with_plan.predict(table)
    with pytest.raises(
        TaskError, match=r"input\.future_covariates names 'sold', which is forecast"
    ):
        ki.load(table, output="sold", words={"input.future_covariates": ["sold"]}).fit()


def test_time_features_continue_after_the_last_timestamp(data: Path) -> None:
    file = data / "time-series-classic" / "airline-passengers.csv"
    words = {"input.time_features": True, "process.epochs": 40}
    run = ki.load(str(file), output="Passengers", horizon=12, words=words).fit(out="run")
    months = run.pipeline().codecs[1].inner
    assert months.spec.labels == (
        "Month month sin",
        "Month month cos",
        "Month weekday sin",
        "Month weekday cos",
        "Month time",
    )
    whole = pd.read_csv(file)
    forecast = run.predict(whole.iloc[:132])["prediction"].tolist()
    dataset, position = (
        run.pipeline().datasets["test"],
        132 - 24 - int(run.pipeline().splits["test"][0]),
    )
    expected = run.answers[0].scores(run.net(*dataset.batch(slice(position, position + 1)).inputs))[
        0, :, 0
    ]
    np.testing.assert_allclose(forecast, expected, rtol=1e-5)  # the timestamps of 1960
    assert [step.name for step in run.trace().of("input")] == [
        "Passengers",
        "windows",
        "Month",
        "windows",
    ]
    with pytest.raises(TaskError, match=r"input\.time_features needs a column of timestamps"):
        ki.load(
            whole[["Passengers"]],
            output="Passengers",
            horizon=1,
            words={"input.time_features": True},
        ).fit()


def test_autoregressive_forecast_uses_each_step_as_the_next_input() -> None:
    words = {
        "process.net": "linear",
        "process.autoregressive": True,
        "process.epochs": 5,
        "process.subtract_last": False,
    }
    words |= {"input.window": 22}
    task = {"input": {"series": "sunspots"}, "output": {"forecast": "SUNACTIVITY", "horizon": 4}}
    run = ki.load(task, words=words).fit(out="run")
    (linear,) = [layer for layer in run.net.modules() if isinstance(layer, torch.nn.Linear)]
    assert linear.weight.shape == (1, 22)
    window = run.pipeline().datasets["test"].batch(slice(0, 1)).inputs[0]
    past = window[0, :, 0].tolist()
    for _ in range(4):
        past.append(float((torch.tensor(past[-22:]) @ linear.weight[0] + linear.bias).detach()))
    np.testing.assert_allclose(run.net(window)[0, :, 0].detach(), past[22:], rtol=1e-5)


def test_several_variables_are_scored_on_the_training_scale(data: Path) -> None:
    names = ["HUFL", "OT"]
    words = {
        "input.max_rows": 2000,
        "input.window": 24,
        "process.net": "linear",
        "process.channel_independent": True,
        "process.epochs": 2,
    }
    task = {
        "input": {"series": "etth1", "features": names},
        "output": {"forecast": names, "horizon": 3},
    }
    run = ki.load(task, words=words).fit(out="run")
    table = pd.read_csv(data / "ett-small" / "ETTh1.csv.gz")[names].to_numpy()[:2000]
    spread, pipeline = table[:1400].std(axis=0), run.pipeline()
    batch = pipeline.datasets["test"].everything()
    scaled = run.net(*batch.inputs).detach().double() - batch.targets[0].double()
    evaluation = run.evaluate()[0]
    assert evaluation["normalized_mse"] == pytest.approx(float(scaled.square().mean()), rel=1e-4)
    assert evaluation["normalized_mae"] == pytest.approx(float(scaled.abs().mean()), rel=1e-4)
    naive = np.abs(np.diff(table[:1400], axis=0)).mean(axis=0)
    mae = (scaled.abs().mean(dim=(0, 1)).numpy()) * spread
    by_variable = evaluation.net.details["by_variable"]
    assert [by_variable[name]["mae"] for name in names] == pytest.approx(mae.tolist(), rel=1e-3)
    assert evaluation["mase"] == pytest.approx(float((mae / naive).mean()), rel=1e-3)
    # the linear autoregression sees each variable's own past only, by scikit-learn
    train, test = pipeline.datasets["train"].everything(), pipeline.datasets["test"].everything()
    alone = [
        RidgeCV(np.logspace(-3, 4, 15))
        .fit(train.inputs[0][:, :, column], train.targets[0][:, :, column])
        .predict(test.inputs[0][:, :, column])
        for column in (0, 1)
    ]
    mse = np.square(np.stack(alone, axis=2) - test.targets[0].numpy()).mean()
    assert evaluation.baselines["linear autoregression"].metrics["normalized_mse"] == pytest.approx(
        mse, rel=0.01
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            {"input.window": 140},
            r"too short for windows of 140 and a horizon of 1; got 144 steps. "
            r"Allowed: at least 150",
        ),
        (
            {"input.window": 100, "output.horizon": 40},
            r"too short for windows of 100 and a horizon of 40",
        ),
        (
            {"input.window": 24, "output.horizon": 40},
            r"the validation split is too short for a window of 24 and a horizon of 40",
        ),
    ],
)
def test_a_series_shorter_than_its_windows_is_refused(
    words: dict[str, int], message: str, data: Path
) -> None:
    with pytest.raises(DataError, match=message):
        ki.load(str(data / "time-series-classic" / "airline-passengers.csv"), words=words).fit()

"""Several series in one file: each has its own windows, scale, split and forecast."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import kissipo as ki
from kissipo.cli.main import main
from kissipo.core.errors import DataError, TaskError
from kissipo.input.formats.dataframe import from_dataframe
from kissipo.input.series_order import TimeOptions, order_rows
from kissipo.runs.check_data import check_data

Out = pytest.CaptureFixture[str]
FAST = {"process.epochs": 1, "process.net": "linear", "input.window": 12}
MEANS = {"pump": 50.0, "fan": 550.0, "mill": 5.0}


def series(name: str, steps: int = 120, start: str = "2024-01-01", freq: str = "h") -> pd.DataFrame:
    stamps = pd.date_range(start, periods=steps, freq=freq).astype(str)
    generator = np.random.default_rng(len(name))
    wave = np.sin(np.arange(steps) * np.pi / 6) + 0.1 * generator.normal(size=steps)
    return pd.DataFrame(
        {
            "machine": name,
            "time": stamps,
            "power": (MEANS.get(name, 9.0) * (1 + wave / 9)).round(3),
        }
    )


def half_hour(name: str) -> pd.DataFrame:
    return series(name, start="2024-01-01T00:30")


def one_after_the_other() -> pd.DataFrame:
    return pd.concat([series("pump"), half_hour("fan")], ignore_index=True)


def same_timestamps() -> pd.DataFrame:
    return pd.concat([series(name) for name in MEANS], ignore_index=True)


LAYOUTS = {
    "one after the other": one_after_the_other(),
    "in turn": one_after_the_other().sort_values("time", kind="stable"),
    "same timestamps": same_timestamps(),
    "same timestamps, shuffled": same_timestamps().sample(frac=1, random_state=0),
    "newest first": pd.concat([series("pump")[::-1], half_hour("fan")[::-1]]),
    "numbers as names": same_timestamps().assign(
        machine=lambda table: table["machine"].map({"pump": 7, "fan": 12, "mill": 3})
    ),
    "nixtla": same_timestamps().set_axis(["unique_id", "ds", "y"], axis=1),
    "autogluon": same_timestamps().set_axis(["item_id", "timestamp", "target"], axis=1),
    "unequal lengths": pd.concat([series("pump", 200), series("fan", 90)]),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_series_are_found_and_kept_apart(layout: str) -> None:
    table = LAYOUTS[layout]
    name, time, target = table.columns
    rows = order_rows(from_dataframe(table, origin="it"), TimeOptions(time), targets=[target])
    assert rows.series_id == name
    (option,) = [option for option in rows.inferred if option.place == "input.series_id"]
    assert option.value == [name] and all(str(x) in option.reason for x in table[name].unique())
    expected = {str(key): part.sort_values(time) for key, part in table.groupby(name)}
    assert len(rows.starts) == len(expected) + 1
    for first, end in zip(rows.starts, rows.starts[1:], strict=False):
        part = rows.frame.take(np.arange(first, end))
        assert set(part[name].texts()) == {part[name].show(0)}
        np.testing.assert_array_equal(
            part[target].values, expected[str(part[name].show(0))][target].to_numpy()
        )


def test_two_columns_name_the_series() -> None:
    parts = [
        series("pump").drop(columns="machine").assign(store=store, item=item)
        for store in ("A", "B")
        for item in (1, 2, 3)
    ]
    table = pd.concat(parts, ignore_index=True)
    rows = order_rows(from_dataframe(table, origin="it"), TimeOptions("time"), targets=["power"])
    assert rows.series_id == "store / item"
    assert rows.frame["store / item"].categories == ("A / 1", "A / 2", "A / 3", "B / 1",
                                                     "B / 2", "B / 3")  # fmt: skip


DAYS = pd.date_range("2024-01-01", periods=140)


@pytest.mark.parametrize(
    "extra",
    [
        {"weekday": DAYS.day_name()},
        {"shift": np.where(np.arange(140) % 2, "day", "night")},
        {"season": np.repeat(["winter", "spring"], 70)},
        {"holiday": np.where(np.arange(140) % 30 == 0, "yes", "no")},
        {"month": DAYS.month},
    ],
)
def test_columns_that_describe_the_time_name_no_series(extra: dict[str, object]) -> None:
    table = pd.DataFrame({"date": DAYS.astype(str), **extra, "y": np.sin(np.arange(140))})
    for rows in (table, table[::-1]):
        ordered = order_rows(from_dataframe(rows, origin="it"), TimeOptions("date"), targets=["y"])
        assert ordered.series_id is None
        np.testing.assert_array_equal(ordered.frame["y"].values, table["y"].to_numpy())


def test_a_clock_set_back_names_no_series() -> None:
    hours = pd.date_range("2024-10-26", periods=60, freq="h").astype(str).tolist()
    table = pd.DataFrame({"time": [*hours[:27], hours[26], *hours[27:]]})
    table["zone"] = ["CEST"] * 27 + ["CET"] * 34
    table["y"] = np.sin(np.arange(61))
    with pytest.raises(DataError, match=r"occurs 2 times in 'time'.*input\.series_id=COLUMN"):
        order_rows(from_dataframe(table, origin="it"), TimeOptions("time"), targets=["y"])


def test_one_model_learns_all_series_with_their_own_windows_and_scales(
    capsys: Out, content_of: Callable[[Path | str], Any], records_of: Callable[..., Any]
) -> None:
    table = same_timestamps()
    table.to_csv("machines.csv", index=False)
    arguments = ["machines.csv", "--time", "time", "--output", "power", "--horizon", "4"]
    words = [f"{key}={value}" for key, value in FAST.items()]
    assert main(["fit", *arguments, *words, "--out", "run", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)["answers"][0]
    run = ki.open("run")
    pipeline, window, horizon = run.pipeline(), 12, 4
    assert pipeline.starts == (0, 120, 240, 360)
    ends = {}
    for part, positions in pipeline.splits.items():
        first, last = positions // 120, (positions + window + horizon - 1) // 120
        np.testing.assert_array_equal(first, last)  # no window crosses two series
        ends[part] = {n: positions[first == n].max() % 120 for n in range(3)}
    assert len(set(ends["train"].values())) == 1
    assert all(ends["train"][n] < ends["validation"][n] < ends["test"][n] for n in range(3))
    for name in MEANS:
        part = table.loc[table["machine"] == name, "power"].to_numpy()
        train = part[: ends["train"][0] + window + horizon]
        scaled = pipeline.frame["power"].values[pipeline.frame["machine"].values
                                                == list(MEANS).index(name)]  # fmt: skip
        np.testing.assert_allclose(scaled, (part - train.mean()) / train.std(), rtol=1e-9)
    naive = []
    for n, name in enumerate(MEANS):
        part = table.loc[table["machine"] == name, "power"].to_numpy()
        train = part[: ends["train"][0] + window + horizon]
        for position in pipeline.splits["test"]:
            if position // 120 == n:
                last = position % 120 + window
                naive.append(np.abs(part[last : last + horizon] - part[last - 1]) / train.std())
    assert answer["baselines"]["naive (last value)"]["normalized_mae"] == pytest.approx(
        float(np.mean(naive)), rel=1e-5
    )
    assert {"seasonal naive", "linear autoregression"} <= set(answer["baselines"])
    (series_table,) = records_of(content_of("run/report.html"), "table", "Series")
    assert sorted(row[0] for row in series_table["rows"]) == sorted(MEANS)
    assert sum(int(row[1]) for row in series_table["rows"]) == len(pipeline.splits["test"])


def test_each_series_has_its_own_forecast(capsys: Out) -> None:
    table = same_timestamps()
    words = {"process.epochs": 30, "input.window": 12, "output.baselines": ["naive"]}
    run = ki.load(table, output="power", time="time", horizon=3, words=words).fit(out="run")
    assert run.task.input["series_id"] == ("machine",)
    new = pd.concat([table, series("press")]).sample(frac=1, random_state=1)
    with pytest.warns(UserWarning, match="new in 'machine': 'press'"):
        frame: Any = run.predict(new)
    forecasts = [row[0] for row in run.predict_all([new])[0]]
    assert list(frame.columns) == ["series", "time", "prediction", "low", "high"]
    assert frame["prediction"].tolist() == [step for item in forecasts for step in item.value]
    assert frame["series"].tolist()[::3] == [item.steps.series for item in forecasts if item.steps]
    by_name = {item.steps.series: item for item in forecasts if item.steps is not None}
    assert by_name.keys() == {*MEANS, "press"}
    for name, forecast in by_name.items():
        truth = MEANS.get(name, 9.0) * (1 + np.sin(np.arange(120, 123) * np.pi / 6) / 9)
        assert forecast.value == pytest.approx(truth, rel=0.1)
        assert forecast.steps.labels == ("2024-01-06T00:00:00", "2024-01-06T01:00:00",
                                         "2024-01-06T02:00:00")  # fmt: skip
    new.to_csv("new.csv", index=False)
    capsys.readouterr()
    assert main(["predict", "run", "--file", "new.csv"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split("\t")[:3] == ["series", "time", "power"] and len(lines) == 13
    with pytest.raises(DataError, match="no column 'machine', which names the series"):
        run.predict(table.drop(columns="machine"))


def test_rows_ahead_and_short_series_are_said_per_series() -> None:
    parts = [series("pump"), series("fan"), series("mill", 5)]
    for part in parts[:2]:
        part.loc[117:, "power"] = np.nan
    table = pd.concat(parts)
    run = ki.load(table, output="power", time="time", horizon=3, words=FAST).fit(out="run")
    texts = [finding.describe() for finding in run.pipeline().findings]
    assert any(text.startswith("PASS  6 rows after the last 'power' lie ahead") for text in texts)
    assert any("1 series are too short to be split: mill (5 steps)" in text for text in texts)
    forecasts = [row[0] for row in run.predict_all([table[table["machine"] != "mill"]])[0]]
    assert len(forecasts) == 2
    assert forecasts[0].steps is not None
    assert forecasts[0].steps.labels[0] == "2024-01-05T21:00:00"


def test_a_backtest_needs_one_series(capsys: Out) -> None:
    one_after_the_other().to_csv("machines.csv", index=False)
    question = ["--time", "time", "--output", "power", "--horizon", "2"]
    assert main(["fit", "machines.csv", *question, "--backtest", "2"]) == 2
    assert "--backtest needs one series, and 'machine' names 2" in capsys.readouterr().err


def test_one_series_can_be_demanded_and_other_answers_refuse_several() -> None:
    one_after_the_other().to_csv("machines.csv", index=False)
    words = {"input.series_id": []}
    texts = [
        finding.describe()
        for finding in check_data("machines.csv", output="power", time="time", words=words)
    ]
    assert any("goes back in time" in text for text in texts)
    with pytest.raises(TaskError, match=r"needs one series, and 'machine' names several; got pump"):
        ki.load("machines.csv", time="time", words={"output.anomaly": "power"}).fit()


def test_series_that_are_too_short_to_be_split_are_forecast(capsys: Out) -> None:
    lengths = {"pump": 120, "fan": 20, "mill": 12, "saw": 5}
    table = pd.concat([series(name, steps) for name, steps in lengths.items()])
    table.to_csv("a.csv", index=False)
    words = [f"{key}={value}" for key, value in FAST.items()]
    question = ["--output", "power", "--time", "time", "--horizon", "3"]
    assert main(["fit", "a.csv", *question, *words, "--out", "run"]) == 0
    capsys.readouterr()
    assert main(["predict", "run", "--file", "a.csv"]) == 0
    printed = capsys.readouterr()
    lines = [line.split("\t") for line in printed.out.splitlines()]
    names = [name for name in lengths if name != "saw" for _ in range(3)]
    assert [line[0] for line in lines[1:]] == names
    assert "no forecast for 1 series with fewer steps than a window of 12: saw (5 steps)" in (
        " ".join(printed.err.split())
    )
    forecast = np.array([float(line[2]) for line in lines[1:]]).reshape(3, 3)
    for row, name in enumerate(("pump", "fan", "mill")):
        alone = ki.open("run").predict(table[table["machine"] == name])
        np.testing.assert_allclose(alone["prediction"], forecast[row], rtol=1e-3)
        assert abs(forecast[row].mean() / MEANS[name] - 1) < 0.5  # each on its own scale
    with pytest.raises(DataError, match=r"fewer steps than one window.*series 'saw'"):
        ki.open("run").predict(table[table["machine"] == "saw"])
    texts = [
        item.describe() for item in check_data("a.csv", output="power", time="time", horizon=3)
    ]
    assert any("fan (20 steps)" in text and "predict forecasts those" in text for text in texts)

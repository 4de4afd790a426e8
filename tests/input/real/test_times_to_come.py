"""Timestamps to come follow those that were, and stand beside each forecast."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import kissipo as ki
from kissipo.cli.main import main
from kissipo.core.time.time_pattern import TimePattern, next_timestamps
from kissipo.runs.check_data import check_data

Out = pytest.CaptureFixture[str]
FAST = {"process.epochs": 1, "output.baselines": ["naive"], "process.net": "linear"}
HOURS = pd.date_range("2023-01-02", "2023-06-30 23:00", freq="h")
DAYS = pd.date_range("2021-01-04", "2023-06-30")
OPEN = HOURS[(HOURS.hour >= 9) & (HOURS.hour <= 17) & (HOURS.day_of_week < 5)]
SATURDAYS = HOURS[(HOURS.hour >= 9) & (HOURS.hour <= np.where(HOURS.day_of_week == 5, 12, 17))
                  & (HOURS.day_of_week < 6)]  # fmt: skip
SOME = np.random.default_rng(0).random(len(DAYS)) > 0.1


@pytest.mark.parametrize(
    ("past", "expected", "words"),
    [
        (DAYS[(DAYS.day_of_week < 5) & SOME | (DAYS[-1] == DAYS)],
         ["2023-07-03", "2023-07-04", "2023-07-05"], "Monday to Friday"),
        (DAYS[DAYS.day_of_week.isin([0, 2, 4])], ["2023-07-03", "2023-07-05"],
         "Monday, Wednesday and Friday"),
        (DAYS[DAYS.day_of_week != 6][:-1], ["2023-06-30", "2023-07-01", "2023-07-03"],
         "Monday to Saturday"),
        (OPEN[:-1], ["2023-06-30T17", "2023-07-03T09", "2023-07-03T10"],
         "Monday to Friday, 09:00 to 17:00"),
        (OPEN[:20], ["2023-01-04T11", "2023-01-04T12"], "every day, 09:00 to 17:00"),
        (SATURDAYS, ["2023-07-01T09", "2023-07-01T10", "2023-07-01T11", "2023-07-01T12",
                     "2023-07-03T09"], "Monday to Saturday, 09:00 to 17:00"),
        (HOURS, ["2023-07-01T00", "2023-07-01T01"], ""),
        (HOURS[np.random.default_rng(0).random(len(HOURS)) > 0.3][:-3], None, ""),
        (pd.date_range("2014-01-31", periods=30, freq="ME"), ["2016-07-31", "2016-08-31",
         "2016-09-30"], "month ends"),
        (pd.date_range("2020-03-31", periods=9, freq="QE"), ["2022-06-30", "2022-09-30"],
         "month ends of every 3rd month"),
        (pd.date_range("2020-01-31", periods=9, freq="BME"), ["2020-10-30", "2020-11-30"],
         "the last working day of the month"),
        (pd.date_range("2020-01-01", periods=9, freq="WOM-3FRI"), ["2020-10-16", "2020-11-20"],
         "the 3rd Friday of the month"),
        (pd.DatetimeIndex(["2023-11-30", "2023-12-30", "2024-01-30"]),
         ["2024-02-29", "2024-03-30"], "day 30 of the month, or its end"),
        (pd.DatetimeIndex(["2020-06-15", "2021-06-15"]), ["2022-06-15"], ""),
        (pd.date_range("2024-01-07", periods=20, freq="W"), ["2024-05-26", "2024-06-02"], ""),
        (pd.date_range("2024-03-30T20:00", periods=300, freq="15min"),
         ["2024-04-02T23:00", "2024-04-02T23:15"], ""),
        (pd.date_range("2024-01-01", periods=300, freq="250ms"),
         ["2024-01-01T00:01:15", "2024-01-01T00:01:15.25"], ""),
    ],
)  # fmt: skip
def test_next_timestamps_follow_the_pattern(
    past: pd.DatetimeIndex, expected: list[str] | None, words: str
) -> None:
    stamps = past.to_numpy().astype("datetime64[us]")
    pattern = TimePattern.fit(stamps)
    assert pattern.describe() == words
    assert TimePattern.from_state(json.loads(json.dumps(pattern.state()))) == pattern
    if expected is None:
        expected = [str(stamps[-1] + np.timedelta64(1, "h"))]
    following = next_timestamps(stamps, len(expected))
    np.testing.assert_array_equal(following, np.array(expected, "datetime64[us]"))
    if words:
        assert len(np.unique(pattern.steps(stamps)[1:])) <= 4


def write(stamps: pd.DatetimeIndex, name: str = "some.csv", **columns: object) -> Path:
    values = np.sin(np.arange(len(stamps)) * np.pi / 3).round(3)
    pd.DataFrame({"date": stamps.astype(str), "sales": values, **columns}).to_csv(name, index=False)
    return Path(name)


def test_forecasts_stand_beside_month_ends(capsys: Out) -> None:
    path = write(pd.date_range("2014-01-31", "2023-12-31", freq="ME"))
    expected = ["2024-01-31", "2024-02-29", "2024-03-31"]
    findings = check_data(str(path), output="sales", time="date")
    assert [finding.describe() for finding in findings] == [
        "PASS  'date' is evenly spaced over 120 steps: month ends"
    ]
    run = ki.load(str(path), output="sales", time="date", horizon=3, words=FAST).fit(out="run")
    capsys.readouterr()
    assert main(["predict", "run", "--file", str(path), "--out", "table"]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["date", "sales", "sales low", "sales high"]
    assert [line[0] for line in lines[1:]] == expected
    with Path("table/predictions.csv").open(encoding="utf-8") as rows:
        saved = list(csv.DictReader(rows))
    forecast = run.predict_all([path])[0][0][0]
    assert [row["date"] for row in saved] == expected
    assert [float(row["sales"]) for row in saved] == pytest.approx(forecast.value)
    assert forecast.between is not None
    assert [float(row["sales low"]) for row in saved] == pytest.approx(forecast.between[0])
    assert main(["predict", "run", "--file", str(path), "--json"]) == 0
    (answer,) = json.loads(capsys.readouterr().out)["predictions"]
    assert answer["sales"]["timestamps"] == expected
    assert main(["predict", "run", *map(str, np.arange(64)), "--json"]) == 0
    (answer,) = json.loads(capsys.readouterr().out)["predictions"]
    assert answer["sales"]["steps"] == ["1", "2", "3"]


def test_time_features_of_steps_to_come_are_those_of_working_days() -> None:
    """Orders depend on the weekday alone; after Friday comes Monday."""
    means = np.array([10, 40, 20, 60, 30])
    stamps = DAYS[(DAYS.day_of_week < 5) & SOME | (DAYS[-1] == DAYS)]
    noise = np.random.default_rng(1).normal(size=len(stamps))
    path = write(stamps, sales=means[stamps.day_of_week] + noise)
    words = {"input.time_features": True, "process.epochs": 60, "output.baselines": ["naive"]}
    run = ki.load(str(path), output="sales", time="date", horizon=3, words=words).fit(out="run")
    for steps in (path, pd.read_csv(path).iloc[-run.codecs[0].window_length :]):
        forecast = run.predict_all([steps])[0][0][0]
        assert forecast.steps is not None
        assert forecast.steps.labels == ("2023-07-03", "2023-07-04", "2023-07-05")
        assert forecast.value == pytest.approx([10, 40, 20], abs=6)


def shop(ahead: int, missing: tuple[int, ...] = ()) -> Path:
    """Writes 200 days of sales with a plan, then days with the plan alone."""
    generator = np.random.default_rng(0)
    plan = generator.integers(0, 2, 200 + ahead)
    sales = (50 + 10 * plan + generator.normal(size=200 + ahead)).round(2)
    sales[200:] = np.nan
    sales[list(missing)] = np.nan
    stamps = pd.date_range("2022-01-03", periods=200 + ahead)
    return write(stamps, sales=sales, promo=plan)


@pytest.mark.parametrize("words", [{}, {"input.future_covariates": ["promo"]}])
def test_rows_ahead_are_the_future(words: dict[str, object]) -> None:
    path = shop(14)
    task = ki.load(str(path), output="sales", time="date", horizon=14, words={**FAST, **words})
    texts = [finding.describe() for finding in task.check()]
    assert (
        "PASS  14 rows after the last 'sales' lie ahead: 2022-07-22 to 2022-08-04 "
        "-> not trained on; predict --file forecasts them"
    ) in texts
    run = task.fit(out="run")
    assert len(run.pipeline().frame) == 200
    assert run.task.input["future_covariates"] == ("promo",)
    forecast = run.predict_all([path])[0][0][0]
    assert forecast.steps is not None
    assert forecast.steps.labels[0] == "2022-07-22" and len(forecast.steps.labels) == 14


def test_fewer_rows_ahead_than_the_horizon_keep_their_timestamps() -> None:
    """Three empty days with a gap: the fourth follows the pattern."""
    stamps = [*pd.date_range("2022-01-03", periods=100).astype(str), "2022-04-15", "2022-04-16"]
    values = [*np.sin(np.arange(100)).round(3).tolist(), None, None]
    table = pd.DataFrame({"date": stamps, "sales": values})
    run = ki.load(table, output="sales", time="date", horizon=3, words=FAST).fit(out="run")
    forecast = run.predict_all([table])[0][0][0]
    assert forecast.steps is not None
    assert forecast.steps.labels == ("2022-04-15", "2022-04-16", "2022-04-17")


def test_gaps_in_the_middle_stay_gaps() -> None:
    texts = [
        finding.describe()
        for finding in check_data(str(shop(2, missing=(50,))), output="sales", time="date")
    ]
    assert any("no value in 1 of 200 rows" in text and text.startswith("FAIL") for text in texts)

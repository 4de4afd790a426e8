"""Timestamps as people write them, each read as its owner means it."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import kissipo as ki
from kissipo.core.errors import DataError
from kissipo.core.frame import numbers, strings
from kissipo.core.time.timestamps import as_time, decided_style, looks_like_time, read_time
from kissipo.input.formats.tables import FileWords, read_table
from kissipo.input.time_columns import combined_time
from kissipo.runs.check_data import check_data


def write(name: str, titles: Sequence[str], *columns: Sequence[object]) -> Path:
    """Writes a CSV file and returns its path."""
    path = Path(name)
    with path.open("w", newline="", encoding="utf-8") as lines:
        csv.writer(lines).writerows([titles, *zip(*columns, strict=True)])
    return path


def described(path: Path, **question: str) -> list[str]:
    """Returns the findings of the data check as texts."""
    return [finding.describe() for finding in check_data(str(path), **question)]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["07/22/2023 08:31:00 PM", "12/01/2023 12:05:00 AM"],
         ["2023-07-22T20:31", "2023-12-01T00:05"]),
        (["22/07/2023 8:31 pm", "01/12/2023 12:00 pm"], ["2023-07-22T20:31", "2023-12-01T12:00"]),
        (["Jan 5, 2024 3:30 PM"], ["2024-01-05T15:30"]),
        (["5 January 2024 15:30", "12 February 2024 9:05"],
         ["2024-01-05T15:30", "2024-02-12T09:05"]),
        (["Fri, 05 Jan 2024 14:30:00 +0100"], ["2024-01-05T13:30"]),
        (["05/Jan/2024:14:30:00 +0000"], ["2024-01-05T14:30"]),
        (["2024-01-31 02:30:00 PM", "2024-01-31 02:30:00 AM"],
         ["2024-01-31T14:30", "2024-01-31T02:30"]),
        (["2024/01/31 14:30:00.125"], ["2024-01-31T14:30:00.125"]),
        (["31.01.2024 14:30:00,5", "1.2.2024 0:00"], ["2024-01-31T14:30:00.5", "2024-02-01"]),
        (["2024-01-01 00:00:00", "2024-01-01 00:00:00.000001"],
         ["2024-01-01", "2024-01-01T00:00:00.000001"]),
        (["2024-01-01T00:00:00.25Z"], ["2024-01-01T00:00:00.25"]),
        (["20240131T143005"], ["2024-01-31T14:30:05"]),
        (["2024Q1", "2024Q4"], ["2024-01-01", "2024-10-01"]),
        (["Q2 2024"], ["2024-04-01"]),
        (["2024-W05", "2024-W06"], ["2024-01-29", "2024-02-05"]),
        (["2020-12-31 24:00"], ["2021-01-01"]),
        (["12/31/98 23:00", "01/02/03 04:00"], ["1998-12-31T23:00", "2003-01-02T04:00"]),
        (["2024年1月31日 下午2:30"], ["2024-01-31T14:30"]),
    ],
)  # fmt: skip
def test_texts_of_many_kinds_are_timestamps(texts: list[str], expected: list[str]) -> None:
    column = as_time(strings("at", texts))
    assert column is not None
    np.testing.assert_array_equal(column.values, np.array(expected, "datetime64[us]"))
    assert looks_like_time(strings("at", texts))


@pytest.mark.parametrize(
    ("cells", "style", "expected"),
    [
        ([1700000000, 1700003600, 1700007200], "unix_seconds", "2023-11-14T22:13:20"),
        ([1700000000000, 1700000000250, 1700000000500], "unix_milliseconds", "2023-11-14T22:13:20"),
        ([1.7e15, 1.7e15 + 250_000, 1.7e15 + 500_000], "unix_microseconds", "2023-11-14T22:13:20"),
        ([1.7e18, 1.7e18 + 3.6e12, 1.7e18 + 7.2e12], "unix_nanoseconds", "2023-11-14T22:13:20"),
        ([20240131, 20240201, 20240202], "%Y%m%d", "2024-01-31"),
        ([202401311430, 202401311431, 202401311432], "%Y%m%d%H%M", "2024-01-31T14:30"),
    ],
)
def test_numbers_of_many_kinds_are_timestamps(
    cells: list[float], style: str, expected: str
) -> None:
    column = numbers("a", cells)
    reading = read_time(column)
    assert reading is not None
    assert reading.column.values[0] == np.datetime64(expected)
    assert (reading.style, looks_like_time(column)) == (style, True)
    again = as_time(column, style=style)
    assert again is not None and np.array_equal(again.values, reading.column.values)


@pytest.mark.parametrize(
    "cells",
    [
        [1_234_567_890, 1_987_654_321, 1_111_111_111, 1_600_000_000],  # account numbers
        [1_234_567_890, 1_234_567_891, 1_234_567_892],  # a running number
        [20241301, 20240230, 20249999],
        [10115, 80331, 50667],
        [2019, 2020, 2021],  # years are read when the column is named as the time
    ],
)
def test_other_numbers_are_no_timestamps(cells: list[float]) -> None:
    assert not looks_like_time(numbers("code", cells))


@pytest.mark.parametrize(
    "texts",
    [
        ["1.2.3", "1.10.0", "2.0.1"],
        ["+49 170 1234567", "0170/1234567"],
        ["555-12-2024", "555-13-2024"],
        ["10-11-12", "3-2-10"],
        ["00123", "04567"],
        ["2024-13-01", "2024-14-01"],
        ["15/40/2024", "33/12/2024"],
        ["3 PM", "11 AM"],
        ["May", "June"],
        ["A-2024-05", "B-2024-06"],
    ],
)
def test_other_texts_are_no_timestamps(texts: list[str]) -> None:
    assert not looks_like_time(strings("code", texts))


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["03/04/2024 10:00", "05/06/2024 11:00"], r"two ways.*input\.date_format=day_first"),
        (["31/01/2024", "01/31/2024"], r"some dates of 'at' have the day first"),
        (["2024-01-31T10:00Z", "2024-01-31T10:00"], r"some have none"),
    ],
)
def test_two_readings_are_refused(texts: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        as_time(strings("at", texts))


def test_a_style_of_all_cells_decides_in_other_data() -> None:
    style = decided_style(strings("at", ["31/01/2024 10:00", "03/04/2024 10:00"]))
    later = as_time(strings("at", ["03/04/2024 10:00"]), style=style)
    assert later is not None and later.values[0] == np.datetime64("2024-04-03T10:00")


def test_fractions_of_a_second_are_kept_and_their_step_is_named() -> None:
    """Four measurements per second."""
    start = np.datetime64("2024-01-01T00:00:00.000")
    stamps = [
        str(start + step * np.timedelta64(250, "ms")).replace("T", " ") for step in range(300)
    ]
    path = write("fast.csv", ["time", "a"], stamps, np.sin(np.arange(300)).round(3).tolist())
    assert described(path, time="time", output="a") == [
        "PASS  'time' is evenly spaced over 300 steps of 0.25 s"
    ]


def test_seconds_since_1970_are_said_and_their_gaps_found() -> None:
    stamps = [1_700_000_000 + 3600 * hour for hour in range(400) if not 200 <= hour < 260]
    path = write("load.csv", ["ts", "load"], stamps, np.sin(np.arange(340) / 4).round(3).tolist())
    first, second = described(path, time="ts", output="load")
    assert first == (
        "PASS  'ts': 1700000000 is 2023-11-14T22:13:20, counted from 1970 "
        "-> input.date_format=unix_seconds"
    )
    assert second.startswith("WARN  1 of 339 steps of 'ts' are not the usual one")
    assert "between 2023-11-23T05:13:20 and 2023-11-25T18:13:20" in second
    assert described(path, output="load") == [first, second]


def test_the_steps_of_plain_numbers_are_checked() -> None:
    values = np.sin(np.arange(100) / 4).round(3).tolist()
    path = write("n.csv", ["t", "y"], [round(0.1 * step, 1) for step in range(100)], values)
    assert described(path, time="t", output="y") == ["PASS  't' is evenly spaced over 100 steps"]
    path = write("n.csv", ["t", "y"], [step + 7 * (step > 50) for step in range(100)], values)
    (finding,) = described(path, time="t", output="y")
    assert finding.startswith("WARN  1 of 99 steps of 't' are not the usual one, the longest "
                              "between 50 and 58")  # fmt: skip


def test_a_table_reads_a_clock_of_twelve_hours(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    hours = generator.integers(0, 24, 300)
    days = generator.integers(1, 29, 300)
    stamps = [
        f"{day % 12 + 1:02}/{day:02}/2023 {(hour - 1) % 12 + 1:02}:15:00 {'AP'[hour >= 12]}M"
        for hour, day in zip(hours.tolist(), days.tolist(), strict=True)
    ]
    busy = np.where((hours >= 7) & (hours < 19), "y", "n").tolist()
    path = write("rides.csv", ["pickup", "dist", "busy"], stamps, generator.normal(size=300), busy)
    run = ki.load(str(path), output="busy", words={"process.epochs": 3}).fit(out="run")
    assert run.task.input["datetime"] == ("pickup",)
    assert run.evaluate()[0]["accuracy"] > 0.95
    for stamp, expected in (("04/03/2023 10:15:00 PM", "n"), ("04/03/2023 10:15:00 AM", "y")):
        prediction = ki.open("run").predict({"pickup": stamp, "dist": 0.1})
        assert prediction == expected


CASES = {
    ("year", "month", "day", "hour"): ([2024, 2024], [1, 2], [31, 1], [23, 0]),
    ("Year", "Mo", "Day"): ([2024, 2024], [1, 2], [31, 1]),
    ("YEAR", "MONTH"): ([2023, 2024], ["Dec", "Jan"]),
    ("yr", "mnth", "dd", "hr", "min"): ([24, 24], [1, 1], [31, 31], [10, 10], [0, 30]),
    ("year", "quarter"): ([2024, 2024], ["Q1", "Q2"]),
    ("year", "doy"): ([2024, 2024], [31, 32]),
    ("Date", "Time"): (["31/01/2024", "01/02/2024"], ["18.00.00", "19.30.00"]),
    ("date", "hour"): (["2024-01-31", "2024-01-31"], [5, 6]),
    ("date", "time"): (["01/31/2024", "01/31/2024"], ["02:30 PM", "11:00 PM"]),
}
STAMPS = [
    ["2024-01-31T23", "2024-02-01T00"],
    ["2024-01-31", "2024-02-01"],
    ["2023-12-01", "2024-01-01"],
    ["2024-01-31T10:00", "2024-01-31T10:30"],
    ["2024-01-01", "2024-04-01"],
    ["2024-01-31", "2024-02-01"],
    ["2024-01-31T18:00", "2024-02-01T19:30"],
    ["2024-01-31T05", "2024-01-31T06"],
    ["2024-01-31T14:30", "2024-01-31T23:00"],
]


@pytest.mark.parametrize(("titles", "stamps"), list(zip(CASES, STAMPS, strict=True)))
def test_several_columns_are_one_timestamp(titles: tuple[str, ...], stamps: list[str]) -> None:
    columns = [[*column, *column[::-1], *column] for column in CASES[titles]]
    path = write("some.csv", [*titles, "y"], *columns, range(6))
    frame = read_table(str(path), FileWords())[0]
    for named in (titles, titles[0]):
        match = combined_time(frame, named)
        assert match is not None and set(match.names) == set(titles)
        values = match.column.values[:2]
        np.testing.assert_array_equal(values, np.array(stamps, "datetime64[s]"))


def air(rows: int = 1200) -> Path:
    """Writes a table of hourly values in order of time, which drift slowly."""
    generator = np.random.default_rng(0)
    hours = np.datetime64("2010-01-01T00") + np.arange(rows)
    parts = [np.array([getattr(t, part) for t in hours.tolist()]) for part in
             ("year", "month", "day", "hour")]  # fmt: skip
    drift = np.cumsum(generator.normal(size=rows)).round(2)
    wind = generator.choice(["NW", "SE", "cv"], rows)
    noise = generator.normal(size=rows).round(2)
    titles = ["No", "year", "month", "day", "hour", "pm", "temp", "wind"]
    return write("air.csv", titles, range(1, rows + 1), *parts, drift, noise, wind)


def test_rows_that_follow_time_are_split_by_time() -> None:
    path = air()
    findings = described(path, output="pm")
    assert any(
        text.startswith("PASS  'year' with month, day, hour is one timestamp: 2010-01-01T00:00:00")
        for text in findings
    )
    assert any(
        text.startswith("WARN  'pm' resembles its neighbors in 'time'")
        and text.endswith("input.split.method=random changes that")
        for text in findings
    )
    words = {"process.epochs": 1, "output.baselines": ["mean"]}
    pipeline = ki.load(str(path), output="pm", words=words).fit(out="run").pipeline()
    assert pipeline.splits["test"].tolist() == list(range(960, 1200))
    assert ki.open("run").task.input["split"]["method"] == "time"
    assert not any("resembles" in text for text in described(path, output="temp"))
    mixed = pd.read_csv(path).sample(frac=1, random_state=0)
    drawn = ki.load(mixed, output="pm", words=words).fit(out="mixed").pipeline()
    hours = mixed.iloc[drawn.splits["test"]]["No"]
    assert sorted(hours) == list(range(961, 1201))
    series = described(path, output="temp", time="year")
    assert series[-1] == "PASS  'time' is evenly spaced over 1200 steps"


@pytest.mark.parametrize("drifts", [True, False])
def test_a_table_of_several_series_is_split_by_time_where_neighbors_resemble(drifts: bool) -> None:
    """A different mean per store does not count as resemblance."""
    generator = np.random.default_rng(0)
    parts = []
    for number, store in enumerate("ABC"):
        noise = generator.normal(size=200)
        sales = 100 * number + (np.cumsum(noise) if drifts else noise)
        days = pd.date_range("2024-01-01", periods=200).astype(str)
        parts.append(pd.DataFrame({"store": store, "day": days, "sales": sales.round(2)}))
    table = pd.concat(parts)
    table["promo"] = generator.choice(["yes", "no"], 600)
    task = ki.load(table, output="sales")
    assert any("'sales' resembles" in item.message for item in task.check()) == drifts


def test_new_rows_with_the_time_in_columns_are_read_as_in_training() -> None:
    """Two new rows in two years: the year alone would be the whole time."""
    stamps = pd.date_range("2000-01-01", periods=120, freq="MS")
    table = pd.DataFrame({"year": stamps.year, "month": stamps.month})
    table["y"] = np.sin(np.arange(120)).round(3)
    words = {"process.epochs": 1, "process.net": "linear", "input.window": 2}
    run = ki.load(table, output="y", time="year", horizon=2, words=words).fit(out="run")
    forecast = run.predict_all([table.iloc[107:109]])[0][0][0]
    assert forecast.steps is not None
    assert forecast.steps.labels == ("2009-02-01", "2009-03-01")

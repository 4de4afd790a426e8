"""Tables with one series per row, whose columns are steps: dates, years, numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import kissipo as ki
from kissipo.cli.main import main
from kissipo.core.errors import DataError, TaskError
from kissipo.core.frame import Frame
from kissipo.input.formats.dataframe import from_dataframe
from kissipo.input.series_order import OrderedRows, TimeOptions, order_rows
from kissipo.input.sources import series
from kissipo.input.step_columns import steps_in
from kissipo.input.wide_series import find_wide
from kissipo.runs.check_data import check_data

Out = pytest.CaptureFixture[str]
NAMES = ["France", "Spain", "Italy", "Chad", "Mali", "Peru"]
WAVE = 50 + 10 * np.sin(np.arange(80) * np.pi / 6) + np.arange(6)[:, None] * 10
VALUES = (WAVE + np.random.default_rng(0).normal(size=WAVE.shape)).round(2)
YEARS = [str(year) for year in range(1960, 2024)]


def wide(columns: list[str], **names: object) -> pd.DataFrame:
    """Returns a table with six series in its rows, and columns beside them."""
    table = pd.DataFrame(VALUES[:, : len(columns)], columns=columns)
    for place, (name, cells) in enumerate(names.items()):
        table.insert(place, name, cells)
    return table


def read(table: pd.DataFrame | str) -> OrderedRows:
    """Reads a table as series in rows, and returns them in order of time."""
    text = table if isinstance(table, str) else table.to_csv(index=False)
    Path("a.csv").write_text(text)
    words = series.Options(series_in_rows=True)
    reading = series.SOURCE.read("a.csv", words)
    return order_rows(reading.frame, TimeOptions(), targets=["value"])


def series_of(rows: OrderedRows, name: str) -> Frame:
    assert rows.series_id is not None
    column = rows.frame[rows.series_id]
    return rows.frame.take(np.array([text == name for text in column.texts()]))


DATES = pd.date_range("2020-01-01", periods=60)
MONTHS = pd.date_range("2015-01-01", periods=60, freq="MS")
HEADERS: dict[str, tuple[list[str], str]] = {
    "ISO": ([str(day.date()) for day in DATES], "2020-01-02"),
    "month/day/year": ([f"{day.month}/{day.day}/{day:%y}" for day in DATES], "2020-01-02"),
    "written by R": ([f"X{day:%Y.%m.%d}" for day in DATES], "2020-01-02"),
    "Jan-15": ([f"{day:%b-%y}" for day in MONTHS], "2015-02-01"),
    "2015-01": ([f"{day:%Y-%m}" for day in MONTHS], "2015-02-01"),
    "201501": ([f"{day:%Y%m}" for day in MONTHS], "2015-02-01"),
    "2015M01": ([f"{day:%Y}M{day:%m}" for day in MONTHS], "2015-02-01"),
    "years": (YEARS, "1961-01-01"),
    "newest first": (YEARS[::-1], "1961-01-01"),
    "Y1960": ([f"Y{year}" for year in YEARS], "1961-01-01"),
    "1960 [YR1960]": ([f"{year} [YR{year}]" for year in YEARS], "1961-01-01"),
    "quarters": ([f"{year}Q{q}" for year in range(2000, 2015) for q in (1, 2, 3, 4)], "2000-04-01"),
}


@pytest.mark.parametrize("header", HEADERS)
def test_each_row_is_a_series_below_timestamps(header: str) -> None:
    columns, second = HEADERS[header]
    rows = read(wide(columns, Country=NAMES))
    assert rows.series_id == "Country" and len(rows.starts) == 7
    part = series_of(rows, "Mali")
    expected = VALUES[4, : len(columns)]
    expected = expected[::-1] if header == "newest first" else expected
    np.testing.assert_array_equal(part["value"].values, expected)
    assert str(part[rows.time or ""].values[1])[:10] == second


def test_series_of_different_lengths_below_numbers() -> None:
    lines = [",".join(f'"V{place}"' for place in range(1, 52))]
    lengths = [50, 31, 40, 22, 50, 28]
    for row, length in enumerate(lengths):
        cells = [f"{value}" for value in VALUES[row, :length]] + [""] * (50 - length)
        lines.append(",".join([f"Y{row + 1}", *cells]))
    Path("m.csv").write_text("\n".join(lines))
    rows = read("\n".join(lines))
    assert rows.series_id == "V1" and rows.time == "step"
    assert np.diff(rows.starts).tolist() == lengths
    np.testing.assert_array_equal(series_of(rows, "Y4")["value"].values, VALUES[3, :22])
    texts = [item.describe() for item in check_data("m.csv", horizon=2)]
    assert any("each of 6 rows is one series of 50 steps, in the columns 'V2'" in x for x in texts)
    assert any("Y1 (50 steps), Y2 (31 steps), Y3 (40 steps)" in text for text in texts)


def test_two_columns_name_the_series_where_one_is_often_empty() -> None:
    columns, _ = HEADERS["month/day/year"]
    places = [*NAMES[:3], "China", "China", "China"]
    table = wide(columns, Province=["", "", "", "Anhui", "Hubei", "Jilin"], Country=places, Lat=1.5)
    rows = read(table)
    assert rows.series_id == "Province / Country"
    names = list(rows.frame["Province / Country"].counts())
    assert names == [*NAMES[:3], "Anhui / China", "Hubei / China", "Jilin / China"]
    part = series_of(rows, "Hubei / China")
    np.testing.assert_array_equal(part["value"].values, VALUES[4, :60])


def world_bank() -> str:
    table = wide(YEARS, **{"Country Name": NAMES, "Country Code": "XXX", "Indicator Name": "GDP"})
    table.loc[1, YEARS[:5]] = np.nan
    table["2023"] = np.nan
    head = '"Data Source","World Development Indicators",\n\n"Last Updated Date","2024-05-30",\n\n'
    return head + table.to_csv(index=False, quoting=1, lineterminator=",\n")


def test_lines_above_years_and_a_separator_at_the_line_ends(capsys: Out) -> None:
    Path("gdp.csv").write_text(world_bank())
    assert main(["data", "check", "gdp.csv"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "each of 6 rows is one series of 64 steps, in the columns '1960' to '2023'" in text
    assert "the header is line 5" in text and "France (63 steps), Spain (58 steps)" in text
    assert "Country Code, Indicator Name, column68 are left out" in text


def test_fit_predict_and_the_timestamps_of_the_forecasts(capsys: Out) -> None:
    Path("gdp.csv").write_text(world_bank())
    words = ["epochs=1", "net=linear", "input.window=8"]
    assert main(["fit", "gdp.csv", "--horizon", "2", *words, "--out", "run"]) == 0
    new = wide(YEARS, **{"Country Name": NAMES}).iloc[:2, [0, *range(40, 65)]]
    new.to_csv("new.csv", index=False)
    capsys.readouterr()
    assert main(["predict", "run", "--file", "new.csv"]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert lines[0][:3] == ["series", "time", "value"]
    assert [line[:2] for line in lines[1:]] == [
        [name, year] for name in NAMES[:2] for year in ("2024-01-01", "2025-01-01")
    ]
    table = ki.open("run").predict(new)
    assert isinstance(table, pd.DataFrame)
    assert table["series"].tolist() == ["France", "France", "Spain", "Spain"]
    printed = [float(line[2]) for line in lines[1:]]
    np.testing.assert_allclose(table["prediction"], printed, rtol=1e-3)


_MONTHS = [f"{month:%b}" for month in pd.date_range("2014-01-01", periods=12, freq="MS")]
_GRID = (np.arange(40)[:, None] * 100 + np.arange(48)).astype(float)


def _calendar(columns: list[str], **dates: object) -> pd.DataFrame:
    table = pd.DataFrame(_GRID[:, : len(columns)], columns=columns)
    for place, (name, cells) in enumerate(dates.items()):
        table.insert(place, name, cells)
    return table


_DAYS = pd.date_range("2014-01-01", periods=40)
_PARTS = {"year": _DAYS.year, "month": _DAYS.month, "day": _DAYS.day}
CALENDARS: dict[str, tuple[pd.DataFrame, str, str]] = {
    "months": (_calendar(_MONTHS, Year=range(1950, 1990)), "1950-01-01", "1950-02-01"),
    "months in capitals": (
        _calendar([name.upper() for name in _MONTHS], YEAR=range(1950, 1990)),
        "1950-01-01",
        "1950-02-01",
    ),
    "quarters": (
        _calendar(["Q1", "Q2", "Q3", "Q4"], Year=range(1950, 1990)),
        "1950-01-01",
        "1950-04-01",
    ),
    "hours": (
        _calendar([f"H{hour}" for hour in range(1, 25)], Date=_DAYS.astype(str)),
        "2014-01-01T01",
        "2014-01-01T02",
    ),
    "hours of year, month, day": (
        _calendar([f"h{hour}" for hour in range(24)], **_PARTS),
        "2014-01-01T00",
        "2014-01-01T01",
    ),
    "half hours": (
        _calendar(
            [f"{hour:02}:{minute:02}" for hour in range(24) for minute in (0, 30)],
            Day=_DAYS.astype(str),
        ),
        "2014-01-01T00:00",
        "2014-01-01T00:30",
    ),
}


@pytest.mark.parametrize("case", CALENDARS)
def test_months_below_years_and_hours_below_days_are_one_series(case: str) -> None:
    table, first, second = CALENDARS[case]
    Path("a.csv").write_text(table.to_csv(index=False))
    rows = read(table)
    assert rows.series_id is None and rows.time is not None
    stamps = rows.frame[rows.time].values
    assert str(stamps[0]).startswith(first) and str(stamps[1]).startswith(second)
    steps = table.shape[1] - (3 if "year," in case else 1)
    np.testing.assert_array_equal(rows.frame["value"].values, _GRID[:, :steps].reshape(-1))
    assert [item.level for item in check_data("a.csv") if item.level == "FAIL"] == []


def test_days_that_a_month_has_not_are_no_gaps() -> None:
    months = pd.date_range("2014-01-01", periods=24, freq="MS")
    cells = [[day if day <= m.days_in_month else None for day in range(1, 32)] for m in months]
    table = pd.DataFrame(cells, columns=[str(day) for day in range(1, 32)])
    table.insert(0, "Month", months.month)
    table.insert(0, "Year", months.year)
    rows = read(table)
    assert rows.time is not None
    stamps = rows.frame[rows.time].values.astype("datetime64[D]")
    np.testing.assert_array_equal(stamps, np.arange("2014-01-01", "2016-01-01", dtype="M8[D]"))
    days = [int(str(stamp)[-2:]) for stamp in stamps]
    assert rows.frame["value"].values.tolist() == days


def test_zones_beside_days_are_several_series() -> None:
    table = pd.concat([CALENDARS["hours"][0].assign(zone=zone) for zone in ("north", "south")])
    rows = read(table)
    assert rows.series_id == "zone" and np.diff(rows.starts).tolist() == [960, 960]


def test_two_values_per_step() -> None:
    years = range(1980, 2020)
    table = wide([f"sales_{year}" for year in years], store=NAMES)
    costs = wide([f"cost_{year}" for year in years]) * 2
    both = pd.concat([table, costs], axis=1)
    both.to_csv("a.csv", index=False)
    rows = read(both)
    part = series_of(rows, "Chad")
    np.testing.assert_array_equal(part["sales"].values, VALUES[3, :40])
    np.testing.assert_array_equal(part["cost"].values, VALUES[3, :40] * 2)
    with pytest.raises(TaskError, match=r"which value .* sales, cost.*--output sales"):
        ki.load("a.csv", horizon=2)
    assert ki.load("a.csv", horizon=2, output="cost").output["forecast"] == "cost"


def test_blanks_between_values_leave_a_series_out() -> None:
    table = wide(YEARS, Country=NAMES)
    table.loc[2, "1990"] = np.nan
    table.loc[4, YEARS] = np.nan
    table.to_csv("a.csv", index=False)
    texts = [item.describe() for item in check_data("a.csv", horizon=2)]
    assert any("1 of 6 series have blanks between their values: Italy" in text for text in texts)
    assert any("1 row has no values: Mali" in text for text in texts)
    table.loc[:, "1990"] = np.nan
    table.to_csv("a.csv", index=False)
    with pytest.raises(DataError, match=r"blanks between their values.*Fill the blanks"):
        read(table)


def test_rows_without_names_are_called_by_their_numbers() -> None:
    reading = series.SOURCE.read(wide(YEARS), series.Options(series_in_rows=True))
    rows = order_rows(reading.frame, TimeOptions(), targets=["value"])
    assert rows.series_id == "series"
    np.testing.assert_array_equal(series_of(rows, "3")["value"].values, VALUES[2, :64])


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ({"horizon": 2, "output": "2020"}, r"'2020' as a column.*--output value"),
        ({"horizon": 2, "output": "GDP"}, r"'GDP' as a column.*--output value"),
        ({"horizon": 2, "time": "Year"}, r"'Year' as a column.*Leave --time out"),
    ],
)
def test_a_question_of_other_columns_is_refused(question: dict[str, object], message: str) -> None:
    wide(YEARS, Country=NAMES).to_csv("a.csv", index=False)
    with pytest.raises(DataError, match=message):
        ki.load("a.csv", **question)  # type: ignore[arg-type]


RANDOM = np.random.default_rng(1)


def features(name: str, count: int, **others: object) -> pd.DataFrame:
    columns = [name.format(number) for number in range(1, count + 1)]
    table = pd.DataFrame(RANDOM.normal(size=(60, count)).round(4), columns=columns)
    return table.assign(**others)


NEIGHBORS: dict[str, tuple[pd.DataFrame, str]] = {
    "pixels": (features("pixel{}", 64, digit=np.arange(60) % 10), "digit"),
    "spectra": (features("{}00 nm", 40, species=["a", "b"] * 30), "species"),
    "genes": (features("gene{}", 50, y=[0, 1] * 30), "y"),
    "principal components": (features("V{}", 28, Time=range(60), Class=[0, 1] * 30), "Class"),
    "a survey by years": (
        features("sales_202{}", 5, id=range(60), target=[0, 1] * 30),
        "target",
    ),
    "years as features": (
        features("201{}", 6, age=np.arange(60) % 40, churn=[0, 1] * 30),
        "churn",
    ),
}


@pytest.mark.parametrize("case", NEIGHBORS)
def test_tables_of_many_numbers_stay_tables(case: str) -> None:
    table, output = NEIGHBORS[case]
    table.to_csv("a.csv", index=False)
    task = ki.load("a.csv", output=output)
    assert "table" in task.input and task.output == {"category": output}
    assert not any("series" in finding.check for finding in check_data("a.csv", output=output))


@pytest.mark.parametrize("name", ["pixel{}", "store_{}", "gene{}", "lag_{}", "V{}"])
def test_columns_that_may_be_steps_or_series_are_asked_for(name: str) -> None:
    features(name, 12).to_csv("a.csv", index=False)
    with pytest.raises(TaskError, match=r"which column.*input\.series_in_rows=true"):
        ki.load("a.csv", horizon=3)


@pytest.mark.parametrize("name", ["store_{}", "shop {}", "d_{}", "201{}"])
def test_one_column_per_series_below_timestamps_stays_so(name: str) -> None:
    table = features(name, 8)
    table.insert(0, "date", [str(day.date()) for day in DATES])
    table.to_csv("a.csv", index=False)
    column = name.format(2)
    task = ki.load("a.csv", horizon=3, output=column)
    assert "series_in_rows" not in task.input
    texts = [item.describe() for item in check_data("a.csv", output=column, horizon=3)]
    assert any("'date' is evenly spaced over 60 steps" in text for text in texts)


def test_the_option_without_steps_is_refused() -> None:
    features("x{}", 3, kind="a").to_csv("a.csv", index=False)
    with pytest.raises(DataError, match=r"no columns of a\.csv are the steps.*x1, x2, x3, kind"):
        read(Path("a.csv").read_text())


@pytest.mark.parametrize(
    "names",
    [
        ["a1", "a2", "a4", "a5"],
        ["Jan", "Feb", "Mar", "Apr"],
        ["2019", "2021", "2020", "2022"],
        ["q1", "q2", "q3"],
        ["03/04/2024", "x", "y", "z"],
    ],
)
def test_other_names_are_no_steps(names: list[str]) -> None:
    assert steps_in(names) == []


def test_dates_in_two_readings_are_refused() -> None:
    table = wide([f"{day}/{day}/2024" for day in range(1, 5)], Country=NAMES)
    assert find_wide(from_dataframe(table, origin="it")) is not None
    columns = ["01/02/2024", "02/03/2024", "03/04/2024", "04/05/2024"]
    with pytest.raises(DataError, match=r"two ways.*day first"):
        find_wide(from_dataframe(wide(columns, Country=NAMES), origin="it"))

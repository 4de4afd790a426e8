"""Years with a fraction, quarters, halves of years, days of the year."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import kissipo as ki
from kissipo.cli.main import main
from kissipo.core.frame import numbers, strings
from kissipo.core.time.timestamps import looks_like_time, read_time
from kissipo.runs.check_data import check_data

Out = pytest.CaptureFixture[str]
COUNT = 80
MONTHS = pd.date_range("1958-03-01", periods=COUNT, freq="MS")
QUARTERS = pd.date_range("1990-01-01", periods=COUNT, freq="QS")
DAYS = pd.date_range("2015-12-01", periods=COUNT)
QUARTER_PAIRS = [(day.year, (day.month + 2) // 3) for day in QUARTERS]
TREND = (100 + np.arange(COUNT) + 10 * np.sin(np.arange(COUNT) * np.pi / 6)).round(3)


def year_fraction(days: pd.DatetimeIndex, part: float = 0.0) -> np.ndarray:
    """Returns the years with their fraction, by the day as in climate data."""
    lengths = np.where(days.is_leap_year, 366, 365)
    return np.asarray(days.year + (days.day_of_year - 1 + part) / lengths)


DECIMALS: dict[str, tuple[np.ndarray, pd.DatetimeIndex]] = {
    "months, exact": (np.asarray(MONTHS.year + (MONTHS.month - 1) / 12), MONTHS),
    "months, two digits": (np.asarray(MONTHS.year + (MONTHS.month - 1) / 12).round(2), MONTHS),
    "middle of the month": (np.asarray(MONTHS.year + (MONTHS.month - 0.5) / 12).round(3), MONTHS),
    "the 15th": (year_fraction(MONTHS + pd.Timedelta(days=14)).round(4), MONTHS),
    "quarters": (np.asarray(QUARTERS.year + (QUARTERS.month - 1) / 12), QUARTERS),
    "days": (year_fraction(DAYS).round(4), DAYS),
    "noons": (year_fraction(DAYS, 0.5).round(6), DAYS),
}


@pytest.mark.parametrize("case", DECIMALS)
def test_years_with_a_fraction(case: str) -> None:
    values, expected = DECIMALS[case]
    reading = read_time(numbers("time", values))
    assert reading is not None and reading.style == "decimal_years"
    assert "a year with a fraction" in reading.reason
    dates = reading.column.values.astype("datetime64[D]")
    np.testing.assert_array_equal(dates, expected.to_numpy("datetime64[D]"))
    again = read_time(numbers("time", values[:4]), style="decimal_years")
    assert again is not None
    np.testing.assert_array_equal(again.column.values, reading.column.values[:4])


@pytest.mark.parametrize(
    "values",
    [
        np.arange(1700.5, 1790),
        1800 + np.random.default_rng(0).uniform(0, 90, 50),
        np.arange(50) / 4,
    ],
)
def test_other_fractions_stay_numbers(values: np.ndarray) -> None:
    assert read_time(numbers("time", values)) is None


def test_prices_with_a_fraction_are_no_timestamps() -> None:
    values = DECIMALS["quarters"][0]
    assert looks_like_time(numbers("decimal_date", values))
    assert not looks_like_time(numbers("price", values))


SPELLINGS: dict[str, list[str]] = {
    "1Q90": [f"{part}Q{year % 100:02}" for year, part in QUARTER_PAIRS],
    "Q1 1990": [f"Q{part} {year}" for year, part in QUARTER_PAIRS],
    "1990-Q1": [f"{year}-Q{part}" for year, part in QUARTER_PAIRS],
    "Q1'90": [f"Q{part}'{year % 100:02}" for year, part in QUARTER_PAIRS],
    "Q1-90": [f"Q{part}-{year % 100:02}" for year, part in QUARTER_PAIRS],
    "1Q1990": [f"{part}Q{year}" for year, part in QUARTER_PAIRS],
    "1990.Q1": [f"{year}.Q{part}" for year, part in QUARTER_PAIRS],
    "1990:1": [f"{year}:{part}" for year, part in QUARTER_PAIRS],
    "1990:Q1": [f"{year}:Q{part}" for year, part in QUARTER_PAIRS],
    "1. Quartal 1990": [f"{part}. Quartal {year}" for year, part in QUARTER_PAIRS],
    "1er trimestre 1990": [f"{part}er trimestre {year}" for year, part in QUARTER_PAIRS],
    "T1 1990": [f"T{part} {year}" for year, part in QUARTER_PAIRS],
    "1T90": [f"{part}T{year % 100:02}" for year, part in QUARTER_PAIRS],
    "1990年第1季度": [f"{year}年第{part}季度" for year, part in QUARTER_PAIRS],
}


@pytest.mark.parametrize("case", SPELLINGS)
def test_quarters_are_the_first_day_of_their_first_month(case: str) -> None:
    reading = read_time(strings("when", SPELLINGS[case]))
    assert reading is not None
    np.testing.assert_array_equal(reading.column.values, QUARTERS.to_numpy("datetime64[s]"))


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["2023-H2", "2024-H1"], ["2023-07-01", "2024-01-01"]),
        (["H2 2023", "H1 2024"], ["2023-07-01", "2024-01-01"]),
        (["1999:12", "2000:01"], ["1999-12-01", "2000-01-01"]),
        (["2016-060", "2016-366", "2017-001"], ["2016-02-29", "2016-12-31", "2017-01-01"]),
        (["2014-001T06:30:00", "2014-032T00:00:00"], ["2014-01-01T06:30", "2014-02-01"]),
    ],
)
def test_halves_of_years_and_days_of_the_year(texts: list[str], expected: list[str]) -> None:
    reading = read_time(strings("date", texts))
    assert reading is not None
    assert reading.column.values.tolist() == np.array(expected, "M8[s]").tolist()


@pytest.mark.parametrize(
    "texts",
    [
        ["1T24", "2T10", "4T99"],  # codes
        ["2H11", "1H53"],
        ["2014-367", "2014-001"],
        ["2015-366", "2015-001"],
        ["1990:5", "1990:1"],
        ["5Q90", "1Q90"],
    ],
)
def test_other_codes_are_no_timestamps(texts: list[str]) -> None:
    assert read_time(strings("date", texts)) is None


def test_numbers_of_invoices_are_no_days_of_the_year() -> None:
    texts = [f"2024-{number:03}" for number in range(1, 90)]
    assert looks_like_time(strings("date", texts)) and not looks_like_time(strings("no", texts))


def test_seven_digits_are_a_year_and_the_day_in_it() -> None:
    values = [int(f"{day:%Y%j}") for day in DAYS]
    reading = read_time(numbers("YEARDOY", values))
    assert reading is not None and reading.style == "%Y%j"
    np.testing.assert_array_equal(reading.column.values, DAYS.to_numpy("datetime64[s]"))
    assert looks_like_time(numbers("date", values))
    assert not looks_like_time(numbers("part", values))


NEXT: dict[str, tuple[list[object], list[str]]] = {
    "decimal": (DECIMALS["middle of the month"][0].tolist(), ["1964-11-01", "1964-12-01"]),
    "quarters": (list(SPELLINGS["1Q90"]), ["2010-01-01", "2010-04-01"]),
    "days": ([f"{day:%Y-%j}" for day in DAYS], ["2016-02-19", "2016-02-20"]),
}


@pytest.mark.parametrize("case", NEXT)
def test_fit_predict_and_the_timestamps_to_come(case: str, capsys: Out) -> None:
    stamps, expected = NEXT[case]
    pd.DataFrame({"when": stamps, "value": TREND}).to_csv("a.csv", index=False)
    words = ["--time", "when", "--horizon", "2", "epochs=1", "net=linear", "input.window=8"]
    assert main(["fit", "a.csv", *words, "--out", "run"]) == 0
    pd.read_csv("a.csv").iloc[-12:].to_csv("new.csv", index=False)
    capsys.readouterr()
    assert main(["predict", "run", "--file", "new.csv"]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [line[0] for line in lines[1:]] == expected


def test_a_table_with_quarters_has_timestamps() -> None:
    rows = [
        f"{text},{number % 7},{'ab'[number % 2]}" for number, text in enumerate(SPELLINGS["1Q90"])
    ]
    Path("a.csv").write_text("when,x,kind\n" + "\n".join(rows) + "\n")
    task = ki.load("a.csv", output="kind")
    assert "table" in task.input
    texts = [item.describe() for item in check_data("a.csv", output="kind")]
    assert not any("characters" in text or "left out" in text for text in texts)

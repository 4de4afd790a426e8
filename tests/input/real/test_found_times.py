"""Files as found in the world: dates and clocks of other languages and programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from kissipo.core.frame import numbers, strings
from kissipo.core.time.timestamps import looks_like_time, read_time
from kissipo.input.formats.tables import FileWords, read_table
from kissipo.input.infer_types import guess_kinds
from kissipo.input.time_columns import combined_time
from kissipo.runs.check_data import check_data

SHUFFLED = np.random.default_rng(2).permutation(100).tolist()


def write(*lines: str, name: str = "a.csv") -> Path:
    """Writes a file and returns its path."""
    Path(name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Path(name)


def described(path: Path, **question: str) -> list[str]:
    """Returns the findings of the data check as texts."""
    return [finding.describe() for finding in check_data(str(path), **question)]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["1. Januar 2024", "15. März 2024"], ["2024-01-01", "2024-03-15"]),
        (["3. Mär 2021", "9. Okt 2021"], ["2021-03-03", "2021-10-09"]),
        (["Mai 2020", "Juni 2020"], ["2020-05-01", "2020-06-01"]),
        (["14 août 2023", "1 février 2024"], ["2023-08-14", "2024-02-01"]),
        (["5 de enero de 2022", "20 de agosto de 2022"], ["2022-01-05", "2022-08-20"]),
        (["2 gennaio 2024", "3 maggio 2024"], ["2024-01-02", "2024-05-03"]),
        (["7 июля 2023", "1 мая 2023"], ["2023-07-07", "2023-05-01"]),
        (["3 mei 2024 14:30", "4 maart 2024 9:00"], ["2024-05-03T14:30", "2024-03-04T09:00"]),
    ],
)  # fmt: skip
def test_names_of_months_in_other_languages(texts: list[str], expected: list[str]) -> None:
    reading = read_time(strings("d", texts))
    assert reading is not None
    assert reading.column.values.tolist() == np.array(expected, "M8[s]").tolist()


@pytest.mark.parametrize(
    ("texts", "expected", "era"),
    [
        (["民國112年1月5日", "民國113年12月31日"], ["2023-01-05", "2024-12-31"], "民國"),
        (["112/01/05", "113/2/29"], ["2023-01-05", "2024-02-29"], "the Republic of China"),
        (["112年3月", "112年4月"], ["2023-03-01", "2023-04-01"], "the Republic of China"),
        (["令和6年4月1日", "令和元年5月1日"], ["2024-04-01", "2019-05-01"], "令和"),
        (["平成31年4月30日"], ["2019-04-30"], "平成"),
    ],
)
def test_years_of_an_era(texts: list[str], expected: list[str], era: str) -> None:
    reading = read_time(strings("d", texts))
    assert reading is not None
    assert reading.column.values.tolist() == np.array(expected, "M8[s]").tolist()
    assert reading.reason == f"'{texts[0]}' is {expected[0]}, in years of {era}"


@pytest.mark.parametrize(
    "texts", [["120/80/70", "135/90/65"], ["1/2", "3/4"], ["Mai", "Juni"], ["March 5", "May 7"]]
)
def test_other_texts_are_no_dates(texts: list[str]) -> None:
    assert not looks_like_time(strings("d", texts))


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("date", [45292, 45293, 45300], "2024-01-01"),
        ("Order Date", [44197.5, 44200, 44201], "2021-01-01T12:00"),
        ("datum", [36526, 36527, 36528], "2000-01-01"),
        ("FECHA", [40179, 40180, 40190], "2010-01-01"),
        ("dt", [45000, 45001, 45003], "2023-03-15"),
    ],
)
def test_serial_dates_of_spreadsheets(name: str, values: list[float], expected: str) -> None:
    column = numbers(name, values)
    assert looks_like_time(column)
    reading = read_time(column)
    assert reading is not None and reading.style == "spreadsheet_days"
    assert reading.column.values[0] == np.datetime64(expected)


@pytest.mark.parametrize(
    ("name", "values"),
    [("price", [45292, 45293, 45300]), ("date", [1, 2, 3]), ("zip_code", [45292, 45293, 45294])],
)
def test_other_numbers_are_no_serial_dates(name: str, values: list[float]) -> None:
    assert not looks_like_time(numbers(name, values))


@pytest.mark.parametrize(
    "style", ["%Y-%m-%d", "%d.%m.%Y", "%Y/%m/%d", "%d-%b-%Y", "%Y%m%d", "%Y-%m-%dT%H:%M"]
)
def test_unique_dates_are_not_an_id(style: str) -> None:
    days = [
        (np.datetime64("2024-01-01T00:00") + np.timedelta64(day, "D")).item() for day in SHUFFLED
    ]
    path = write(
        "date,a,y", *(f"{day.strftime(style)},{day.day % 7},{day.day % 3}" for day in days)
    )
    frame = read_table(path, FileWords())[0]
    assert [guess.kind for guess in guess_kinds(frame, ["date", "a"])] == ["datetime", "number"]


@pytest.mark.parametrize("form", ["ID-2024-{:04d}", "2024-{:04d}", "{:05d}", "A{:03d}", "x{}-9"])
def test_unique_codes_stay_ids(form: str) -> None:
    path = write("code,a,y", *(f"{form.format(row)},{row % 7},{row % 3}" for row in SHUFFLED))
    frame = read_table(path, FileWords())[0]
    assert guess_kinds(frame, ["code", "a"])[0].kind == "drop"


def test_ambiguous_dates_of_a_table_are_refused() -> None:
    rows = [f"{1 + row % 12:02d}/{1 + row // 12:02d}/2024,{row * row % 17}.5" for row in range(60)]
    assert any(
        "input.date_format=%d/%m/%Y (day first) or input.date_format=%m/%d/%Y" in text
        for text in described(write("d,y", *rows), output="y")
        if text.startswith("FAIL")
    )


@pytest.mark.parametrize(
    ("titles", "row", "parts"),
    [
        ("month,hour,x", lambda day: (day % 12 + 1, day % 24, day % 7), ["month", "hour"]),
        ("Weekday,x,z", lambda day: (day % 7, day * 3 % 11, day % 5), ["Weekday"]),
        ("hr,dow,x", lambda day: (day % 24, day % 7, day % 11), ["hr", "dow"]),
        ("week,x,z", lambda day: (day % 52 + 1, day % 7, day % 5), ["week"]),
        ("hours,Month,x", lambda day: (day % 80, day % 12 + 1, day % 7), ["Month"]),
    ],
)
def test_parts_of_the_time_are_numbers_with_a_word(titles: str, row, parts: Sequence[str]) -> None:
    path = write(f"{titles},y", *(",".join(map(str, (*row(day), day % 2))) for day in range(200)))
    assert any(
        text.endswith(f"input.categorical=[{', '.join(parts)}] reads them as classes")
        for text in described(path, output="y")
    )


def test_numbered_years_are_no_years() -> None:
    """The hourly counts of rented bicycles: dteday beside hr, and yr is 0 or 1."""
    days = np.datetime64("2011-01-01") + np.arange(600) // 24
    lines = [f"{day},{number // 300},1,{number % 24},5" for number, day in enumerate(days)]
    frame = read_table(write("dteday,yr,mnth,hr,cnt", *lines), FileWords())[0]
    match = combined_time(frame, None)
    assert match is not None and match.names == ("dteday", "hr")
    assert match.column.values[25] == np.datetime64("2011-01-02T01")


def test_years_of_two_digits_in_columns() -> None:
    frame = read_table(write("yr,mo,y", "98,1,1", "98,2,2", "99,1,3", "0,1,4"), FileWords())[0]
    match = combined_time(frame, None)
    assert match is not None
    assert match.column.values.astype("M8[M]").astype(str).tolist() == [
        "1998-01", "1998-02", "1999-01", "2000-01"
    ]  # fmt: skip

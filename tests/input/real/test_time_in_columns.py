"""Time in several columns, in the names and the notations of loggers and offices."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from kissipo.core.errors import DataError, TaskError
from kissipo.input.formats.tables import FileWords, read_table
from kissipo.input.series_order import TimeOptions, order_rows
from kissipo.input.time_columns import combined_time
from kissipo.input.time_parts import time_part
from kissipo.runs.check_data import check_data

START = datetime(2014, 2, 27)


def assert_same_times(
    titles: list[str], cells: Callable[[datetime], list[object]], **steps: int
) -> None:
    """Writes 300 rows of times and a number, and reads the columns of the time."""
    stamps = [START + row * timedelta(**steps) for row in range(300)]
    lines = [",".join([*titles, "v"])]
    lines += [
        ",".join(map(str, [*cells(stamp), f"{row % 24}.5"])) for row, stamp in enumerate(stamps)
    ]
    Path("a.csv").write_text("\n".join(lines))
    match = combined_time(read_table("a.csv", FileWords())[0], None)
    assert match is not None and list(match.names) == titles
    expected = np.array(stamps, "datetime64[us]")
    np.testing.assert_array_equal(match.column.values.astype("datetime64[us]"), expected)


@pytest.mark.parametrize(
    "titles",
    [
        "yr mo dy hr", "YY MM DD hh", "Y M D H", "Jahr Monat Tag Stunde", "Annee Mois Jour Heure",
        "année mois jour heure", "año mes día hora", "ano mês dia hora", "anno mese giorno ora",
        "rok měsíc den hodina", "rok miesiąc dzień godzina", "jaar maand dag uur",
        "år måned dag time", "год месяц день час", "年 月 日 時", "연도 월 일 시",
        "obs_year obs_month obs_day obs_hour", "iyear imonth iday ihour", "YEAR MO DY HR",
        "tm_year tm_mon tm_mday tm_hour", "Year Month DayOfMonth HourOfDay",
    ],
)  # fmt: skip
def test_four_columns_in_many_names(titles: str) -> None:
    assert_same_times(titles.split(), lambda t: [t.year, t.month, t.day, t.hour], hours=1)


def test_a_note_in_parentheses_is_no_part_of_a_name() -> None:
    assert_same_times(
        ["Year", "Month", "Day", "Hour (UTC)"],
        lambda t: [t.year, t.month, t.day, t.hour],
        hours=1,
    )


CLOCKS: dict[str, tuple[list[str], Callable[[datetime], list[object]], int]] = {
    "5 is 00:05": (["year", "month", "day", "hhmm"],
                   lambda t: [t.year, t.month, t.day, t.hour * 100 + t.minute], 5),
    "day of the year": (["Year", "DOY", "HrMn"],
                        lambda t: [t.year, t.timetuple().tm_yday, f"{t:%H%M}"], 5),
    "called time": (["YEAR", "MONTH", "DAY", "TIME"],
                    lambda t: [t.year, t.month, t.day, t.hour * 100 + t.minute], 15),
    "text of four digits": (["date", "time"], lambda t: [f"{t:%Y-%m-%d}", f"{t:%H%M}"], 10),
    "date, hour and minute": (["Date", "Hour", "Minute"],
                              lambda t: [f"{t:%Y-%m-%d}", t.hour, t.minute], 30),
    "half hours of a day": (["SETTLEMENT_DATE", "SETTLEMENT_PERIOD"],
                            lambda t: [f"{t:%d-%b-%Y}", t.hour * 2 + t.minute // 30 + 1], 30),
    "clock of twelve hours": (["year", "month", "day", "hour"],
                              lambda t: [t.year, f"{t:%b}", t.day, f"{t:%I %p}"], 60),
    "minutes of MM and mm": (["YY", "MM", "DD", "hh", "mm"],
                             lambda t: [t.year, t.month, t.day, t.hour, t.minute], 10),
    "fraction of a day": (["year", "doy"],
                          lambda t: [t.year, t.timetuple().tm_yday + t.hour / 24], 180),
}  # fmt: skip


@pytest.mark.parametrize("case", CLOCKS)
def test_times_of_day_in_many_notations(case: str) -> None:
    titles, cells, minutes = CLOCKS[case]
    assert_same_times(titles, cells, minutes=minutes)


def ending(stamp: datetime) -> datetime:
    """Returns the day to which the hour before a full hour belongs."""
    return stamp - timedelta(hours=1)


@pytest.mark.parametrize(
    ("titles", "cells"),
    [
        (["date", "hour"], lambda t: [f"{ending(t):%Y-%m-%d}", ending(t).hour + 1]),
        (["date", "HourEnding"], lambda t: [f"{ending(t):%m/%d/%Y}", f"HE{ending(t).hour + 1}"]),
        (["date", "time"], lambda t: [f"{ending(t):%Y-%m-%d}", f"{ending(t).hour + 1:02}:00"]),
        (
            ["yr", "mo", "dy", "hr"],
            lambda t: [ending(t).year, ending(t).month, ending(t).day, ending(t).hour + 1],
        ),
    ],
    ids=["1 to 24", "HE24", "24:00", "four columns"],
)
def test_hour_24_is_midnight_of_the_next_day(
    titles: list[str], cells: Callable[[datetime], list[object]]
) -> None:
    assert_same_times(titles, cells, hours=1)


@pytest.mark.parametrize(
    ("titles", "week"),
    [(["Jahr", "KW"], "{}"), (["Jahr", "Woche"], "KW{:02}"), (["year", "week_number"], "W{:02}")],
    ids=["KW", "Woche", "week_number"],
)
def test_year_and_week(titles: list[str], week: str) -> None:
    monday = datetime(2014, 1, 6)
    lines = [",".join([*titles, "v"])]
    for row in range(120):
        year, number, _ = (monday + timedelta(weeks=row)).isocalendar()
        lines.append(f"{year},{week.format(number)},{row % 7}.5")
    Path("a.csv").write_text("\n".join(lines))
    match = combined_time(read_table("a.csv", FileWords())[0], None)
    assert match is not None
    assert np.all(np.diff(match.column.values) == np.timedelta64(7, "D"))
    assert str(match.column.values[0])[:10] == "2014-01-06"


def test_a_buoy_has_two_lines_of_header_that_begin_with_a_mark() -> None:
    lines = ["#YY  MM DD hh mm WDIR WSPD", "#yr  mo dy hr mn degT m/s"]
    hours = [START + timedelta(hours=row) for row in range(400)]
    lines += [f"{t:%Y %m %d %H} 50 {row % 360:3}  {row % 24}.5" for row, t in enumerate(hours)]
    Path("buoy.txt").write_text("\n".join(lines))
    findings = check_data("buoy.txt", output="WSPD", horizon=6)
    texts = [finding.describe() for finding in findings]
    assert any("line 2 begins with # as the header does: '#yr', 'mo'" in text for text in texts)
    assert any("'#YY' with MM, DD, hh, mm is one timestamp: 2014-02-27T00:50" in x for x in texts)
    assert [finding.check for finding in findings if finding.level == "WARN"] == [
        "header of two lines"
    ]


def test_other_names_are_read_by_their_position() -> None:
    titles = ["A", "B", "C", "D"]
    lines = [",".join([*titles, "v"])]
    stamps = [START + timedelta(hours=row) for row in range(60)]
    lines += [f"{t.year},{t.month},{t.day},{t.hour},{t.hour}.5" for t in stamps]
    Path("a.csv").write_text("\n".join(lines))
    frame = read_table("a.csv", FileWords())[0]
    match = combined_time(frame, tuple(titles))
    assert match is not None
    np.testing.assert_array_equal(match.column.values, np.array(stamps, "datetime64[s]"))
    with pytest.raises(TaskError, match="are no timestamp together"):
        combined_time(frame, ("B", "A", "C", "D"))


def test_an_hour_that_cannot_be_read_names_no_series() -> None:
    lines = ["date,hour,v"] + [
        f"2024-01-{d:02},{chr(97 + h)},{h}.5" for d in range(1, 30) for h in range(9)
    ]
    Path("a.csv").write_text("\n".join(lines))
    frame = read_table("a.csv", FileWords())[0]
    with pytest.raises(DataError, match="occurs 9 times in 'date'"):
        order_rows(frame, TimeOptions(), targets=["v"])


def test_a_place_of_departure_names_series() -> None:
    lines = ["date,from,trips"]
    lines += [
        f"{START + timedelta(days=day):%Y-%m-%d},{place},{day % 7 + place_number * 50}"
        for day in range(40)
        for place_number, place in enumerate(("Brno", "Praha"))
    ]
    Path("a.csv").write_text("\n".join(lines))
    rows = order_rows(read_table("a.csv", FileWords())[0], TimeOptions(), targets=["trips"])
    assert rows.series_id == "from" and rows.starts == (0, 40, 80)


def test_a_time_without_a_year_is_said() -> None:
    lines = ["month,day,hour,v"] + [f"1,{r // 24 + 1},{r % 24},{r % 24}.5" for r in range(300)]
    Path("a.csv").write_text("\n".join(lines))
    texts = [item.describe() for item in check_data("a.csv", output="v", horizon=3)]
    assert any("month, day, hour are a time without a year" in text for text in texts)


@pytest.mark.parametrize(
    "name", ["year_built", "birth_year", "dteday", "wind", "minimum", "today", "hours worked", "V1"]
)
def test_other_names_are_no_part_of_the_time(name: str) -> None:
    assert time_part(name) == ""


@pytest.mark.parametrize(
    "titles",
    [["Datum", "von", "bis"], ["Date", "Start time", "End time"], ["day", "Abfahrt"]],
    ids=lambda titles: titles[1],
)
def test_the_time_of_day_beside_a_date_names_no_series(titles: list[str]) -> None:
    lines = [",".join([*titles, "v"])]
    for row in range(200):
        start, end = START + timedelta(hours=row), START + timedelta(hours=row + 1)
        cells = [f"{start:%Y-%m-%d}", f"{start:%H:%M}", f"{end:%H:%M}"][: len(titles)]
        lines.append(",".join([*cells, f"{row % 24}.5"]))
    Path("a.csv").write_text("\n".join(lines))
    rows = order_rows(read_table("a.csv", FileWords())[0], TimeOptions(), targets=["v"])
    assert rows.series_id is None and rows.time == "time"
    np.testing.assert_array_equal(
        rows.frame["time"].values, np.datetime64(START, "s") + np.arange(200) * 3600
    )

"""Files as found in the world: cells that mean something else than they seem to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

import kissipo as ki
from kissipo.core.errors import DataError
from kissipo.input.cells.null_texts import reason_of_values
from kissipo.input.formats.tables import FileWords, read_table, table_reading
from kissipo.input.given_rows import column_of, parse_rows
from kissipo.input.sources.table import Options
from kissipo.input.time_columns import combined_time
from kissipo.runs.check_data import check_data

COUNTRIES = ["AT", "BE", "CH", "DE", "NA", "US", "ZA", "BW"]


def write(*lines: str, name: str = "a.csv") -> Path:
    """Writes a file and returns its path."""
    Path(name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Path(name)


def column(cells: Sequence[str], name: str = "x", **words: Sequence[str]) -> list[object]:
    """Returns the values of a column of these cells, which repeat five times."""
    path = write(f"{name},y", *(f"{cell},{row}" for row, cell in enumerate(list(cells) * 5)))
    frame = table_reading(path, FileWords(**words)).frame
    return [frame[name].show(row) for row in range(len(cells))]


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("country", COUNTRIES),
        ("iso_code", ["CA", "DE", "IN", "MA", "NA", "AL"]),
        ("continent", ["AF", "EU", "NA", "SA"]),
        ("Surname", ["Smith", "Nan", "Lopez", "Chen", "Null", "Khan", "Okoye"]),
        ("cc", ["FR", "IT", "ES", "NA", "GB", "PT", "SE"]),
    ],
)
def test_null_texts_that_are_values_stay(name: str, cells: list[str]) -> None:
    assert column(cells, name) == cells
    assert column([*cells, ""], name)[-1] is None
    (option,) = table_reading("a.csv", FileWords()).inferred_options
    assert option.place == "input.not_missing" and option.value == [name]


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("state", ["CA", "AL", "DE", "MA", "NE", "NA"]),
        ("grade", ["A", "B", "C", "D", "E", "NA"]),
        ("quality", ["Ex", "Gd", "Fa", "Po", "Ta", "NA"]),
        ("city", ["Brno", "Praha", "Oslo", "Rome", "Bern", "NaN"]),
        ("code", ["xx", "yy", "zz", "uu", "vv", "null"]),
    ],
)
def test_other_null_texts_stay_missing(name: str, cells: list[str]) -> None:
    assert column(cells, name) == [*cells[:-1], None]


def test_a_declared_mark_is_missing_also_among_codes() -> None:
    assert column(COUNTRIES, "country", missing_values=["NA"])[4] is None
    assert reason_of_values("country", [], COUNTRIES) == ""


def test_null_texts_are_values_in_new_rows_as_in_training() -> None:
    write("country,y", "NA,1", ",2", name="new.csv")
    assert read_table("new.csv", FileWords())[0]["country"].missing.all()
    options = Options(not_missing=("country",))
    assert read_table("new.csv", options)[0]["country"].texts() == ["NA", None]
    rows = parse_rows([{"country": "NA"}, {"country": ""}], options, (), usage="")
    assert rows["country"].texts() == ["NA", None]
    assert column_of("country", ["NA"]).missing.all()


@pytest.mark.parametrize(
    ("cells", "expected", "mark"),
    [
        (["01:30:00", "00:05:09", "12:00:00"], [5400, 309, 43200], "h:mm:ss"),
        (["0:00:01.5", "0:01:00", "100:00:00"], [1.5, 60, 360000], "h:mm:ss"),
        (["0 days 01:00:00", "1 days 00:00:30"], [3600, 86430], "h:mm:ss"),
        (["2h 50m", "19h", "5m", "1h 5m"], [170, 1140, 5, 65], "h m"),
        (["1 h 20 min", "45 min", "2 hours 5 minutes"], [80, 45, 125], "h m"),
        (["07:30", "12:05", "23:59"], [450, 725, 1439], "h:mm"),
        (["-00:30:00", "00:10:00", "01:00:00"], [-1800, 600, 3600], "h:mm:ss"),
        (["47°22'N", "8°33'S", "0°30'"], [47 + 22 / 60, -8.55, 0.5], "°'"),
        (["47°22'30\"N", "8° 33′ 0″ W", "1°0'"], [47.375, -8.55, 1], "°'"),
    ],
)  # fmt: skip
def test_durations_clocks_and_degrees_are_numbers(
    cells: list[str], expected: list[float], mark: str
) -> None:
    quoted = ['"{}"'.format(cell.replace('"', '""')) for cell in cells]
    write("d,y", *(f"{cell},{row}" for row, cell in enumerate(quoted * 5)))
    reading = table_reading("a.csv", FileWords())
    assert reading.frame["d"].values[: len(cells)] == pytest.approx(expected, abs=1e-8)
    (option,) = reading.inferred_options
    assert (option.place, option.value) == ("input.number_units", {"d": mark})


@pytest.mark.parametrize(
    "cells",
    [
        ["31:28", "25:24", "30:30"],
        ["3:2", "1:0", "16:9"],
        ["1:2:3", "4:5:6", "7:8:9"],
        ["12:30 PM", "01:05 AM", "11:00 PM"],
        ["00:1A:2B", "01:30:00", "02:00:00"],
        ["John 3:16", "01:30", "02:00"],
    ],
)
def test_scores_and_the_like_are_no_durations(cells: list[str]) -> None:
    assert column(cells) == cells


def test_durations_are_given_in_new_rows_as_in_training() -> None:
    write("d,x,y", *(f"0{row % 7}:{row % 60:02d}:00,{row % 5},{row % 7}.5" for row in range(80)))
    run = ki.load("a.csv", output="y", words={"process.epochs": 1}).fit(out="run")
    values: list[object] = ["01:30:00", 5400, "5400"]
    predictions = {str(run.predict([{"d": value, "x": 1}])) for value in values}
    write("d,x", "01:30:00,1", "02:00:00,1", name="new.csv")
    (first, second) = run.predict("new.csv")
    assert predictions == {str([first])} and second != first
    with pytest.raises(DataError, match="is not a number"):
        run.predict([{"d": "1 o'clock", "x": 1}])


def test_clock_without_a_date_that_goes_back_is_refused() -> None:
    clocks = [f"{row % 24:02d}:00:00,{row}" for row in range(20, 44)]
    texts = [
        item.describe()
        for item in check_data(str(write("time,y", *clocks)), output="y", time="time")
    ]
    assert any("the clock 'time' goes back at row 5" in text for text in texts)


def test_date_and_clock_are_still_one_timestamp() -> None:
    path = write(
        "Date,Time,y", *(f"2024-01-0{1 + r // 24},{r % 24:02d}:30:00,{r}" for r in range(60))
    )
    match = combined_time(read_table(path, FileWords())[0], None)
    assert match is not None and str(match.column.values[25]) == "2024-01-02T01:30:00"


def test_a_file_without_a_header_whose_first_column_are_clocks() -> None:
    rows = [f"0{row % 10}:{row % 60:02d}:00,{['up', 'down'][row % 2]},{row}" for row in range(40)]
    frame, findings = read_table(write(*rows), FileWords())
    assert len(frame) == 40 and findings[0].check == "no header"


def test_a_header_of_clocks_stays_a_header() -> None:
    titles = [f"{hour:02d}:30" for hour in range(6)]
    rows = [",".join([f"m{row}", *(str(row * hour % 7) for hour in range(6))]) for row in range(40)]
    frame = read_table(write(",".join(["meter", *titles]), *rows), FileWords())[0]
    assert frame.names == ["meter", *titles] and len(frame) == 40

"""Files as found in the world, whose check says what was read, and what is doubtful."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kissipo.input.formats.tables import FileWords, read_table
from kissipo.runs.check_data import check_data

Lines = Callable[[], list[str]]


def air() -> list[str]:
    """Hourly measurements with a decimal comma, -200, and empty cells at the end."""
    rows = ["Date;Time;CO;T;RH;;"]
    for row in range(200):
        carbon = "-200" if row % 17 == 3 else f"2,{row % 24}"
        rows.append(
            f"{10 + row // 24}/03/2004;{row % 24:02d}.00.00;{carbon};{row % 7},5;{row % 5};;"
        )
    return [*rows, *([";;;;;;"] * 30)]


def hours() -> list[str]:
    """Year, month, day and hour beside a running number."""
    rows = [
        f"{n + 1},2010,{n // 700 + 1},{n // 24 % 28 + 1},{n % 24},{50 + n % 24 * 3}"
        for n in range(400)
    ]
    return ["No,year,month,day,hour,pm", *rows]


def clocks(zone: str = "") -> list[str]:
    """Hours around the end of summer time, with or without a time zone."""
    start = np.datetime64("2024-10-25T22")
    rows = []
    for hour in range(60):
        local = start + hour + (2 if hour < 27 else 1)
        offset = ("+02:00" if hour < 27 else "+01:00") if zone else ""
        rows.append(f"{str(local).replace('T', ' ')}:00{offset},{hour % 24}")
    return ["t,y", *rows]


def table(titles: str, row: Callable[[int], str], count: int = 120) -> Lines:
    """Returns the maker of a table."""
    return lambda: [titles, *(row(number) for number in range(count))]


CASES: dict[str, tuple[Lines, dict[str, str], str]] = {
    "placeholder": (air, {"output": "CO"}, "WARN  -200 stands 12 times in 'CO'"),
    "decimal comma": (air, {"output": "CO"}, "input.decimal=','"),
    "date and clock": (air, {"output": "CO"}, "'Date' with Time is one timestamp: 2004-03-10T00"),
    "running number": (hours, {"output": "pm"}, "WARN  'No' holds nothing but a name"),
    "four columns of time": (hours, {"output": "pm"}, "'year' with month, day, hour is one"),
    "split by time": (hours, {"output": "pm"}, "a random split would leak -> split by time"),
    "time zones": (lambda: clocks("+"), {"output": "y", "time": "t"}, "converted to UTC"),
    "no time zones": (clocks, {"output": "y", "time": "t"}, "were the clocks set back?"),
    "two units": (
        table("w,y", lambda n: f"{n % 30 + 1}.5 {'kg' if n % 5 else 'g'},{n % 3}"),
        {"output": "y"},
        "FAIL  the numbers of 'w' have different marks: 'kg' in most cells, 'g' in 24",
    ),
    "right example of a unit": (
        table("w,y", lambda n: f"{n % 30 + 1}.5 {'kg' if n % 5 else 'g'},{n % 3}"),
        {"output": "y"},
        "w: '2.5 kg' is a number with the mark kg",
    ),
    "points in all cells": (
        table("n;y", lambda n: f"{1 + n % 9}.{n * 37 % 1000:03d};{n % 2}"),
        {"output": "y"},
        "WARN  '1.000' in 'n' is 1000 or 1",
    ),
    "many classes": (
        table("a,y", lambda n: f"{n % 5}.5,c{n % 500}", 2000),
        {"output": "y"},
        "PASS  500 classes of 'y', the rarest with 4 of 2000 rows",
    ),
    "ids as target": (
        table("a,user", lambda n: f"{n % 7},U{n}"),
        {"output": "user"},
        "FAIL  120 of the 120 classes of 'user' have a single row",
    ),
    "one row of a class": (
        table("a,y", lambda n: f"{n % 7},{'x' if n else 'rare'}"),
        {"output": "y"},
        "FAIL  1 of the 2 classes of 'y' have a single row: 'rare'",
    ),
    "copy of the target": (
        table("a,flag,y", lambda n: f"{n * 7 % 13},{'Yes' if n % 3 else 'No'},{int(n % 3 > 0)}"),
        {"output": "y"},
        "WARN  'flag' alone determines the target 'y'",
    ),
    "classes as 1.0 and 0.0": (
        table("a,y", lambda n: f"{n % 7},{'NaN' if n % 10 == 0 else f'{n % 2}.0'}"),
        {"output": "y"},
        "read with output.category=y",
    ),
    "running index": (
        table("Unnamed: 0,a,y", lambda n: f"{n * 7 % 120},{n % 7}.5,{n % 3}"),
        {"output": "y"},
        "WARN  'Unnamed: 0' holds nothing but a name",
    ),
    "two columns of one name": (
        table("x,x,y", lambda n: f"{n},{n % 7},{n % 3}"),
        {"output": "y"},
        "FAIL  a.csv has the column 'x' 2 times in its header",
    ),
    "irregular steps": (
        table("ts,y", lambda n: f"{np.datetime64('2024-01-01T00:00') + n * n},{n % 9}"),
        {"output": "y", "time": "ts"},
        "are not the usual one",
    ),
    "steps in no order": (
        table("ts,y", lambda n: f"{np.datetime64('2024-01-01') + n * 7 % 120},{n % 9}"),
        {"output": "y", "time": "ts"},
        "goes back in time at rows",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_check_says_what_was_read(case: str) -> None:
    lines, question, expected = CASES[case]
    Path("a.csv").write_text("\n".join(lines()) + "\n", encoding="utf-8")
    texts = [finding.describe() for finding in check_data("a.csv", **question)]
    assert any(expected in text for text in texts), texts


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("1'234.50", 1234.5),
        ("1\u202f234,50 €", 1234.5),
        ('"1,23,456.00"', 123456),
        ('"(1,234.00)"', -1234),
        ("12 %", 12),
        ("€ 3,50", 3.5),
        ("1,5E-03", 0.0015),
    ],
)
def test_notations_of_numbers(cell: str, expected: float) -> None:
    comma = "," in cell and '"' not in cell
    rows = [f"{cell}{';' if comma else ','}{row}" for row in range(30)]
    Path("a.csv").write_text("\n".join([f"x{';' if comma else ','}y", *rows]), encoding="utf-8")
    assert read_table("a.csv", FileWords())[0]["x"].values.tolist() == [expected] * 30


@pytest.mark.parametrize(
    "cells",
    [
        ["01234", "99501", "04109"],
        ["+49 30 1234567", "+49 30 7654321", "+49 89 1112223"],
        ["1.2.3", "1.10.0", "2.0.1"],
        ["10.0.0.1", "10.0.0.2", "192.168.1.7"],
        ["v1.2", "v1.3", "v2.0"],
        ["Y", "N", "Y"],
        ["12/A", "7/B", "9/C"],
    ],
)
def test_codes_stay_texts(cells: list[str]) -> None:
    rows = [f"{cell},{row}" for row, cell in enumerate(cells * 20)]
    Path("a.csv").write_text("\n".join(["x,y", *rows]), encoding="utf-8")
    assert read_table("a.csv", FileWords())[0]["x"].texts()[:3] == cells

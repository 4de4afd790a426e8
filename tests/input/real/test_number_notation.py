"""Numbers as people write them: the notation is decided per file and is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kissipo.core.frame import Frame
from kissipo.input.formats.tables import FileWords, table_reading
from kissipo.input.source_data import Reading


def read(*lines: str, **words: Any) -> Reading:
    """Reads a file with these lines."""
    Path("table.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return table_reading("table.csv", FileWords(**words))


def values(frame: Frame, name: str = "a") -> list[object]:
    """Returns the cells of a column."""
    column = frame[name]
    return [column.show(row) for row in range(len(column))]


def decided(reading: Reading) -> dict[str, object]:
    """Returns the options that were decided from the cells."""
    return {
        option.place.removeprefix("input."): option.value for option in reading.inferred_options
    }


@pytest.mark.parametrize(
    ("cells", "expected", "options"),
    [
        (["12.345,6", "7,5", "980"], [12345.6, 7.5, 980], {"decimal": ",", "thousands": "."}),
        (["1 234,5", "7,5", "12 000,0"], [1234.5, 7.5, 12000], {"decimal": ",", "thousands": " "}),
        (["1\u202f234,5", "7,5"], [1234.5, 7.5], {"decimal": ",", "thousands": " "}),
        (["1'234.50", "980"], [1234.5, 980], {"thousands": "'"}),
        (["1’234’567", "980"], [1234567, 980], {"thousands": "'"}),
        (["1.234.567", "12.345"], [1234567, 12345], {"decimal": ",", "thousands": "."}),
        (["12,5%", "7%"], [12.5, 7], {"decimal": ",", "number_units": {"a": "%"}}),
        (["0,125", "1,250"], [0.125, 1.25], {"decimal": ","}),
        (["1,5e3", "2,5e-1"], [1500, 0.25], {"decimal": ","}),
        (["(120,5)", "35,0", "0,5-"], [-120.5, 35, -0.5], {"decimal": ","}),
        (["−3,5", "+2,5"], [-3.5, 2.5], {"decimal": ","}),
        (["€ 5,00", "1.200,50 €"], [5, 1200.5],
         {"decimal": ",", "thousands": ".", "number_units": {"a": "€"}}),
        (["１２．５", "３"], [12.5, 3], {}),
        (["12.5 kg", "7 kg", "80kg"], [12.5, 7, 80], {"number_units": {"a": "kg"}}),
        (["$5.00", "-$3.50", "($2.25)"], [5, -3.5, -2.25], {"number_units": {"a": "$"}}),
        (["21.5°C", "-3 °C"], [21.5, -3], {"number_units": {"a": "°C"}}),
        (["12 sq ft", "7 sq ft"], [12, 7], {"number_units": {"a": "sq ft"}}),
    ],
)  # fmt: skip
def test_numbers_are_read_as_they_are_written(
    cells: list[str], expected: list[float], options: dict[str, object]
) -> None:
    reading = read("a;b", *(f"{cell};x" for cell in cells))
    assert values(reading.frame) == expected
    assert decided(reading) == options


def test_column_of_points_follows_the_decimal_comma_of_another() -> None:
    reading = read("people;rate", "12.345;7,5", "980;8,25", "1.250;0,5")
    assert values(reading.frame, "people") == [12345, 980, 1250]
    assert decided(reading) == {"decimal": ",", "thousands": "."}


def test_column_of_commas_follows_the_decimal_point_of_another() -> None:
    reading = read("people,rate", '"12,345",7.5', "980,8.25", '"1,250",0.5')
    assert values(reading.frame, "people") == [12345, 980, 1250]
    assert decided(reading) == {"thousands": ","}


def test_ambiguous_commas_are_refused_with_both_readings() -> None:
    lines = ("people,b", '"12,345",x', '"1,250",y', "980,z")
    findings = [finding for finding in read(*lines).findings if finding.level == "FAIL"]
    assert [finding.describe() for finding in findings] == [
        "FAIL  '12,345' in 'people' is 12345 or 12.345: no cell of the file shows whether ',' "
        "separates thousands or decimals -> set input.thousands=, (it is 12345) or "
        "input.decimal=, (it is 12.345)"
    ]
    assert values(read(*lines, thousands=",").frame, "people") == [12345, 1250, 980]
    assert values(read(*lines, decimal=",").frame, "people") == [12.345, 1.25, 980]


def test_ambiguous_points_in_a_file_of_semicolons_are_a_warning() -> None:
    lines = ("people;b", "12.345;x", "1.250;y", "980;z", "1.111;x", "2.222;x", "3.333;x")
    reading = read(*lines)
    assert values(reading.frame, "people")[:3] == [12.345, 1.25, 980]
    assert [finding.check for finding in reading.findings] == ["number notation"]
    assert "is 12345 or 12.345" in reading.findings[0].message
    assert values(read(*lines, thousands=".").frame, "people")[:3] == [12345, 1250, 980]


def test_each_column_with_its_own_notation_is_read_and_reported() -> None:
    reading = read("lat;price", "48.8566;7,5", "50.08;12,25")
    assert values(reading.frame, "lat") == [48.8566, 50.08]
    assert values(reading.frame, "price") == [7.5, 12.25]
    assert [finding.level for finding in reading.findings] == ["WARN"]
    assert "price" in reading.findings[0].message and "lat" in reading.findings[0].message


def test_two_units_in_one_column_are_refused() -> None:
    reading = read("weight,b", *["5 kg,x", "6 kg,x", "500 g,y"] * 5)
    assert [finding.check for finding in reading.findings if finding.level == "FAIL"] == ["units"]
    assert read("weight,b", *["5 kg,x", "500 g,y"] * 5, decimal=".").frame["weight"].odd_count == 5


def test_number_without_the_unit_of_the_others_is_reported() -> None:
    reading = read("weight,b", *["5 kg,x"] * 9, "6,x", "0,x")
    assert values(reading.frame, "weight")[-2:] == [6, 0]
    assert "1 number of 'weight' (row 10) lack" in reading.findings[0].message


@pytest.mark.parametrize(
    "cells",
    [
        ["110 00", "120 00", "602 00"],
        ["01234", "98765", "10115"],
        ["+420 777 123 456", "+420 777 123 457"],
        ["777 123 456", "606 999 888"],
        ["777.123.456", "606.999.888"],
        ["1.2.3", "1.10.0", "2.0.1"],
        ["192.168.100.200", "192.168.100.201"],
        ["PC 17599", "A/5 21171"],
        ["SKU-001", "SKU-002"],
        ["#12", "#13"],
        ["A12", "B7"],
        ["10-20", "20-30"],
        ["12:30", "13:45"],
        ["31.03.2024", "01.04.2024"],
        ["2024-01", "2024-02"],
        ["3/4", "1/2"],
        ["<5", "<10"],
        ["1st", "2nd", "3rd", "4th"],
        ["2-", "3+", "1-"],
        ["12a", "12b", "14", "7"],
        ["3 PM", "4 PM"],
        ["9007199254740993", "9007199254740992"],
        ["5'11\"", "6'2\""],
        ["12 Main St", "7 Oak Ave"],
        ["1,2,3", "2,3"],
    ],
)
def test_codes_and_dates_stay_texts(cells: list[str]) -> None:
    reading = read("a\tb", *(f"{cell}\tx" for cell in cells), quoting=False)
    assert values(reading.frame) == cells
    assert reading.inferred_options == () and reading.findings == ()


def test_column_that_is_named_as_classes_keeps_its_texts() -> None:
    from kissipo.input.sources.table import Options

    Path("table.csv").write_text("a,b\n5%,x\n10%,y\n")
    reading = table_reading("table.csv", Options(categorical=("a",)))
    assert reading.frame["a"].texts() == ["5%", "10%"]


@pytest.mark.parametrize("late", [500, 60_000])
def test_comma_that_comes_late_changes_the_whole_column(late: int) -> None:
    cells = ["1.250"] * late + ["7,5"]
    reading = read("a;b", *(f"{cell};1" for cell in cells))
    assert values(reading.frame)[0] == 1250 and values(reading.frame)[-1] == 7.5


def test_data_frames_and_json_records_are_read_alike() -> None:
    import pandas

    frame = pandas.DataFrame({"a": ["12.345,6", "7,5"], "b": ["5%", "7%"]})
    frame.to_json("table.jsonl", orient="records", lines=True)
    for data in (frame, "table.jsonl"):
        reading = table_reading(data, FileWords())
        assert values(reading.frame) == [12345.6, 7.5] and values(reading.frame, "b") == [5, 7]

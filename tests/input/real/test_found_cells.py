"""Cells and layouts as found: signs beside numbers, sep=;, JSON tables."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from kissipo.core.errors import DataError
from kissipo.input.formats.tables import FileWords, read_table
from kissipo.runs.check_data import check_data


@pytest.mark.parametrize(
    "cell",
    [
        "<{}.5", "~{}", ">= {}", "{} ± 0.3", "'{}", "{} 1/2", "5'{}\"", "ca. {}",
        "{},5 €/m²", "from ${}.50", "${} per night", "${0}-${0}9",
    ],
)  # fmt: skip
def test_numbers_with_something_beside_them_are_said(cell: str) -> None:
    cells = [cell.format(11 + row * 7 % 60) for row in range(60)]
    Path("a.csv").write_text("x;y\n" + "\n".join(f"{c};{n % 2}" for n, c in enumerate(cells)))
    frame, findings = read_table("a.csv", FileWords())
    assert frame["x"].kind == "string"
    texts = [item.describe() for item in findings if item.check == "numbers among texts"]
    assert len(texts) == 1 and "write the numbers alone" in texts[0]


@pytest.mark.parametrize(
    "cell", ["A-{}", "#{}", "{}:30", "10-{}", "v{}.1", "{} Main St", "{} x {}", "Q{}", "it's {}"]
)
def test_codes_and_texts_with_digits_are_no_numbers(cell: str) -> None:
    cells = [cell.format(11 + row * 7 % 49, row) for row in range(60)]
    Path("a.csv").write_text("x;y\n" + "\n".join(f"{c};{n % 2}" for n, c in enumerate(cells)))
    findings = read_table("a.csv", FileWords())[1]
    assert not any(item.check == "numbers among texts" for item in findings)


def test_a_power_shows_that_a_comma_is_a_decimal_comma() -> None:
    lines = [f"{row}/x;{row},406E+0{row % 3}" for row in range(1, 9)]
    Path("a.csv").write_text("name;x\n" + "\n".join(lines))
    frame = read_table("a.csv", FileWords())[0]
    assert frame["x"].values[:3].tolist() == [14.06, 240.6, 3.406]


@pytest.mark.parametrize(("first", "separator"), [("sep=;", ";"), ('"sep=|"', "|"), ("SEP=,", ",")])
def test_the_line_that_names_the_separator(first: str, separator: str) -> None:
    rows = [f"{row}{separator}k{row % 2}" for row in range(30)]
    Path("a.csv").write_text("\r\n".join([first, f"x{separator}kind", *rows]))
    frame, findings = read_table("a.csv", FileWords())
    assert frame.names == ["x", "kind"] and frame["x"].values.tolist() == list(range(30))
    assert any("the header is line 2" in item.describe() for item in findings)


TABLE = pd.DataFrame({"a": [1.5, 2.5, 3.0], "b": [1, 0, 1], "c": ["x", "y", None]})


@pytest.mark.parametrize(
    "text",
    [
        TABLE.to_json(),
        TABLE.to_json(orient="index"),
        TABLE.to_json(orient="records"),
        TABLE.to_json(orient="table"),
        json.dumps({name: json.loads(TABLE[name].to_json(orient="values")) for name in TABLE}),
        json.dumps({"count": 3, "results": json.loads(TABLE.to_json(orient="records"))}, indent=1),
        TABLE.to_json(orient="records", lines=True),
    ],
    ids=["columns", "index", "records", "table", "lists", "results", "lines"],
)
def test_objects_that_are_tables(text: str) -> None:
    Path("a.json").write_text(text)
    frame = read_table("a.json", FileWords())[0]
    assert frame["a"].values.tolist() == [1.5, 2.5, 3.0]
    assert frame["b"].values.tolist() == [1, 0, 1]
    assert frame["c"].texts() == ["x", "y", None]


@pytest.mark.parametrize(
    "content",
    [
        {"a": [1, 2], "b": [1]},
        {"a": {"0": 1, "1": 2}, "b": {"0": 1}},
        {"a": [{"x": 1}], "b": [{"x": 2}]},
        {"user": {"age": 3, "city": "A"}},
    ],
    ids=["lengths", "keys", "two tables", "one object"],
)
def test_other_nested_objects_are_refused(content: object) -> None:
    Path("a.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match="has a nested value under"):
        read_table("a.json", FileWords())


def test_minus_one_below_many_numbers_is_a_warning() -> None:
    lines = [f"{-1 if row % 9 == 0 else row + 5},{row % 2}" for row in range(60)]
    Path("a.csv").write_text("days,y\n" + "\n".join(lines))
    texts = [item.describe() for item in check_data("a.csv", output="y")]
    assert any(
        "-1 stands 7 times in 'days'" in text and "below all other" in text for text in texts
    )
    lines = [f"{row % 30 - 1},{row % 2}" for row in range(90)]
    Path("a.csv").write_text("degrees,y\n" + "\n".join(lines))
    assert not any("stands" in item.message for item in check_data("a.csv", output="y"))


def test_many_gaps_and_many_leaks_are_one_finding_each() -> None:
    names = [f"f{place}" for place in range(30)]
    rows = [
        ",".join([*("" if (row + place) % 40 == 0 else f"{row % 2 + place}.{row}"
                    for place in range(30)), str(row % 2)])
        for row in range(80)
    ]  # fmt: skip
    Path("a.csv").write_text(",".join([*names, "y"]) + "\n" + "\n".join(rows))
    findings = check_data("a.csv", output="y")
    gaps = [item.message for item in findings if item.check == "missing values"]
    assert len(gaps) == 6 and gaps[-1] == (
        "25 more columns have missing values: 'f5', 'f6', 'f7', ..., 'f29'"
    )
    leaks = [item.message for item in findings if item.check == "target leakage"]
    assert len(leaks) == 1 and "columns each determine the target 'y' alone: 'f0', 'f1'" in leaks[0]

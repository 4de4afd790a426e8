"""Files as found in the world: units, totals, notes and comments around the rows."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from kissipo.core.errors import DataError
from kissipo.input.formats.tables import FileWords, read_table
from kissipo.input.given_rows import given_table

ROWS = [f"S{row},{row % 9 + 1},{row * 3 + 10}" for row in range(50)]
UNITS, REVENUE = sum(row % 9 + 1 for row in range(50)), sum(row * 3 + 10 for row in range(50))


def read(*lines: str, **words: str) -> tuple[list[str], int, list[str], str]:
    """Returns the columns, the number of rows, their kinds, and the findings."""
    Path("a.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    frame, findings = read_table("a.csv", FileWords(**words))
    kinds = [column.kind for column in frame.columns]
    return frame.names, len(frame), kinds, "\n".join(finding.describe() for finding in findings)


@pytest.mark.parametrize(
    "last",
    [
        f"Total,{UNITS},{REVENUE}",
        f"TOTAL:,{UNITS},",
        f"Gesamt,,{REVENUE}",
        f"合计,{UNITS},{REVENUE}",
        f"Average,{UNITS / 50},{REVENUE / 50}",
        f"Grand total,{UNITS},{REVENUE}",
    ],
)
def test_last_row_of_totals_is_left_out(last: str) -> None:
    names, count, _, findings = read("Shop,Units,Revenue", *ROWS, last)
    assert (names, count) == (["Shop", "Units", "Revenue"], 50)
    assert "has the sum or mean of" in findings and "input.extra_rows=keep" in findings
    assert read("Shop,Units,Revenue", *ROWS, last, extra_rows="keep")[1] == 51


@pytest.mark.parametrize(
    ("last", "finding"),
    [
        ("Total,7,8", "the last row has 'Total' in 'Shop' -> used as a row"),
        ("Totalgas,7,8", ""),
        ("S51,7,8", ""),
        (f"S51,{UNITS},{REVENUE}", ""),
    ],
)
def test_other_last_rows_stay(last: str, finding: str) -> None:
    _, count, _, findings = read("Shop,Units,Revenue", *ROWS, last)
    assert count == 51 and finding in findings


def test_total_that_repeats_is_a_class() -> None:
    rows = [f"{name},{row + 1}" for row in range(20) for name in ("men", "women", "total")]
    assert read("sex,count", *rows)[1] == 60


@pytest.mark.parametrize(
    ("header", "units"),
    [
        ("date,temp,wind", "yyyy-mm-dd,°C,m/s"),
        ("date,temp,wind", ",[degC],[m s-1]"),
        ("date,temp,wind", "TIMESTAMP,(deg C),(m/s)"),
        ("date,temp,wind", ",°C,"),
        ("date,temp,wind", "date,number,number"),
    ],
)
def test_row_of_units_below_the_header_is_left_out(header: str, units: str) -> None:
    rows = [f"2024-01-{day:02d},{day}.5,{day % 9}" for day in range(1, 29)]
    names, count, kinds, findings = read(header, units, *rows)
    assert (names, count, kinds) == (header.split(","), 28, ["string", "number", "number"])
    assert read_table("a.csv", FileWords())[0]["date"].categories[0] == "2024-01-01"
    assert "WARN  row 1 has no numbers but " in findings and "FAIL" not in findings


def test_row_of_other_texts_below_the_header_stays() -> None:
    rows = [f"{row}.5,{row % 9},{row}" for row in range(40)]
    _, count, kinds, _ = read("a,b,c", "old,3,4", *rows)
    assert count == 41 and kinds == ["number"] * 3
    assert read_table("a.csv", FileWords())[0]["a"].odd == ((1, "old"),)


def test_header_of_two_lines_is_joined() -> None:
    rows = [f"N{row % 3},{row},{row * 2},{row + 3},{row * 5}" for row in range(60)]
    names, count, _, findings = read(",Q1,,Q2,", "Region,Units,Sales,Units,Sales", *rows)
    assert names == ["Region", "Q1 Units", "Q1 Sales", "Q2 Units", "Q2 Sales"] and count == 60
    assert "the header has two lines, which are joined" in findings
    assert read_table("a.csv", FileWords())[0]["Q2 Sales"].values[2] == 10


@pytest.mark.parametrize("end", [[",,"] * 1000, [",,"], [" , ,"] * 3])
def test_empty_rows_at_the_end_are_left_out(end: list[str]) -> None:
    _, count, _, findings = read("Shop,Units,Revenue", *ROWS, *end)
    assert count == 50 and "at the end" in findings


@pytest.mark.parametrize(
    "notes",
    [
        ["", "Source: Statistical Office", "Notes: preliminary, revised in May"],
        ["Source: Statistical Office,,"],
        ["Data are provisional"],
        ["", "", "Last updated: 2024-05-01"],
        ["# end of file"],
    ],
)
def test_notes_below_the_table_are_left_out(notes: list[str]) -> None:
    lines = ["a,b,c", *(f"{row % 4},{row % 7},{row}" for row in range(50)), *notes]
    _, count, kinds, findings = read(*lines)
    assert (count, kinds) == (50, ["number"] * 3)
    assert "WARN" in findings and "FAIL" not in findings


def test_comments_between_rows_are_left_out() -> None:
    rows = [f"{row},{row % 3}" for row in range(50)]
    lines = ["# logger 3", "a,y", *rows[:20], "# restarted", *rows[20:], "#"]
    _, count, _, findings = read(*lines)
    assert count == 50 and "2 lines of a.csv (lines 23, 54) are no row of the table" in findings


@pytest.mark.parametrize("row", ["3", "3,4", "a word", "Note: x", "1,2,3,4"])
def test_short_rows_between_others_are_refused(row: str) -> None:
    with pytest.raises(DataError, match=r"line 3 of a\.csv has"):
        read("a,b,c", "1,2,3", row, *(["4,5,6"] * 30))


@pytest.mark.parametrize("row", ["3", "3,4", "cut", "2024-05"])
def test_last_row_that_is_cut_is_refused(row: str) -> None:
    with pytest.raises(DataError, match=r"line 32 of a\.csv has"):
        read("a,b,c", *(["4,5,6"] * 30), row)


def test_total_of_a_data_frame_is_left_out_and_new_rows_are_all_predicted() -> None:
    table = pd.DataFrame({"shop": [*"abcdef", "Total"], "sales": [1, 2, 3, 4, 5, 6, 21]})
    assert len(read_table(table, FileWords())[0]) == 6
    new = given_table([table], FileWords())
    assert new is not None and len(new) == 7

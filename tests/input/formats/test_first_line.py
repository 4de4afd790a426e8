"""The first line of a table: a header is kept, a row of data is read and reported."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas
import pytest
import statsmodels.datasets

from kissipo.core.errors import DataError
from kissipo.input.formats.header import sign_of_data
from kissipo.input.formats.tables import FileWords, read_table

SHIPPED = [
    path
    for path in sorted(Path(statsmodels.datasets.__file__).parent.glob("*/*.csv"))
    if path.stem != "E6_jmulti"  # it has no header, and spaces between its cells
]
ORDER = "its cells are numbers like those below, and in no order"


def sign(*lines: str) -> str:
    """Returns why the first of some lines is a row of data."""
    first, *rows = (line.split(",") for line in lines)
    return sign_of_data(first, rows)


@pytest.mark.parametrize(
    "lines",
    [
        ("kind,message", "ham,see you soon", "spam,call now please", "ham,good night all"),
        ("age,city", "1,Brno", "2,Brno"),
        ("city,1990,1991", "Brno,5,4", "Brno,3,9"),
        ("1990,1991,1992", "5,4,3", "3,9,8"),
        (",0,1", "0,5,4", "1,3,9"),
        ("150,4,setosa", "5.1,3.5,0", "4.9,3.0,0"),
        ("smoker,city", "smoker,Brno", "smoker,Brno", "none,Praha"),
        ("ham,never seen", "ham,Brno", "ham,Brno"),
        ("ham,cold", "spam,cold", "ham,warm"),
        ("what do you think,age", "I think so too,4", "it is all one,5"),
        ("day1,sold", "1990-01,5", "1990-02,6"),
        ("5,x", "1,", "2,", "3,"),
        ("ham,ham", "ham,ham"),
        ("ham,7", "ham", "ham"),
        ("ham",),
    ],
)
def test_header_is_assumed_in_doubt(lines: tuple[str, ...]) -> None:
    assert sign(*lines) == ""


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (("ham,nobody said so", "ham,see you soon", "spam,call me now", "ham,good night all"),
         "'ham' occurs again in its column"),
        (("ham,7,Oslo", "ham,8,Brno", "ham,9,Oslo"), "'ham' occurs again in its column"),
        (("5.1,3.5,setosa", "4.9,3.0,setosa", "7.0,3.2,setosa"),
         "'setosa' occurs again in its column"),
        (("1949-01,112", "1949-02,118", "1949-03,132"),
         "'1949-01' has the format of the cells below it"),
        (("PC 17599,71.3", "PC 17601,8.05", "A 5,7.9"),
         "'PC 17599' has the format of the cells below it"),
        (("5.1,3.5", "4.9,3.0"), ORDER),
        (("0,0", "1,0"), ORDER),
        (("NA,2,1", "3,4,1"), ORDER),
    ],
)  # fmt: skip
def test_header_is_missing_when_a_cell_is_not_a_name(lines: tuple[str, ...], message: str) -> None:
    assert sign(*lines) == message


def test_header_repeated_in_the_data_is_still_a_header() -> None:
    rows = ["yes,no", "no,yes"] * 150 + ["kind,other"] * 2
    assert sign("kind,other", *rows) == ""
    assert sign("kind,other", *rows, "kind,other", "kind,other") == ""
    assert sign("kind,other", *rows, "kind,no", "kind,no") == "'kind' occurs again in its column"


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_header_of_published_tables_is_kept(path: Path) -> None:
    separator = " " if path.stem == "spector" else None
    frame, findings = read_table(path, FileWords(separator=separator))
    witness = pandas.read_csv(path, nrows=0, sep=separator, engine="python", encoding="utf-8-sig")
    assert frame.names == [name.strip() for name in witness.columns] and findings == []


@pytest.mark.parametrize("name", ["fair", "randhie", "grunfeld", "strikes", "sunspots", "ccard"])
def test_header_missing_keeps_the_first_row(name: str) -> None:
    path = next(path for path in SHIPPED if path.stem == name)
    Path("cut.csv").write_text(path.read_text().split("\n", 1)[1])
    whole, (frame, findings) = read_table(path, FileWords())[0], read_table("cut.csv", FileWords())
    assert frame.names == [f"column{position}" for position in range(1, len(whole.columns) + 1)]
    for column, witness in zip(frame.columns, whole.columns, strict=True):
        np.testing.assert_array_equal(column.values, witness.values)
        assert column.categories == witness.categories
    assert [finding.check for finding in findings] == ["no header"]


def test_header_missing_is_reported_with_the_options() -> None:
    Path("some.csv").write_text(
        "5.1,3.5,1.4,1.2,setosa\n\n4.9,3.0,1.4,0.2,setosa\n7,3.2,4.7,1.4,setosa\n"
    )
    frame, findings = read_table("some.csv", FileWords())
    assert [finding.describe() for finding in findings] == [
        "WARN  some.csv seems to have no header: its first line looks like a row of data "
        "('setosa' occurs again in its column) "
        "-> read as row 1; the columns are called column1, column2, ..., column5; "
        "set their names with "
        "input.header=[name, name, ...]",
        "WARN  1 blank lines in some.csv (line 2) -> left out",
    ]
    assert frame["column1"].values.tolist() == [5.1, 4.9, 7]
    named, findings = read_table("some.csv", FileWords(header=("a", "b", "c", "d", "kind")))
    assert named["kind"].texts() == ["setosa"] * 3 and [finding.check for finding in findings] == [
        "blank lines"
    ]


def test_rows_after_the_header_sample_are_read() -> None:
    Path("long.csv").write_text(
        "".join(f"{'yes' if row % 2 else 'no'},{row}\n" for row in range(2500))
    )
    frame, _ = read_table("long.csv", FileWords())
    assert frame["column2"].values.tolist() == list(range(2500))
    Path("long.csv").write_text(Path("long.csv").read_text() + "yes\n")
    with pytest.raises(
        DataError, match=r"line 2501 of long.csv has 1 cells where the header has 2 columns"
    ):
        read_table("long.csv", FileWords())

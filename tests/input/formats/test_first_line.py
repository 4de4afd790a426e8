"""The first line of a table: a header is kept whatever it says, a row of data is read as one and told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas
import pytest
import statsmodels.datasets

from kissipo.core.errors import DataError
from kissipo.input.formats.cells import NumberStyle
from kissipo.input.formats.header import sign_of_data
from kissipo.input.formats.tables import FileWords, read_table

SHIPPED = [
    path
    for path in sorted(Path(statsmodels.datasets.__file__).parent.glob("*/*.csv"))
    if path.stem != "E6_jmulti"  # it has no header, and spaces between its cells
]
ORDER = "its numbers stand above numbers, and in no order"


def sign(*lines: str) -> str:
    """What speaks for data in the first of some lines."""
    first, *rows = (line.split(",") for line in lines)
    return sign_of_data(first, rows, NumberStyle())


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
def test_what_may_be_a_header_is_one(lines: tuple[str, ...]) -> None:
    assert sign(*lines) == ""


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (("ham,nobody said so", "ham,see you soon", "spam,call me now", "ham,good night all"), "'ham' recurs in its column below"),
        (("ham,7,Oslo", "ham,8,Brno", "ham,9,Oslo"), "'ham' recurs in its column below"),
        (("5.1,3.5,setosa", "4.9,3.0,setosa", "7.0,3.2,setosa"), "'setosa' recurs in its column below"),
        (("1949-01,112", "1949-02,118", "1949-03,132"), "'1949-01' is written like the cells below it"),
        (("PC 17599,71.3", "PC 17601,8.05", "A 5,7.9"), "'PC 17599' is written like the cells below it"),
        (("5.1,3.5", "4.9,3.0"), ORDER),
        (("0,0", "1,0"), ORDER),
        (("NA,2,1", "3,4,1"), ORDER),
    ],
)  # fmt: skip
def test_what_can_hardly_be_a_name_is_data(lines: tuple[str, ...], told: str) -> None:
    assert sign(*lines) == told


def test_a_level_that_is_rare_below_may_be_a_header_that_came_in_again() -> None:
    rows = ["yes,no", "no,yes"] * 150 + ["kind,other"] * 2
    assert sign("kind,other", *rows) == ""
    assert (
        sign("kind,other", *rows, "kind,other", "kind,other") == "'kind' recurs in its column below"
    )


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_headers_of_published_tables_are_kept(path: Path) -> None:
    separator = " " if path.stem == "spector" else None
    frame, findings = read_table(path, FileWords(separator=separator))
    witness = pandas.read_csv(path, nrows=0, sep=separator, engine="python", encoding="utf-8-sig")
    assert frame.names == [name.strip() for name in witness.columns] and findings == []


@pytest.mark.parametrize("name", ["fair", "randhie", "grunfeld", "strikes", "sunspots", "ccard"])
def test_a_published_table_that_lost_its_header_keeps_its_first_row(name: str) -> None:
    path = next(path for path in SHIPPED if path.stem == name)
    Path("cut.csv").write_text(path.read_text().split("\n", 1)[1])
    whole, (frame, findings) = read_table(path, FileWords())[0], read_table("cut.csv", FileWords())
    assert frame.names == [f"column{position}" for position in range(1, len(whole.columns) + 1)]
    for column, witness in zip(frame.columns, whole.columns, strict=True):
        np.testing.assert_array_equal(column.values, witness.values)
        assert column.levels == witness.levels
    assert [each.check for each in findings] == ["no header"]


def test_a_missing_header_is_told_with_what_to_do() -> None:
    Path("some.csv").write_text(
        "5.1,3.5,1.4,1.2,setosa\n\n4.9,3.0,1.4,0.2,setosa\n7,3.2,4.7,1.4,setosa\n"
    )
    frame, findings = read_table("some.csv", FileWords())
    assert [each.describe() for each in findings] == [
        "WARN  some.csv seems to have no header: its first line looks like a row of data ('setosa' recurs in its column below) "
        "-> read as row 1, and the columns are called column1, column2, ..., column5; say their names with "
        "input.header=[name, name, ...]",
        "WARN  1 blank lines in some.csv (line 2) -> left out",
    ]
    assert frame["column1"].values.tolist() == [5.1, 4.9, 7]
    named, findings = read_table("some.csv", FileWords(header=("a", "b", "c", "d", "kind")))
    assert named["kind"].texts() == ["setosa"] * 3 and [each.check for each in findings] == [
        "blank lines"
    ]


def test_rows_below_the_first_thousand_are_read_too() -> None:
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

"""Files of other programs, drawn tables and tables in plain text."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest

import kissipo as ki
from kissipo.core.errors import DataError
from kissipo.input.formats.tables import FileWords, read_table
from kissipo.runs.check_data import check_data

TABLE = pd.DataFrame(
    {
        "height": [150.5 + row for row in range(40)],
        "city": [f"New {'AB'[row % 2]}" for row in range(40)],
        "kind": ["yes", "no"] * 20,
    }
)


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("a.dta", "a Stata file, which kissipo does not read. In Python: pandas.read_stata('a.dta')"
         ".to_csv('a.csv', index=False)"),
        ("a.sav", "an SPSS file"), ("a.sas7bdat", "a SAS file"), ("a.orc", "an ORC file"),
        ("a.h5", "an HDF5 file"), ("a.mat", "a MATLAB file"), ("a.html", "a page of HTML"),
        ("a.rds", 'a file of R, which kissipo does not read. In R: write.csv(readRDS("a.rds"), '
         '"a.csv", row.names = FALSE)'),
        ("a.pdf", "a PDF"), ("a.docx", "a Word document"), ("a.pkl", "a pickle"),
        ("a.nii.gz", "a NIfTI volume"), ("a.wav", "one recording"), ("a.gsheet", "a link to a"),
    ],
)  # fmt: skip
def test_other_files_are_called_what_they_are(name: str, what: str) -> None:
    Path(name).write_bytes(b"anything at all")
    for read in (lambda: ki.load(name), lambda: ki.load(name, output="y")):
        with pytest.raises(DataError) as refused:
            read()
        assert f"{name} is {what}" in str(refused.value)


def test_the_tables_of_a_database_are_named() -> None:
    with closing(sqlite3.connect("a.db")) as connection:
        TABLE.to_sql("people", connection)
    with pytest.raises(DataError, match=r"SQLite database.*got tables people.*read_sql_table"):
        ki.load("a.db", output="kind")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PAR1....", "not a text file but a Parquet file. Name it .parquet"),
        (b"\x89HDF\r\n\x1a\n", "not a text file but an HDF5 file. Name it .h5"),
        (b"SQLite format 3\0", "not a text file but a SQLite database. Name it .sqlite"),
        (b"<!DOCTYPE html>\n<html>", "is a page of HTML, and no table. Download the file itself"),
    ],
)
def test_files_with_a_wrong_ending(content: bytes, message: str) -> None:
    Path("a.csv").write_bytes(content)
    with pytest.raises(DataError) as refused:
        read_table("a.csv", FileWords())
    assert message in str(refused.value)


@pytest.mark.parametrize("ending", [".feather", ".arrow"])
def test_arrow_files_are_tables(ending: str) -> None:
    TABLE.to_feather("a" + ending)
    frame = read_table("a" + ending, FileWords())[0]
    assert frame["height"].values.tolist() == TABLE["height"].tolist()
    assert frame["city"].texts() == TABLE["city"].tolist()
    Path("b.arrow").write_bytes(b"ARROW1 and then nothing")
    with pytest.raises(DataError, match=r"b\.arrow is not a readable Arrow file"):
        read_table("b.arrow", FileWords())


def rows(before: str, between: str, after: str) -> list[str]:
    return [before + between.join(map(str, row)) + after for row in TABLE.values.tolist()]


DRAWN = {
    "markdown": ["| height | city | kind |", "|---:|:---|:--:|", *rows("| ", " | ", " |")],
    "plain bars": ["height | city | kind", "-------+------+-----", *rows(" ", " | ", ""),
                   "(40 rows)"],
    "boxes": ["+---+---+---+", "| height | city | kind |", "+===+===+===+",
              *rows("|", "|", "|"), "+---+---+---+"],
}  # fmt: skip


@pytest.mark.parametrize("form", list(DRAWN))
@pytest.mark.parametrize("name", ["a.csv", "a.md", "a.txt"])
def test_tables_between_bars(form: str, name: str) -> None:
    Path(name).write_text("\n".join(DRAWN[form]) + "\n")
    frame, findings = read_table(name, FileWords())
    assert frame.names == ["height", "city", "kind"]
    assert frame["height"].values.tolist() == TABLE["height"].tolist()
    assert frame["city"].texts() == TABLE["city"].tolist()
    assert "between" not in findings[0].message and "bars, as in Markdown" in findings[0].message


@pytest.mark.parametrize(
    ("content", "form"),
    [
        ("\n".join(DRAWN["markdown"]), "its cells stand between bars"),
        (TABLE.to_csv(index=False), "3 columns separated by commas"),
        (TABLE.to_csv(index=False, sep="\t"), "3 columns separated by tabs"),
        (TABLE.to_string(index=False), "columns of fixed width"),
    ],
)
def test_a_table_in_plain_text_is_not_learned_as_prose(content: str, form: str) -> None:
    Path("a.txt").write_text(content)
    with pytest.raises(DataError, match=f"a.txt looks like a table: {form}.*--output COLUMN"):
        ki.load("a.txt")


def test_columns_of_fixed_width_are_refused() -> None:
    Path("a.csv").write_text(TABLE.to_string(index=False))
    with pytest.raises(DataError, match=r"columns of fixed width.*pandas\.read_fwf\('a\.csv'\)"):
        read_table("a.csv", FileWords())


def test_prose_and_verse_are_learned() -> None:
    Path("a.txt").write_text("Shall I compare thee, love, to summer's day?\nNo, 3 times no.\n" * 60)
    assert ki.load("a.txt").output == {"text": "next"}


def test_labels_of_fasttext_are_refused() -> None:
    Path("a.txt").write_text("__label__good so nice\n__label__bad so dull\n" * 40)
    assert "in the format of fastText" in " ".join(x.describe() for x in check_data("a.txt"))

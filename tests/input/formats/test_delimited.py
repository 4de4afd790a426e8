"""CSV and TSV: the same cells as Python's csv and pandas; errors name the line."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kissipo.core.errors import DataError
from kissipo.core.frame import Frame
from kissipo.input.cells.text_column import is_missing
from kissipo.input.formats.tables import FileWords, read_table

CELL = st.text(st.sampled_from("abz ÄŽß,;|\t\"'\n.-€字"), max_size=6).map(lambda text: text + "x")


def read(content: str | bytes, *, name: str = "some.csv", **words: Any) -> Frame:
    """Reads a file with this content."""
    path = Path(name)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_table(path, FileWords(**words))[0]


def rows(frame: Frame) -> list[list[Any]]:
    """Returns the cells as text for people, row by row."""
    return [[column.show(row) for column in frame.columns] for row in range(len(frame))]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=5),
    st.sampled_from(",;\t|"),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.booleans(),
)
def test_csv_written_by_python_is_read_back(
    cells: list[tuple[str, ...]], separator: str, line_end: str, encoding: str, packed: bool
) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=separator, lineterminator=line_end, quoting=csv.QUOTE_ALL).writerows(
        [("a", "b", "c"), *cells]
    )  # quoted cells keep the blanks around them
    content = out.getvalue().encode(encoding)
    name = "cells.csv.gz" if packed else "cells.csv"
    frame = read(
        gzip.compress(content) if packed else content,
        name=name,
        separator=separator,
        encoding="utf-16" if encoding == "utf-16" else "utf-8",
    )
    assert frame.names == ["a", "b", "c"]
    assert rows(frame) == [list(row) for row in cells]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a,b\n1,x\n", [[1, "x"]]),
        ("a;b\n1,5;x\n", [[1.5, "x"]]),
        ("a\tb\nx, y; z\t2\n", [["x, y; z", 2]]),
        ("a|b\nx,y|2\nz|3\n", [["x,y", 2], ["z", 3]]),
        ("a\n1\n2\n", [[1], [2]]),
        ('a,b\n"one, two",1\n', [["one, two", 1]]),
        ('a,b\n"two\nlines",1\nc,2\n', [["two\nlines", 1], ["c", 2]]),
        ('a,b\n"say ""hi""",1\n', [['say "hi"', 1]]),
        ("a,b\r\n1,x\r\n", [[1, "x"]]),
        ("a,b\r1,x\r", [[1, "x"]]),
        ("a,b\n1,x", [[1, "x"]]),
        ("\ufeffa,b\n1,x\n", [[1, "x"]]),
        ("zip,b\n007,1\n010,2\n", [["007", 1], ["010", 2]]),
        ("a,b\n-1.5e3,NA\n.5,\n", [[-1500, None], [0.5, None]]),
        ("a,b\n1,\n", [[1, None]]),
    ],
)
def test_csv_small_files(content: str, expected: list[list[Any]]) -> None:
    assert rows(read(content)) == expected


def test_csv_messy_table_equals_pandas() -> None:
    generator = np.random.default_rng(0)
    words = ["plain", "two words", 'a "quote"', "comma, here", "new\nline", "Žluťoučký", ""]
    table = pandas.DataFrame(
        {
            "whole": generator.integers(-50, 50, 500),
            "real": np.where(generator.random(500) < 0.1, np.nan, generator.normal(size=500)),
            "word": generator.choice(words, 500),
            "code": [f"{number:04d}" for number in range(500)],
        }
    )
    table.to_csv("messy.csv", index=False)
    witness = pandas.read_csv("messy.csv", dtype={"code": str})
    frame = read_table("messy.csv", FileWords())[0]
    for name in ("whole", "real"):
        np.testing.assert_array_equal(frame[name].values, witness[name].to_numpy(np.float64))
    for name in ("word", "code"):
        assert frame[name].texts() == [
            None if pandas.isna(value) else value for value in witness[name]
        ]


@pytest.mark.parametrize(
    "name", ["airline-passengers", "daily-min-temperatures", "monthly-sunspots"]
)
def test_csv_real_series_equal_pandas(data: Path, name: str) -> None:
    path = data / "time-series-classic" / f"{name}.csv"
    frame, witness = read_table(path, FileWords())[0], pandas.read_csv(path)
    assert frame.names == list(witness.columns)
    assert frame.columns[0].texts() == witness.iloc[:, 0].tolist()
    np.testing.assert_array_equal(frame.columns[1].values, witness.iloc[:, 1].to_numpy(np.float64))


def test_tsv_without_quoting_keeps_every_quote(data: Path) -> None:
    path = data / "sms-spam" / "SMSSpamCollection.tsv"
    frame = read_table(path, FileWords(header=("kind", "message"), quoting=False))[0]
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    assert [
        f"{kind}\t{text}"
        for kind, text in zip(frame["kind"].texts(), frame["message"].texts(), strict=True)
    ] == lines


@pytest.mark.parametrize("turns_at", [999, 1_000, 60_000])
def test_column_type_text_is_decided_late(turns_at: int) -> None:
    cells = ["1.0"] * turns_at + ["word"] * (turns_at // 5)
    assert read("a,b\n" + "".join(f"{cell},1\n" for cell in cells))["a"].texts() == cells


def test_odd_cells_keep_their_row_and_text() -> None:
    column = read("income\n" + "10\n" * 6 + '"12,000"\n' + "10\n" * 20 + "1_000\nNA\n")["income"]
    assert column.odd == ((7, "12,000"), (28, "1_000"))
    assert np.flatnonzero(column.missing).tolist() == [6, 27, 28]


def test_decimal_and_thousands_separators() -> None:
    frame = read("a;b\n1.234,5;2\n-7,25;3\n", decimal=",", thousands=".")
    np.testing.assert_array_equal(frame["a"].values, [1234.5, -7.25])


@pytest.mark.parametrize(
    "cell", ["", " ", "NA", "n/a", "NaN", "null", "NULL", "?", "#N/A", "<NA>", " na "]
)
def test_missing_cells(cell: str) -> None:
    assert is_missing(cell)
    assert read(f'a,b\n"{cell}",1\n2,2\n')["a"].missing.tolist() == [True, False]
    assert read(f'a,b\n"{cell}",1\nx,2\n')["a"].texts() == [None, "x"]


@pytest.mark.parametrize("cell", ["0", "-", "none", "None", "no", "nil", "0.0", "."])
def test_present_cells(cell: str) -> None:
    assert not is_missing(cell)
    assert read(f"a,b\n{cell},1\nx,2\n")["a"].texts() == [cell, "x"]


def test_blank_lines_and_unnamed_columns_are_reported() -> None:
    Path("some.csv").write_text(",b\n1,2\n\n3,4\n\n")
    frame, findings = read_table("some.csv", FileWords())
    assert rows(frame) == [[1, 2], [3, 4]]
    assert [finding.describe() for finding in findings] == [
        "WARN  1 columns have no name in the header -> called column1",
        "WARN  2 blank lines in some.csv (lines 3, 5) -> left out",
    ]


def test_cache_reads_a_changed_file_again() -> None:
    assert rows(read("a,b\n1,2\n")) == [[1, 2]]
    assert rows(read("a,b\n1,2\n3,4\n")) == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("content", "words", "message"),
    [
        (b"", {}, "some.csv is empty. Give a file with a header and rows of data."),
        (b"\n\n", {}, "some.csv is empty."),
        (b"a,b\n", {},
         "some.csv has a header but no rows; got the columns a, b. Add rows of data below the "
         "header."),
        (b"a,b\n1,2\n3\n", {},
         "line 3 of some.csv has 1 cells where the header has 2 columns; there is no cell for "
         "'b'; got '3'."),
        (b"a,b\n1,2,3\n", {},
         "line 2 of some.csv has 3 cells where the header has 2 columns; the first extra cell is "
         "'3'"),
        (b'a,b\n"1\n2",3\n4\n', {}, "line 4 of some.csv has 1 cells"),
        (b"a,b,a\n1,2,3\n", {},
         "some.csv has the column 'a' 2 times in its header. Give every column its own name."),
        (b"1,2\n3,4\n", {},
         "its first line has only numbers; got 1,2. Put the names of the columns in the first "
         "line, or set"),
        (b'a,b\n1,2\n3,"x\n4,y\n', {},
         "the row that begins at line 3: a double quote is opened and never closed. Correct"),
        (b'a,b\n1,"x"y\n', {},
         "line 2: a double quote is closed in the middle of a cell. Correct the quotes of that "
         "row, or set "),
        (b'a,b\n1,"x"y\n', {}, "input.quoting=false when quotes belong to the text."),
        (b"a,b\n1,caf\xe9\n", {},
         "line 2 of some.csv is not valid utf-8: the byte 0xe9. Save the file as UTF-8, or set "
         "its"),
        ("a,b\n1,€\n".encode("utf-16"), {},
         "written in UTF-16, not in utf-8. Set input.encoding=utf-16, or save it as UTF-8."),
        (b"a,b\n1,\x00\n", {},
         "some.csv is not a text file: it contains zero bytes. Is it the right file?"),
        (b"PK\x03\x04", {},
         "some.csv is not a text file but a zip file (an Excel or ODS sheet?). Save it as CSV "
         "(UTF-8) first."),
        (b"\x89PNG\r\n", {}, "some.csv is not a text file but a PNG image."),
        (b"a,b\n1,2\n", {"encoding": "klingon"},
         "input.encoding is not a known encoding; got 'klingon'. Try utf-8, latin-1, cp1252"),
        (b"a,b\n1,2\n", {"separator": ";;"},
         "input.separator must be a single character, or '::'; got ';;'. Allowed: such as ';',"),
        (b"a,b\n1,2\n", {"header": ("x",)},
         "line 1 of some.csv has 2 cells where the header has 1 columns; the first extra cell"),
    ],
)  # fmt: skip
def test_csv_errors_name_the_line(content: bytes, words: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError) as refused:
        read(content, **words)
    assert message in str(refused.value)


def test_gzip_incomplete_file_is_refused() -> None:
    with pytest.raises(
        DataError, match=r"some.csv.gz is not a complete gzip file. Download or compress it again."
    ):
        read(gzip.compress(b"a,b\n" + b"1,2\n" * 999)[:-9], name="some.csv.gz")

"""Tables written by pandas and polars in their dialects of CSV are read back."""

from __future__ import annotations

import csv
import datetime
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import polars
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kissipo.core.errors import DataError
from kissipo.core.frame import Column, Frame
from kissipo.input.cells import cell_bytes, digits, text_column
from kissipo.input.cells.cell_bytes import UnclearLayoutError
from kissipo.input.cells.number_columns import TypedCells
from kissipo.input.cells.number_texts import split_number
from kissipo.input.cells.text_column import is_missing
from kissipo.input.formats import delimited
from kissipo.input.formats.delimited import Layout, read_typed
from kissipo.input.formats.tables import FileWords, read_table

ALPHABET = st.characters(
    codec="utf-8", exclude_categories=("Cc", "Cs", "Co"), include_characters='\n"\t'
)
TEXTS = st.one_of(
    st.sampled_from(["red", "green", "a b", "x;y", 'say "no"', "l1\nl2", " pad", "pad ", "1.5 m"]),
    st.sampled_from(["007", "1.2.3", "NA", "", "O'Hara", "0151-22", "true", "1e5", "äöü", "中文"]),
    st.text(ALPHABET, max_size=12),
)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
COLUMNS: dict[str, st.SearchStrategy[Any]] = {
    "text": TEXTS,
    "float": FLOATS,
    "short": st.integers(-9999, 9999).map(lambda number: number / 100),
    "integer": st.integers(-(2**40), 2**40),
    "boolean": st.booleans(),
    "date": st.dates(datetime.date(1900, 1, 1), datetime.date(2100, 1, 1)),
}


def quick(function: Any) -> Any:
    """The test with few examples; `thorough` in the slow lane has many."""
    return settings(
        max_examples=60, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
    )(function)


def thorough(function: Any) -> Any:
    return settings(
        max_examples=2000, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
    )(function)


@st.composite
def tables(draw: st.DrawFn) -> dict[str, tuple[str, list[Any]]]:
    """Columns of values, each with its kind."""
    rows = draw(st.integers(3, 12))
    kinds = draw(st.lists(st.sampled_from(sorted(COLUMNS)), min_size=2, max_size=5))
    return {
        f"column {kind} {place}": (
            kind,
            draw(
                st.lists(
                    st.one_of(COLUMNS[kind], COLUMNS[kind], COLUMNS[kind], st.none()),
                    min_size=rows,
                    max_size=rows,
                )
            ),
        )
        for place, kind in enumerate(kinds)
    }


@st.composite
def pandas_dialects(draw: st.DrawFn) -> dict[str, Any]:
    decimal = draw(st.sampled_from(".,"))
    return {
        "sep": draw(st.sampled_from(",;\t|" if decimal == "." else ";\t|")),
        "decimal": decimal,
        "quoting": draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])),
        "lineterminator": draw(st.sampled_from(["\n", "\r\n"])),
        "encoding": draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "gb18030"])),
        "na_rep": draw(st.sampled_from(["", "NA", "NaN", "null", "?"])),
        "header": draw(st.booleans()),
    }


@st.composite
def polars_dialects(draw: st.DrawFn) -> dict[str, Any]:
    decimal_comma = draw(st.booleans())
    return {
        "separator": draw(st.sampled_from(";\t|" if decimal_comma else ",;\t|")),
        "decimal_comma": decimal_comma,
        "quote_style": draw(st.sampled_from(["necessary", "always", "non_numeric"])),
        "line_terminator": draw(st.sampled_from(["\n", "\r\n"])),
        "include_bom": draw(st.booleans()),
        "null_value": draw(st.sampled_from(["", "NA", "null"])),
        "include_header": draw(st.booleans()),
    }


def check_pandas(table: dict[str, tuple[str, list[Any]]], dialect: dict[str, Any]) -> None:
    frame = pandas.DataFrame(
        {name: pandas.Series(values, dtype=object) for name, (_, values) in table.items()}
    )
    for name, (kind, _) in table.items():
        if kind in ("float", "short"):
            frame[name] = frame[name].astype(float)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        frame.to_csv(path, index=False, **dialect)
        all_quoted = dialect["quoting"] != csv.QUOTE_MINIMAL
        check(path, table, dialect["sep"], dialect["encoding"], dialect["header"], all_quoted)


def check_polars(table: dict[str, tuple[str, list[Any]]], dialect: dict[str, Any]) -> None:
    types = {"text": polars.String, "float": polars.Float64, "short": polars.Float64}
    types |= {"integer": polars.Int64, "boolean": polars.Boolean, "date": polars.Date}
    frame = polars.DataFrame(
        [polars.Series(name, values, types[kind]) for name, (kind, values) in table.items()]
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        frame.write_csv(path, **dialect)
        all_quoted = dialect["quote_style"] != "necessary"
        check(path, table, dialect["separator"], "utf-8", dialect["include_header"], all_quoted)


def check(
    path: Path,
    table: dict[str, tuple[str, list[Any]]],
    separator: str,
    encoding: str,
    header: bool,
    all_quoted: bool,
) -> None:
    """Reads a file with all readers, and compares it with the table that it holds."""
    layout = Layout(separator, None if header else tuple(table), encoding)
    typed = read_with_all_readers(path, layout)
    assert typed is not None, "refused"
    refused = [finding for finding in typed.findings if finding.level == "FAIL"]
    for finding in refused:  # only an ambiguity, which names the option that decides it
        assert finding.check in ("number notation", "units"), finding
        assert "input." in finding.action, finding
    reported = [finding.message for finding in typed.findings if "missing" in finding.check]
    if not refused:
        for name, (kind, values) in table.items():
            compare(typed.frame[name], kind, values, reported, exact=all_quoted)


def read_with_all_readers(path: Path, layout: Layout) -> TypedCells | None:
    """Returns what all readers agree on; None where they refuse the file."""
    results: list[TypedCells | str] = []
    for reader in ("compiled", "numpy", "rows"):
        with pytest.MonkeyPatch.context() as patch:
            if reader == "numpy":
                for module in (cell_bytes, digits, text_column):
                    patch.setattr(module, "library", lambda: None)
            if reader == "rows":
                patch.setattr(delimited, "split_cells", _never)
            delimited._read_once.cache_clear()
            try:
                results.append(read_typed(path, layout))
            except DataError as error:
                results.append(str(error))
    *blocks, rows = results
    for read in blocks:
        if isinstance(read, str) or isinstance(rows, str):
            assert read == rows
            continue
        assert_equal(read.frame, rows.frame)
        assert read.findings == rows.findings
        assert read.inferred == rows.inferred
    return None if isinstance(rows, str) else rows


def _never(*arguments: Any, **options: Any) -> Any:
    raise UnclearLayoutError


def assert_equal(one: Frame, other: Frame) -> None:
    assert one.names == other.names
    for left, right in zip(one.columns, other.columns, strict=True):
        assert repr(replace(left, values=np.zeros(0))) == repr(replace(right, values=np.zeros(0)))
        assert left.values.dtype == right.values.dtype
        np.testing.assert_array_equal(left.values, right.values)
        if left.kind == "number":
            np.testing.assert_array_equal(np.signbit(left.values), np.signbit(right.values))


def compare(
    column: Column, kind: str, values: list[Any], reported: list[str], *, exact: bool
) -> None:
    """Compares a column with the values that were written; blanks around texts count
    where all texts are quoted. Words read as missing values must be reported."""
    if kind == "text":
        wanted = [None if text is None or is_missing(text) else text for text in values]
        if column.kind != "string":
            for text in filter(None, wanted):
                in_report = any(f"'{text.strip()}'" in message for message in reported)
                assert split_number(text) or in_report, (text, column)
            return
        texts = column.texts()
        if not exact:
            texts, wanted = ([text and text.strip() for text in cells] for cells in (texts, wanted))
        assert texts == wanted
        return
    assert len(column) == len(values)
    for row, value in enumerate(values):
        is_empty = bool(column.missing[row])
        assert is_empty == (value is None), (row, value, column)
        if value is None:
            continue
        if kind in ("float", "short", "integer"):
            assert column.kind == "number", column
            assert column.values[row] == float(value)
        elif kind == "boolean":
            assert column.texts()[row].lower() == str(value).lower()
        else:
            assert column.texts()[row] == value.isoformat()


@given(tables(), pandas_dialects())
@quick
def test_pandas_dialects_are_read_back(table: Any, dialect: Any) -> None:
    check_pandas(table, dialect)


@given(tables(), polars_dialects())
@quick
def test_polars_dialects_are_read_back(table: Any, dialect: Any) -> None:
    check_polars(table, dialect)


@pytest.mark.slow
@given(tables(), pandas_dialects())
@thorough
def test_pandas_dialects_are_read_back_thorough(table: Any, dialect: Any) -> None:
    check_pandas(table, dialect)


@pytest.mark.slow
@given(tables(), polars_dialects())
@thorough
def test_polars_dialects_are_read_back_thorough(table: Any, dialect: Any) -> None:
    check_polars(table, dialect)


CELLS = st.one_of(
    st.sampled_from(
        ["", "NA", "0", "-0", "+5", "007", "1.5", ".5", "5.", "-.5", "1e5", "1.2.3", "-", "+", "."]
    ),
    st.sampled_from(
        ["9007199254740993", "12345678901234567890", "0.1234567890123456789", "1_000", "inf", "nan"]
    ),
    st.sampled_from(
        ["1,5", '"a"', '" a"', '"a "', ' "a"', '"a""b"', '"1.5"', '""', 'a"b', '"a', " 7"]
    ),
    st.sampled_from(["\r", "\n", "\u00a07", "\u3000", "\ue000a", "\0", "7 ", "１２", "a\u2003"]),
    st.floats().map(repr),
    st.floats(-1e6, 1e6).map(lambda number: f"{number:.3f}"),
    st.integers().map(str),
    st.text(max_size=6),
    st.text("abc", min_size=1, max_size=40),
)


@st.composite
def raw_files(draw: st.DrawFn) -> str:
    """Lines of cells that may need quotes but do not always have them."""
    width, rows = draw(st.integers(1, 3)), draw(st.integers(1, 6))
    kinds = [
        draw(st.one_of(CELLS.map(st.just), st.just(CELLS), st.just(CELLS))) for _ in range(width)
    ]
    end = draw(st.sampled_from(["\n", "\r\n"]))
    names = [f"name{place}" for place in range(width)]
    lines = [names] + [[draw(kind) for kind in kinds] for _ in range(rows)]
    return end.join(",".join(cells) for cells in lines) + draw(
        st.sampled_from(["", end, end + end])
    )


def check_raw(content: str, quoting: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        path.write_bytes(content.encode("utf-8", "replace"))
        read_with_all_readers(path, Layout(",", quoting=quoting))


@given(raw_files(), st.booleans())
@example("a,b\n1,x\n2,y\n007,z\n", True)
@example('a,b\n"1.5",x\n"2,5"," y "\n', True)
@example('a,b\n" a",', True)
@example("a,b\n1," + "x" * 50 + "\n1,y\n1,z\n", True)
@settings(max_examples=150, derandomize=True, deadline=None)
def test_blocks_and_rows_agree(content: str, quoting: bool) -> None:
    check_raw(content, quoting)


@pytest.mark.slow
@given(raw_files(), st.booleans())
@thorough
def test_blocks_and_rows_agree_thorough(content: str, quoting: bool) -> None:
    check_raw(content, quoting)


@pytest.mark.parametrize("rows", [3000])
def test_blocks_equal_rows_over_several_blocks(tmp_path: Path, rows: int) -> None:
    """Repeated, distinct and nearly distinct texts, codes late in the file."""
    generator = np.random.default_rng(1)
    lines = ["number,full,class,note,nearly,code,quoted"]
    for row in range(rows):
        number = "" if row % 50 == 7 else f"{generator.normal():.4f}"
        note = f"note {generator.integers(10**9)} of row {row}"
        code = "007" if row == rows - 2 else str(row + 1000)
        lines.append(
            f"{number},{generator.normal()!r},level{row % 7},{note},"
            f'x {generator.integers(10**5)},{code},"a, ""{row % 3}"""'
        )
    path = tmp_path / "table.csv"
    path.write_text("\n".join(lines))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kissipo.input.cells.cell_bytes.BLOCK", 1 << 14)
        typed = read_with_all_readers(path, Layout(","))
    assert typed is not None
    frame = typed.frame
    assert [column.kind for column in frame.columns] == ["number"] * 2 + ["string"] * 5
    assert frame["code"].texts()[-2:] == ["007", str(rows + 999)]
    assert frame["full"].values.tolist() == [float(line.split(",")[1]) for line in lines[1:]]
    assert frame["quoted"].texts()[:2] == ['a, "0"', 'a, "1"']


NAMES = ["Ada", "Bob", "Cy", "Dee", "Eve"]
CODES = ["DE", "FR", "ZA", "BW", "AT", "NA", ""]


@pytest.mark.parametrize("distinct", [False, True])
def test_null_texts_that_are_values_over_several_blocks(tmp_path: Path, distinct: bool) -> None:
    """NA is a country, Null a surname; NA and null of other columns are missing."""
    lines, rows = ["country,name,note,amount"], 3000
    for row in range(rows):
        name = "Null" if row == rows - 7 else f"{NAMES[row % 5]}{'x' * distinct} {row * distinct}"
        note = "null" if row == rows - 9 else f"note {row % 5 if not distinct else row}"
        amount = "NA" if row % 40 == 3 else f"{row / 8}"
        lines.append(f"{CODES[row % 7]},{name},{note},{amount}")
    path = tmp_path / "table.csv"
    path.write_text("\n".join(lines))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kissipo.input.cells.cell_bytes.BLOCK", 1 << 13)
        typed = read_with_all_readers(path, Layout(","))
    assert typed is not None
    frame = typed.frame
    assert {option.place: option.value for option in typed.inferred} == {
        "input.not_missing": ["country", "name"]
    }
    assert frame["country"].texts()[5:7] == ["NA", None]
    assert frame["name"].texts()[rows - 7] == "Null"
    assert frame["note"].texts()[rows - 9] is None
    assert frame["amount"].kind == "number"
    assert frame["amount"].missing.tolist() == [row % 40 == 3 for row in range(rows)]


@pytest.mark.parametrize(
    ("line", "check"),
    [
        ("# restarted", "comments"),
        ("", "blank lines"),
        ("Source: the office of statistics", "notes below the table"),
        ("Note: made in May,,", "notes below the table"),
    ],
)
@pytest.mark.parametrize("place", [500, 2400])
def test_lines_that_are_no_rows(tmp_path: Path, line: str, check: str, place: int) -> None:
    """They are left out and reported, and notes only below the last row."""
    rows = [f"{row},{row / 4},kind {row % 3},x{row % 5}" for row in range(2400)]
    path = tmp_path / "table.csv"
    path.write_text("\n".join(["a,b,c,d", *rows[:place], line, *rows[place:], ""]))
    typed = read_with_all_readers(path, Layout(","))
    if check.startswith("notes") and place < len(rows):
        assert typed is None
        return
    assert typed is not None
    assert len(typed.frame) == len(rows)
    assert [finding.check for finding in typed.findings] == [check]


def test_cells_between_blanks(tmp_path: Path) -> None:
    path = tmp_path / "table.txt"
    path.write_text("\n".join(["mpg  cyl   disp", *(f" {row}.0  4   {row}" for row in range(99))]))
    typed = read_with_all_readers(path, Layout())
    assert typed is not None
    assert typed.frame.names == ["mpg", "cyl", "disp"]
    assert typed.frame["disp"].values.tolist() == list(range(99))


@pytest.mark.parametrize("words", [{}, {"separator": "::"}], ids=["inferred", "written"])
def test_cells_between_double_colons(words: dict[str, str], tmp_path: Path) -> None:
    """As MovieLens 1M writes them: a title may contain a colon, a comma or a bar."""
    lines = [
        "MovieID::Title::Genres",
        "1::Alien: Covenant (2017)::Horror|Sci-Fi",
        "7::M, 1931::War",
    ]
    path = tmp_path / "movies.dat"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    frame, findings = read_table(path, FileWords(**words))
    assert frame.names == ["MovieID", "Title", "Genres"]
    assert frame["MovieID"].values.tolist() == [1, 7]
    assert list(frame["Title"].texts()) == ["Alien: Covenant (2017)", "M, 1931"]
    assert frame["Genres"].texts()[0] == "Horror|Sci-Fi"
    messages = [finding.message for finding in findings if finding.check == "separator"]
    assert messages == ([] if words else ["the cells of movies.dat are separated by '::'"])


def test_double_colons_of_names_do_not_separate_cells(tmp_path: Path) -> None:
    path = tmp_path / "types.csv"
    path.write_text("name,type\nqueue,std::deque\nmap,std::map\n", encoding="utf-8")
    assert read_table(path, FileWords())[0].names == ["name", "type"]

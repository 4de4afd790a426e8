"""Data frames of any library, Parquet, TSV and JSON lines: one table, one frame."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import polars
import pyarrow
import pytest

from kissipo.core.errors import DataError
from kissipo.core.frame import Frame
from kissipo.input.formats.tables import FileWords, read_table

ROWS: list[dict[str, Any]] = [
    {"age": 31.5, "count": 7, "city": "Brno", "member": True, "at": datetime(2024, 3, 1, 12, 30)},
    {"age": None, "count": -2, "city": None, "member": False, "at": None},
    {"age": 1e-3, "count": 0, "city": "Žďár, nad", "member": None, "at": datetime(1949, 1, 1)},
]
LIBRARIES: list[Callable[[list[dict[str, Any]]], Any]] = [
    pandas.DataFrame,
    lambda rows: pandas.DataFrame(rows).convert_dtypes(),
    polars.DataFrame,
    polars.LazyFrame,
    pyarrow.Table.from_pylist,
]


def frame_of(data: Any) -> Frame:
    return read_table(data, FileWords())[0]


def cells_of(frame: Frame) -> dict[str, list[Any]]:
    return {
        column.name: [column.show(row) for row in range(len(frame))] for column in frame.columns
    }


@pytest.mark.parametrize("library", LIBRARIES)
def test_dataframe_libraries_give_the_same_frame(
    library: Callable[[list[dict[str, Any]]], Any],
) -> None:
    frame = frame_of(library(ROWS))
    assert [column.kind for column in frame.columns] == [
        "number",
        "number",
        "string",
        "string",
        "time",
    ]
    assert cells_of(frame) == {
        "age": [31.5, None, 0.001],
        "count": [7, -2, 0],
        "city": ["Brno", None, "Žďár, nad"],
        "member": ["true", "false", None],
        "at": ["2024-03-01T12:30:00", None, "1949-01-01T00:00:00"],
    }


def test_file_formats_give_the_frame_of_the_csv() -> None:
    rows = [
        {key: value for key, value in row.items() if key not in ("member", "at")} for row in ROWS
    ]
    table = polars.DataFrame(rows)
    table.write_csv("some.csv")
    table.write_csv("some.tsv", separator="\t")
    table.write_parquet("some.parquet")
    table.write_ndjson("some.jsonl")
    Path("some.json").write_text(json.dumps(rows))
    expected = frame_of("some.csv")
    assert len(expected) == 3
    for name in ("some.tsv", "some.parquet", "some.jsonl", "some.json"):
        frame = frame_of(name)
        assert frame.names == expected.names
        assert frame.fingerprint() == expected.fingerprint(), name


def test_time_zones_are_dropped_and_dates_are_midnight() -> None:
    zoned = polars.DataFrame(
        {"at": [datetime(2024, 3, 1, 12, tzinfo=UTC)], "on": [date(2024, 3, 1)]}
    )
    assert cells_of(frame_of(zoned)) == {
        "at": ["2024-03-01T12:00:00"],
        "on": ["2024-03-01T00:00:00"],
    }


def test_mixed_column_keeps_few_texts_with_their_rows() -> None:
    cells = [*range(10, 30), "12,000", None]
    Path("some.jsonl").write_text("".join(json.dumps({"income": cell}) + "\n" for cell in cells))
    for data in (pandas.DataFrame({"income": cells}, dtype=object), "some.jsonl"):
        column = frame_of(data)["income"]
        assert column.odd == ((21, "12,000"),)
        np.testing.assert_array_equal(column.values, [*range(10, 30), np.nan, np.nan])


def test_columns_named_by_numbers_and_categories_are_read() -> None:
    table = pandas.DataFrame({0: [1, 2], "kind": pandas.Categorical(["b", None])})
    assert cells_of(frame_of(table)) == {"0": [1, 2], "kind": ["b", None]}


def test_json_lines_missing_names_are_missing_values() -> None:
    Path("some.jsonl").write_text('{"a": 1}\n\n{"b": "x", "a": null}\n{"b": true}\n')
    assert cells_of(frame_of("some.jsonl")) == {"a": [1, None, None], "b": [None, "x", "true"]}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (pandas.DataFrame(), "the data frame has no rows."),
        (polars.DataFrame({"a": []}), "the data frame has no rows."),
        (pandas.DataFrame([[1, 2]], columns=["a", "a"]),
         "the data frame has two columns with the same name. Give every column"),
        (pandas.DataFrame({"a": [[1]]}),
         "the column 'a' contains nested values; got [1]. Flatten it into columns first."),
        (polars.DataFrame({"a": [[1]]}),
         "the column 'a' has the type List(Int64). Allowed: numbers, texts, true/false, dates."),
        (polars.DataFrame({"a": [time(1)]}),
         "the column 'a' has the type Time. Allowed: numbers, texts, true/false, dates."),
        ([1, 2],
         "input.table is neither a file nor a data frame; got list. Allowed: a path, or a "
         "pandas, polars or pyarrow"),
    ],
)  # fmt: skip
def test_dataframe_of_unsupported_type_is_refused(data: Any, message: str) -> None:
    with pytest.raises(DataError) as refused:
        frame_of(data)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b'{"a": 1}\nnope\n',
         "line 2 of a.jsonl is not JSON: Expecting value; got 'nope'. Write one object per line."),
        ("a.jsonl", b"3\n",
         'line 1 of a.jsonl is not an object; got 3. Allowed: such as {"age": 31, "city": '
         '"Brno"}.'),
        ("a.jsonl", b'{"a": {"b": 1}}',
         "line 1 of a.jsonl has a nested value under 'a'; got {\"b\": 1}. Allowed: numbers"),
        ("a.json", b"[1, 2]",
         "entry 1 of a.json is not an object; got 1. Allowed: a list of objects."),
        ("a.json", b"[]", "a.json is empty. Give one JSON object per line."),
        ("a.json", b'[{"a": 1},\n nope]', "line 2 of a.json is not JSON: Expecting value."),
        ("a.jsonl", b'{"a": "\xe9"}', "line 1 of a.jsonl is not valid utf-8: the byte 0xe9."),
        ("a.parquet", b"PAR1 and then nothing", "a.parquet is not a readable Parquet file: "),
        ("a.xyz", b"a,b",
         "a.xyz does not have a table format that can be read; got '.xyz'. Allowed: .csv, .tsv, "
         ".data, .dat, .tab, .txt, .md,"),
    ],
)  # fmt: skip
def test_table_file_of_unsupported_format_is_refused(
    name: str, content: bytes, message: str
) -> None:
    Path(name).write_bytes(content)
    with pytest.raises(DataError) as refused:
        frame_of(name)
    assert message in str(refused.value)


def test_number_beyond_every_float_is_infinite() -> None:
    Path("a.jsonl").write_text(f'{{"a": 1{"0" * 400}}}\n{{"a": -1{"0" * 400}}}\n')
    assert frame_of("a.jsonl")["a"].values.tolist() == [np.inf, -np.inf]

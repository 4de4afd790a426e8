"""Rows that a person gives to a trained run: a table, or values by column."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from shlex import quote

import numpy as np

from kissipo.core.codec import Codec, columns_of
from kissipo.core.errors import TaskError
from kissipo.core.frame import Column, Frame, numbers, strings
from kissipo.core.task import split_argument
from kissipo.input.cells.null_texts import NULL_TEXTS
from kissipo.input.cells.number_texts import split_number
from kissipo.input.cells.text_column import is_missing
from kissipo.input.formats.dataframe import is_dataframe
from kissipo.input.formats.tables import FileWords, is_table_file, read_table


def parse_rows(
    values: Sequence[object], options: object, codecs: Sequence[Codec], *, usage: str
) -> Frame:
    """Returns the rows of a table, or of values that name their columns.

    Raises:   TaskError for values that do not name their columns.
    """
    table = given_table(values, options)
    if table is not None:
        return table
    names = columns_of(codecs)
    values = [_object_of(value, names) or value for value in values]
    rows: list[Mapping[str, object]] = []
    if _are_named(values, names):
        rows = [dict(_cell(str(value), codecs, options) for value in values)]
    elif len(names) == 1:
        rows = [value if isinstance(value, Mapping) else {names[0]: value} for value in values]
    elif all(isinstance(value, Mapping) for value in values):
        rows = [value for value in values if isinstance(value, Mapping)]
    else:
        raise TaskError("the values do not name their columns", got=repr(values[0])[:60], do=usage)
    present = list(dict.fromkeys(name for row in rows for name in row))
    marked = options.not_missing or () if isinstance(options, FileWords) else ()
    columns = (
        column_of(
            name, [row.get(name) for row in rows], values=NULL_TEXTS if name in marked else ()
        )
        for name in present
    )
    return Frame(tuple(columns), origin="the input")


def _object_of(value: object, names: Sequence[str]) -> Mapping[str, object] | None:
    """Returns the row that a text of JSON is; None for another text.

    Example:  >>> _object_of('{"age": 31}', ["age"]), _object_of("{x}", ["age"])
              ({'age': 31}, None)
    """
    if not isinstance(value, str) or not value.lstrip().startswith("{"):
        return None
    try:
        content = json.loads(value)
    except ValueError:
        return None
    is_row = isinstance(content, dict) and any(name in content for name in names)
    return content if is_row else None


def _are_named(values: Sequence[object], names: Sequence[str]) -> bool:
    """Whether all values name their columns. The value of a single column may have an
    equals sign itself."""
    texts = [value for value in values if isinstance(value, str) and "=" in value]
    if len(texts) < len(values):
        return False
    return len(names) > 1 or all(text.partition("=")[0].strip() == names[0] for text in texts)


def _cell(argument: str, codecs: Sequence[Codec], options: object) -> tuple[str, object]:
    """Returns the column and the value of `km=12.345`. It stays a text where the point
    may separate thousands, as in the training data: `fit_to` refuses it then."""
    name, value = split_argument(argument)
    text = argument.partition("=")[2]
    number = split_number(text)
    is_number = any(name in codec.number_columns for codec in codecs)
    decimal = options.cells().prior if isinstance(options, FileWords) else None
    if number is not None and number.evidence == "point?" and decimal == "," and is_number:
        return name, text
    return name, value


def row_usage(codecs: Sequence[Codec]) -> str:
    """Returns a sentence that says how a row is given."""
    names = columns_of(codecs)
    if len(names) == 1:
        return 'Give a value: kissipo predict RUN "text"'
    example = " ".join(quote(f"{name}=...") for name in names[:3])
    return (
        f"Give a file (--file new.csv), or one row as {example}{' ...' if len(names) > 3 else ''}"
    )


def given_table(values: Sequence[object], options: object) -> Frame | None:
    """Returns the table that the values are: a data frame or one file; else None.

    options:   the options of the source, which may describe the format of the file
    """
    first = values[0]
    words = options if isinstance(options, FileWords) else FileWords()
    words = replace(words, extra_rows="keep")  # one prediction per row
    if is_dataframe(first):
        return read_table(first, words)[0]
    is_file = isinstance(first, Path) or (
        isinstance(first, str) and _is_file(first) and is_table_file(Path(first))
    )
    if not is_file or len(values) > 1:
        return None
    return read_table(first, words)[0]


def column_of(name: str, cells: list[object], *, values: Collection[str] = ()) -> Column:
    """Returns a column of numbers if all present cells are numbers, else of texts.

    values:   texts in lower case that are values, although they mean a missing
              value elsewhere
    """
    cells = [
        None
        if cell is None
        or (isinstance(cell, str) and is_missing(cell) and cell.strip().lower() not in values)
        else cell
        for cell in cells
    ]
    if all(
        cell is None or (isinstance(cell, int | float | np.number) and not isinstance(cell, bool))
        for cell in cells
    ):
        return numbers(name, cells)
    return strings(
        name,
        [
            None if cell is None else str(cell).lower() if isinstance(cell, bool) else str(cell)
            for cell in cells
        ],
    )


def _is_file(value: str) -> bool:
    try:
        return Path(value).is_file()
    except OSError:
        return False

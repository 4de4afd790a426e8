"""Parses the inputs of a prediction (texts, paths, dicts, files) into a frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kissipo.codec.labels import as_strings
from kissipo.core.codec import Codec
from kissipo.core.errors import DataError, TaskError
from kissipo.core.finding import refuse_failures
from kissipo.core.frame import Column, Frame, image_column, numbers, strings
from kissipo.core.suggest import nearest
from kissipo.core.task import split_argument
from kissipo.input.check.columns import infinities, mixed_types
from kissipo.input.formats.cells import is_missing
from kissipo.input.formats.dataframe import from_dataframe, is_dataframe
from kissipo.input.formats.files import open_text
from kissipo.input.formats.game_folder import read_ends
from kissipo.input.formats.tables import FileWords, is_table_file, read_table
from kissipo.pipeline.parse import ResolvedTask


def frame_of(values: Sequence[Any], resolved: ResolvedTask, codecs: Sequence[Codec]) -> Frame:
    """Returns a frame of the values.

    Raises:   TaskError when the source does not accept the values.
    """
    if not values:
        raise TaskError("there is no value to predict", do=_how(resolved, codecs))
    first = values[0]
    if isinstance(first, Frame):
        return first
    if resolved.source.name == "images":
        return _images(values)
    if resolved.source.name == "games":
        return _boards(values)
    if is_dataframe(first):
        return from_dataframe(first, origin="the data frame")
    if resolved.source.name == "text":
        text = _text_of(first, resolved) if isinstance(first, Path) else str(first)
        return Frame(
            (
                strings(
                    "text",
                    list(text)
                    if resolved.source.options.tokenizer == "characters"
                    else text.split(),
                ),
            ),
            origin="the text",
        )
    named = isinstance(first, Path) or (
        isinstance(first, str) and _is_file(first) and is_table_file(Path(first))
    )
    if named and len(values) == 1 and isinstance(resolved.source.options, FileWords):
        return read_table(first, resolved.source.options)[0]
    if resolved.source.name == "series":
        return _steps(values, codecs)
    return _rows(values, resolved, codecs)


def fit_to(frame: Frame, codecs: Sequence[Codec], *, also: Sequence[str] = ()) -> Frame:
    """Returns the columns of the codecs, in the types of the training data.

    Raises:   DataError for a column that is missing or renamed, or that holds texts
              where the training data had numbers.
    """
    needed = list(dict.fromkeys([*(column for codec in codecs for column in codec.columns), *also]))
    absent = [name for name in needed if name not in frame]
    if absent:
        spare = [name for name in frame.names if name not in needed]
        close = nearest(absent[0], spare)
        hint = (
            f"Was '{close[0]}' meant? Rename it to '{absent[0]}'"
            if close
            else f"Add the column '{absent[0]}'"
        )
        raise DataError(
            f"{frame.origin} has no column '{absent[0]}', which this run was trained with",
            got="the columns " + ", ".join(frame.names),
            allowed="all of " + ", ".join(needed),
            do=hint,
        )
    wanted_numbers = _number_columns(codecs)
    columns = []
    for name in needed:
        column = frame[name]
        if name in wanted_numbers and column.kind == "string":
            column = _as_numbers(column)
        elif name not in wanted_numbers and column.kind == "number":
            column = as_strings(column)
        columns.append(column)
    fitted = Frame(tuple(columns), frame.origin, frame.rows)
    refuse_failures(mixed_types(fitted, wanted_numbers) + infinities(fitted, wanted_numbers))
    return fitted


def _number_columns(codecs: Sequence[Codec]) -> list[str]:
    names: list[str] = []
    for codec in codecs:
        inner = [*getattr(codec, "codecs", ()), *([codec.inner] if hasattr(codec, "inner") else [])]
        if codec.KIND == "numbers":
            names += codec.columns
        elif codec.KIND == "cross":
            names += [
                name for name in codec.columns if name in (getattr(codec, "edges", None) or {})
            ]
        elif inner:
            names += _number_columns(inner)
    return list(dict.fromkeys(names))


def _as_numbers(column: Column) -> Column:
    values, invalid = np.full(len(column), np.nan), []
    for position, text in enumerate(column.texts()):
        if text is None or is_missing(text):
            continue
        try:
            values[position] = float(text)
        except ValueError:
            invalid.append((position + 1, text))
    return Column(column.name, "number", values, odd=tuple(invalid), odd_count=len(invalid))


def _is_file(value: str | Path) -> bool:
    try:
        return Path(value).is_file()
    except OSError:
        return False


def _text_of(path: Path, resolved: ResolvedTask) -> str:
    with open_text(path, resolved.source.options.encoding) as file:
        return file.read()


def _boards(values: Sequence[Any]) -> Frame:
    """Returns the last positions of game records, or boards given as letters or arrays.

    The boards are seen by the player to move.
    """
    boards: list[str] = []
    for value in values:
        if not isinstance(value, str | Path):
            boards.append(_in_letters(value))
        elif isinstance(value, str) and value and not set(value) - set(".XO"):
            boards.append(value)
        else:
            boards += read_ends(Path(value))
    return Frame((strings("board", boards),), origin="the boards")


def _in_letters(board: Any) -> str:
    """Returns an array of 1, -1 and 0 as the letters of a board."""
    points = np.asarray(board).reshape(-1)
    invalid = [value for value in points.tolist() if value not in (1, -1, 0)]
    if invalid:
        raise DataError(
            "a board as an array holds numbers",
            got=repr(invalid[0]),
            allowed="1 own stones, -1 the other's, 0 empty points",
        )
    return "".join(np.array(list(".XO"))[points.astype(np.int64)])


def _images(values: Sequence[Any]) -> Frame:
    cells = np.empty(len(values), dtype=object)
    for position, value in enumerate(values):
        if isinstance(value, str | Path):
            if Path(value).is_dir():
                raise DataError(
                    f"{value} is a folder",
                    allowed="image files",
                    do="Use run.predict_folder(folder)",
                )
            cells[position] = str(value)
            continue
        image = np.asarray(value)
        if image.dtype != np.uint8:
            image = np.round(image * (255 if image.max() <= 1 else 1)).clip(0, 255).astype(np.uint8)
        cells[position] = image
    return Frame((image_column("image", cells),), origin="the images")


def _steps(values: Sequence[Any], codecs: Sequence[Codec]) -> Frame:
    columns = codecs[0].columns
    flat = [cell for item in values for cell in np.asarray(item, dtype=object).reshape(-1)]
    if len(columns) != 1:
        raise TaskError(
            "this run needs several columns",
            do=f"Give a file with the columns {', '.join(columns)}",
        )
    return Frame((_column(columns[0], flat),), origin="the values")


def _rows(values: Sequence[Any], resolved: ResolvedTask, codecs: Sequence[Codec]) -> Frame:
    names = list(dict.fromkeys(column for codec in codecs for column in codec.columns))
    rows: list[Mapping[str, Any]] = []
    if all(isinstance(value, str) and "=" in value for value in values) and (len(names) > 1):
        rows = [dict(split_argument(str(value)) for value in values)]
    elif len(names) == 1:
        rows = [value if isinstance(value, Mapping) else {names[0]: value} for value in values]
    elif all(isinstance(value, Mapping) for value in values):
        rows = list(values)
    else:
        raise TaskError(
            "the values do not name their columns",
            got=repr(values[0])[:60],
            do=_how(resolved, codecs),
        )
    present = list(dict.fromkeys(name for row in rows for name in row))
    return Frame(
        tuple(_column(name, [row.get(name) for row in rows]) for name in present),
        origin="the input",
    )


def _column(name: str, cells: list[Any]) -> Column:
    cells = [
        None if cell is None or (isinstance(cell, str) and is_missing(cell)) else cell
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


def _how(resolved: ResolvedTask, codecs: Sequence[Codec]) -> str:
    names = list(dict.fromkeys(column for codec in codecs for column in codec.columns))
    if resolved.source.name == "images":
        return "Give paths of images: kissipo predict RUN photo.png"
    if resolved.source.name == "games":
        return "Give records of games: kissipo predict RUN game.sgf"
    if resolved.source.name == "series":
        return "Give a file with the newest steps: kissipo predict RUN --file new.csv"
    if len(names) == 1:
        return 'Give a value: kissipo predict RUN "text"'
    example = " ".join(f"{name}=..." for name in names[:3])
    return (
        f"Give a file (--file new.csv), or one row as {example}{' ...' if len(names) > 3 else ''}"
    )

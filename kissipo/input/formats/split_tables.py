"""A folder of tables that are a split: train.csv, validation.csv and test.csv.

A test table without the target, as competitions give it, has nothing to be evaluated
with; it is left out, and its missing column is the natural target.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kissipo.codec.labels import as_strings
from kissipo.core.errors import DataError
from kissipo.core.finding import Finding
from kissipo.core.frame import Column, Frame, strings
from kissipo.core.text import list_some
from kissipo.input.formats.images.image_files import files_in, is_system, subfolders
from kissipo.input.formats.split_folders import PARTS, part_of
from kissipo.input.formats.tables import FileWords, is_table_file, table_reading
from kissipo.input.source_data import Reading
from kissipo.input.split import consecutive


@dataclass(frozen=True)
class TableFolder:
    """A folder of tables: the table of each part, and the other tables."""

    parts: Mapping[str, Path]
    others: tuple[Path, ...]


def table_folder(folder: Path) -> TableFolder | None:
    """Returns the tables of a folder that has tables and neither images nor folders.

    Raises:   DataError for several tables of one part.
    """
    if not folder.is_dir() or subfolders(folder) or files_in(folder).has_images:
        return None
    files = sorted(path for path in folder.iterdir() if path.is_file() and not is_system(path))
    tables = [path for path in files if is_table_file(path)]
    named = {path: part_of(path.name.partition(".")[0]) for path in tables}
    named = {path: part for path, part in named.items() if part}
    for part in PARTS:
        same = [path.name for path, other in named.items() if other == part]
        if len(same) > 1:
            raise DataError(
                f"{folder} has several tables of the part {part}: {list_some(same, 3)}",
                do=f"Name one of them, such as {folder / same[0]}",
            )
    if not tables:
        return None
    others = tuple(path for path in tables if path not in named)
    return TableFolder({part: path for path, part in named.items()}, others)


def reading_of(data: object, words: FileWords) -> Reading:
    """Reads a table, or the tables of a folder as one with its split.

    Raises:   DataError for a folder whose tables are not a split.
    """
    folder = Path(data) if isinstance(data, str | Path) else None
    tables = table_folder(folder) if folder is not None else None
    if folder is None or tables is None:
        return table_reading(data, words)
    if "train" not in tables.parts:
        paths = [*tables.parts.values(), *tables.others]
        raise DataError(
            f"{folder} holds tables, and none is called train: "
            + list_some([path.name for path in paths], 5),
            allowed="a folder with a table called train",
            do=f"Name one of them, such as {paths[0]}",
        )
    return _joined(folder, tables, words)


def _joined(folder: Path, tables: TableFolder, words: FileWords) -> Reading:
    readings = {
        part: table_reading(tables.parts[part], words) for part in PARTS if part in tables.parts
    }
    train = readings["train"]
    findings = list(train.findings)
    answers: list[str] = []
    used = {"train": train.frame}
    for part, reading in readings.items():
        name = tables.parts[part].name
        absent = [column for column in train.frame.names if column not in reading.frame]
        if absent:
            findings.append(_left_out(tables.parts[part], absent))
            answers += absent if len(absent) == 1 else []
        elif part != "train":
            used[part] = reading.frame
            remarks = [item for item in reading.findings if item.level != "PASS"]
            findings += [replace(item, message=f"{name}: {item.message}") for item in remarks]
    if tables.others:
        listed = list_some([path.name for path in tables.others], 3)
        findings.append(
            Finding("PASS", "split", f"{listed} beside the tables of the split", "not read")
        )
    frame = Frame(
        tuple(
            joined_columns([frame[name] for frame in used.values()], str(folder))
            for name in train.frame.names
        ),
        origin=str(folder),
    )
    parts = consecutive({part: len(frame) for part, frame in used.items()})
    if len(used) > 1:
        counts = ", ".join(f"{part} {len(rows)}" for part, rows in parts.items())
        listed = list_some([tables.parts[part].name for part in used], 3)
        findings.append(Finding("PASS", "split", f"{listed} are the split ({counts} rows)"))
    answer = answers[0] if len(set(answers)) == 1 else train.answer
    return Reading(
        frame,
        tuple(findings),
        parts=parts if len(used) > 1 else None,
        answer=answer,
        inferred_options=train.inferred_options,
    )


def _left_out(path: Path, absent: Sequence[str]) -> Finding:
    listed = list_some([f"'{name}'" for name in absent], 3)
    message = f"{path.name} has no column {listed}, which the training table has"
    action = f"left out; predict its rows with kissipo predict RUN --file {path}"
    return Finding("PASS", "split", message, action)


def joined_columns(columns: Sequence[Column], folder: str) -> Column:
    """Returns the cells of a column in all tables; texts where one table has texts.

    Raises:   DataError for numbers with different marks.
    """
    name = columns[0].name
    units = list(dict.fromkeys(column.unit or "no mark" for column in columns))
    kinds = {column.kind for column in columns}
    if len(units) > 1 and kinds == {"number"}:
        raise DataError(
            f"'{name}' has numbers with different marks in the tables of {folder}",
            got=", ".join(units),
            do="Write them with the same mark in each table",
        )
    if kinds == {"string", "number"} or kinds == {"string"}:
        texts = [text for column in columns for text in as_strings(column).texts()]
        return strings(name, texts, value_type=columns[0].value_type)
    if len(kinds) > 1:
        raise DataError(
            f"'{name}' has different kinds in the tables of {folder}",
            got=", ".join(sorted(kinds)),
            do="Write it in the same way in each table",
        )
    starts = np.cumsum([0, *(len(column) for column in columns)])
    odd = tuple(
        (row + int(start), text)
        for column, start in zip(columns, starts[:-1], strict=True)
        for row, text in column.odd
    )
    values = np.concatenate([column.values for column in columns])
    count = sum(column.odd_count for column in columns)
    return replace(columns[0], values=values, odd=odd, odd_count=count)

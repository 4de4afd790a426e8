"""A table of recordings: one row per recording or per part of a longer one.

file,label,start,end,speaker
call-1.wav,yes,0.52,0.94,anna
call-1.wav,no,2.10,2.55,anna

The column of files is the one whose cells name recordings, beside the table or in the
folder that is given. `start` and `end` are seconds; further columns stay with each row.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from kissipo.codec._sound import SUFFIXES
from kissipo.codec.labels import as_strings
from kissipo.core.errors import DataError
from kissipo.core.finding import Finding, counted, first_rows, format_rows
from kissipo.core.frame import Column, Frame, strings
from kissipo.core.text import list_some
from kissipo.input.formats.sound_folders import CLASS, FILE, Place, Recordings
from kissipo.input.formats.tables import FileWords, read_table

DEFAULT_NAME = "labels.csv"
_FILES = ("file", "filename", "path", "recording", "audio", "wav", "clip", "fname")
_LABELS = ("label", "class", "category", "target", "word", "sentence", "digit")
_STARTS = ("start", "begin", "from", "start_time", "onset")
_ENDS = ("end", "stop", "to", "end_time", "offset")
_MIN_SHARE = 0.5


def is_sound_table(frame: Frame) -> bool:
    """Whether a column of a table names recordings."""
    return _file_column(frame) is not None


def read_sound_table(
    table: Path, folder: Path | None = None, *, unlabeled: bool = False
) -> Recordings:
    """Returns the recordings that the rows of a table name.

    folder:     where the files are; the folder of the table when omitted
    unlabeled:  whether the recordings need no class
    Raises:     DataError when no column names recordings, or none is the class, and for
                a part that ends before it starts.
    """
    rows, read = read_table(table, FileWords())
    findings = [finding for finding in read if finding.level != "PASS"]
    files = _file_column(rows)
    if files is None:
        raise DataError(
            f"no column of {table} names recordings",
            got="the columns " + ", ".join(rows.names),
            allowed=f"a column file with names such as call.wav ({', '.join(SUFFIXES)})",
        )
    root = folder or table.parent
    times = {name: column for name, column in _times(rows).items() if column is not None}
    names = [str(text or "") for text in as_strings(files).texts()]
    paths = [_path(root, name) for name in names]
    absent = np.array([not path.is_file() for path in paths])
    if absent.all():
        raise DataError(
            f"none of the recordings that {table} names is in {root}",
            got=list_some(dict.fromkeys(names), 2),
            do="Put the files beside the table, or name their folder: "
            "input.audio=FOLDER input.labels=TABLE",
        )
    if absent.any():
        missing = rows.rows[absent]
        message = f"{counted(len(missing), 'row')} of {table.name} name no file "
        message += f"({format_rows(missing)}): {names[int(np.flatnonzero(absent)[0])]}"
        findings.append(Finding("WARN", "files", message, "left out", first_rows(missing)))
    _refuse_times(table, rows, times)
    usable = np.flatnonzero(~absent)
    label = _label_column(rows, files, times, table, unlabeled=unlabeled)
    used = {files.name, *(column.name for column in times.values())}
    others = [column for column in rows.columns if column.name not in used]
    columns = [strings(FILE, names), *(column for column in others if column.name != FILE)]
    start, end = (times[name].values if name in times else None for name in ("start", "end"))
    places = tuple(
        Place(
            paths[row],
            0.0 if start is None or np.isnan(start[row]) else float(start[row]),
            None if end is None or np.isnan(end[row]) else float(end[row]),
        )
        for row in usable.tolist()
    )
    taken = tuple(column.take(usable) for column in columns)
    answer = "" if label is None else label.name
    return Recordings(places, taken, answer, None, tuple(findings), str(table))


def _path(root: Path, name: str) -> Path:
    """Returns the file of a name, with or without its ending."""
    path = root / name
    if path.suffix.lower() in SUFFIXES or not name:
        return path
    candidates = (path.with_name(path.name + ending) for ending in SUFFIXES)
    return next((some for some in candidates if some.is_file()), path)


def _file_column(frame: Frame) -> Column | None:
    """Returns the column whose cells end as recordings do, or that is called `file`
    beside a column of times."""
    for column in frame.columns:
        if column.kind != "string" or not column.categories:
            continue
        texts = [column.categories[code] for code in column.used_categories().tolist()]
        share = np.mean([Path(text).suffix.lower() in SUFFIXES for text in texts])
        if share >= _MIN_SHARE:
            return column
    return None


def _times(frame: Frame) -> Mapping[str, Column | None]:
    lower = {column.name.lower(): column for column in frame.columns if column.kind == "number"}
    return {
        key: next((lower[name] for name in names if name in lower), None)
        for key, names in (("start", _STARTS), ("end", _ENDS))
    }


def _refuse_times(table: Path, rows: Frame, times: Mapping[str, Column]) -> None:
    """Refuses parts that end before they start, and negative times."""
    if "start" in times:
        negative = rows.rows[times["start"].values < 0]
        if len(negative):
            raise DataError(
                f"{table} has a part that starts before its recording, in row {negative[0]}",
                allowed="times in seconds of at least 0",
            )
    if len(times) < 2:
        return
    start, end = times["start"].values, times["end"].values
    wrong = np.flatnonzero(end <= start)
    if len(wrong):
        first = int(wrong[0])
        others = f", and {len(wrong) - 1} more rows" if len(wrong) > 1 else ""
        raise DataError(
            f"in row {rows.rows[first]} of {table} a part ends before it starts{others}",
            got=f"start {start[first]:g}, end {end[first]:g}",
            allowed="start and end in seconds, with start below end",
        )


def _label_column(
    rows: Frame, files: Column, times: Mapping[str, Column], table: Path, *, unlabeled: bool
) -> Column | None:
    """Returns the column of classes: one with such a name, or the only other one."""
    used = {files.name, *(column.name for column in times.values())}
    others = [column for column in rows.columns if column.name not in used]
    named = [column for name in _LABELS for column in others if column.name.lower() == name]
    if not named and len(others) != 1:
        if unlabeled:
            return None
        raise DataError(
            f"which column of {table} is the class of a recording?",
            got="the columns " + ", ".join(column.name for column in others),
            do=f"Call it label, or name it with --output COLUMN, such as --output {others[0].name}"
            if others
            else f"Add a column {CLASS}",
        )
    return (named or others)[0]

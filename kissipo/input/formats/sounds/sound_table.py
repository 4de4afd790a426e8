"""A table of recordings: one row per recording or per part of a longer one.

file,label,start,end,speaker
call-1.wav,yes,0.52,0.94,anna
call-1.wav,no,2.10,2.55,anna

The column of files is the one whose cells name recordings, beside the table or in the
folder that is given. `start` and `end` (or `duration`) are seconds, or milliseconds in
`start_ms`; further columns stay with each row.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kissipo.codec._sound import SUFFIXES
from kissipo.codec.labels import as_strings
from kissipo.core.errors import DataError
from kissipo.core.finding import Finding, counted, first_rows, format_rows
from kissipo.core.frame import Column, Frame, strings
from kissipo.core.text import list_some
from kissipo.input.formats.sounds.sound_folders import CLASS, FILE, Place, Recordings
from kissipo.input.formats.tables import FileWords, read_table

DEFAULT_NAME = "labels.csv"
_FILES = ("file", "filename", "path", "recording", "audio", "wav", "clip", "fname")
_LABELS = ("label", "class", "category", "target", "word", "sentence", "digit")
_STARTS = ("start", "begin", "from", "onset", "offset")
_ENDS = ("end", "stop", "to", "offset")
_DURATIONS = ("duration", "length")
_TIME = re.compile(  # start, start_time, Begin Time (s), end_ms
    r"([a-z]+?)[ _]?(?:time)?[ _]?(?:\(?(s|sec|secs|seconds?|ms|msec|milliseconds?)\)?)?"
)
_MIN_SHARE = 0.5
Seconds = NDArray[np.float64]


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
    times, used_times = _times(rows)
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
    if not times:
        _refuse_parts(table, rows, files)
    usable = np.flatnonzero(~absent)
    used = {files.name, *used_times}
    label = _label_column(rows, used, table, unlabeled=unlabeled)
    others = [column for column in rows.columns if column.name not in used]
    columns = [strings(FILE, names), *(column for column in others if column.name != FILE)]
    start, end = times.get("start"), times.get("end")
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


def _times(frame: Frame) -> tuple[dict[str, Seconds], list[str]]:
    """Returns the starts and the ends of the parts, and the columns that say them.

    `offset` is the end beside an onset, and the start beside a duration.
    """
    seconds, names = {}, {}
    for column in frame.columns:
        match = _TIME.fullmatch(column.name.strip().lower())
        if match and column.kind == "number" and match[1] not in seconds:
            scale = 1000 if (match[2] or "s").startswith("m") else 1
            seconds[match[1]], names[match[1]] = column.values / scale, column.name
    start, end, duration = (
        next((name for name in words if name in seconds), "")
        for words in (_STARTS, _ENDS, _DURATIONS)
    )
    if start == end:  # offset
        start, end = (start, "") if duration else ("", end)
    times, used = {}, [names[name] for name in (start, end) if name]
    if start:
        times["start"] = seconds[start]
    if end:
        times["end"] = seconds[end]
    if start and duration:
        times.setdefault("end", seconds[start] + seconds[duration])
        used.append(names[duration])
    return times, used


def _refuse_parts(table: Path, rows: Frame, files: Column) -> None:
    """Refuses rows that name the same recording, where numbers may say which part."""
    numbers = [column.name for column in rows.columns if column.kind == "number"]
    counts = np.unique(files.values, return_counts=True)[1]
    if len(numbers) > 1 and 2 * len(counts) <= len(rows):
        raise DataError(
            f"the rows of {table} name only {counted(len(counts), 'recording')}, and no column "
            "says which part of it each row means",
            got=f"{len(rows):,} rows with the columns {', '.join(rows.names)}",
            do="Call the columns of the times start and end, in seconds (start_ms in milliseconds)",
        )


def _refuse_times(table: Path, rows: Frame, times: Mapping[str, Seconds]) -> None:
    """Refuses parts that end before they start, and negative times."""
    if "start" in times:
        negative = rows.rows[times["start"] < 0]
        if len(negative):
            raise DataError(
                f"{table} has a part that starts before its recording, in row {negative[0]}",
                allowed="times in seconds of at least 0",
            )
    if len(times) < 2:
        return
    start, end = times["start"], times["end"]
    wrong = np.flatnonzero(end <= start)
    if len(wrong):
        first = int(wrong[0])
        others = f", and {len(wrong) - 1} more rows" if len(wrong) > 1 else ""
        raise DataError(
            f"in row {rows.rows[first]} of {table} a part ends before it starts{others}",
            got=f"start {start[first]:g}, end {end[first]:g}",
            allowed="start and end in seconds, with start below end",
        )


def _label_column(rows: Frame, used: set[str], table: Path, *, unlabeled: bool) -> Column | None:
    """Returns the column of classes: one with such a name, or the only other one."""
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

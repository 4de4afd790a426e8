"""The rows of a file as series in order of time.

The time column is found or named; its texts or numbers become timestamps. A column of
names beside the time divides the file into several series, which are sorted each by
itself and never into one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from kissipo.codec.labels import as_strings
from kissipo.core.errors import DataError
from kissipo.core.finding import Finding
from kissipo.core.frame import Frame, strings
from kissipo.core.inferred_option import InferredOption
from kissipo.core.text import list_some
from kissipo.core.time.timestamps import as_time, has_zone, looks_like_time, read_time
from kissipo.input.check.timestamps import order_in_time, order_of_numbers
from kissipo.input.series_names import find_series, questionable_names
from kissipo.input.time_columns import combined_time, time_finding, with_time
from kissipo.input.time_parts import parts_without_year

_TIME_NAMES = ("year", "time", "date", "jahr", "month", "t")
_STEP_NAMES = {"step", "timestep", "time_step", "time_idx", "time", "t", "ds", "index", "period"}
_STEP_NAMES |= {"cycle", "timestamp"}
_MAX_LISTED = 3


@dataclass(frozen=True)
class TimeOptions:
    """What a task says about the time and the series of a file.

    time:       the time column, or several that are one timestamp together
    series_id:  the columns that name the series
    aggregate:  how rows of the same timestamp become one
    style:      how the timestamps are written
    """

    time: str | tuple[str, ...] | None = None
    series_id: tuple[str, ...] | None = None
    aggregate: Literal["mean", "sum", "last"] | None = None
    style: str | None = None


@dataclass(frozen=True)
class OrderedRows:
    """Rows in order of time, those of each series together.

    time:       the time column; None where no column holds times
    series_id:  the column that names the series; None for a single series
    starts:     the first row of each series, and the number of rows
    """

    frame: Frame
    time: str | None
    series_id: str | None = None
    starts: tuple[int, ...] = ()
    findings: tuple[Finding, ...] = ()
    inferred: tuple[InferredOption, ...] = ()


def order_rows(
    frame: Frame, options: TimeOptions, *, targets: Sequence[str] = (), extra: Sequence[str] = ()
) -> OrderedRows:
    """Returns the rows of each series in order of time.

    targets:   columns that are predicted and cannot name series
    extra:      parts of the time that stay columns, too
    Raises:    DataError for a time column that cannot be read, has gaps or repeats.
    """
    findings: list[Finding] = []
    inferred: list[InferredOption] = []
    frame, name = _time_column(frame, options, extra, findings, inferred)
    if name is not None:
        frame = _with_timestamps(frame, name, options, findings, inferred)
    frame, names = _series_column(frame, name, options, targets, findings, inferred)
    if names is None:
        frame, more = _in_order(frame, name, options.aggregate)
        return OrderedRows(frame, name, None, (0, len(frame)), (*findings, *more), tuple(inferred))
    return _order_parts(frame, name, names, options, findings, inferred)


def _time_column(
    frame: Frame,
    options: TimeOptions,
    extra: Sequence[str],
    findings: list[Finding],
    inferred: list[InferredOption],
) -> tuple[Frame, str | None]:
    """Returns the frame with one time column, and its name if there is any."""
    match = combined_time(frame, options.time, options.style)
    if match is not None:
        findings.append(time_finding(match))
        if options.time is None:
            reason = "together they are one timestamp"
            inferred.append(InferredOption("input.time", list(match.names), reason))
        return with_time(frame, match, extra), match.column.name
    if options.time is not None:
        assert isinstance(options.time, str), "several columns are one timestamp"
        frame[options.time]
        return frame, options.time
    name = next((column.name for column in frame.columns if looks_like_time(column)), None)
    name = name or _year_column(frame) or _step_column(frame)
    if name is None:
        parts = parts_without_year(frame.names)
        listed = f"{list_some(parts, 4)} are a time without a year, and "
        message = (listed if parts else "") + "no column of timestamps was found"
        action = "rows are taken as evenly spaced steps"
        findings.append(Finding("WARN", "order of time", message, action))
        return frame, None
    counts = frame[name].kind == "number" and as_time(frame[name]) is None
    reason = "it counts the steps of each series" if counts else "its values are timestamps"
    inferred.append(InferredOption("input.time", name, reason))
    return frame, name


def _with_timestamps(
    frame: Frame,
    name: str,
    options: TimeOptions,
    findings: list[Finding],
    inferred: list[InferredOption],
) -> Frame:
    """Returns the frame with timestamps in its time column, if they can be read."""
    column = frame[name]
    reading = read_time(column, style=options.style)
    if reading is None:
        if column.kind != "number":
            raise DataError(
                f"the time column '{name}' cannot be read as timestamps",
                got=_unreadable_time(frame, name),
                do="Say how it is written, as in strptime: input.date_format=%d/%m/%Y",
            )
        return frame
    if has_zone(column):
        findings.append(
            Finding("PASS", "time zone", f"'{name}' has time zones", "converted to UTC")
        )
    if reading.reason:
        style = f"input.date_format={reading.style}" if reading.style else ""
        findings.append(Finding("PASS", "notation of time", f"'{name}': {reading.reason}", style))
        if reading.style and options.style is None:
            inferred.append(InferredOption("input.date_format", reading.style, reading.reason))
    return frame.replaced(reading.column)


def _series_column(
    frame: Frame,
    time: str | None,
    options: TimeOptions,
    targets: Sequence[str],
    findings: list[Finding],
    inferred: list[InferredOption],
) -> tuple[Frame, str | None]:
    """Returns the frame with one column that names the series, and its name if any."""
    names = options.series_id
    if names is None and time is not None and options.aggregate is None:
        match = find_series(frame, time, targets)
        if match is not None:
            names, reason = match
            inferred.append(InferredOption("input.series_id", list(names), reason))
        else:
            findings += questionable_names(frame, time, targets)
    if names is None:
        return frame, None
    if not names:
        return frame, None
    columns = [as_strings(frame[name]) for name in names]
    for column in columns:
        if column.missing.any():
            raise DataError(
                f"'{column.name}' names the series and has missing values",
                got=f"none in row {frame.rows[int(np.flatnonzero(column.missing)[0])]}",
                do="Fill it, or remove these rows",
            )
    if len(columns) == 1:
        return frame.replaced(columns[0]), columns[0].name
    label = " / ".join(names)
    texts = zip(*(column.texts() for column in columns), strict=True)
    joined = [" / ".join(str(text) for text in row if text) for row in texts]
    return frame.replaced(strings(label, joined)), label


def _in_order(frame: Frame, time: str | None, aggregate: str | None) -> tuple[Frame, list[Finding]]:
    if time is None:
        return frame, []
    if frame[time].kind == "time":
        return order_in_time(frame, time, aggregate=aggregate)
    return order_of_numbers(frame, time)


def _order_parts(
    frame: Frame,
    time: str | None,
    series_id: str,
    options: TimeOptions,
    findings: list[Finding],
    inferred: list[InferredOption],
) -> OrderedRows:
    """Returns the rows of several series, each in order of time."""
    column = frame[series_id]
    parts, by_series = [], []
    for name, positions in column.rows_by_text().items():
        part, remarks = _in_order(frame.take(positions), time, options.aggregate)
        parts.append(part)
        by_series += [
            replace(remark, message=f"{name}: {remark.message}")
            for remark in remarks
            if remark.level != "PASS"
        ]
    starts = np.concatenate([[0], np.cumsum([len(part) for part in parts])])
    sizes = [f"{part[series_id].show(0)} ({len(part)} steps)" for part in parts]
    message = f"'{series_id}' names {len(parts)} series: {list_some(sizes, _MAX_LISTED)}"
    findings.append(
        Finding(
            "PASS",
            "several series",
            message,
            "each has its own windows, scale and forecast; input.series_id=[] reads one series",
        )
    )
    findings += by_series[:_MAX_LISTED]
    if len(by_series) > _MAX_LISTED:
        count = len(by_series) - _MAX_LISTED
        findings.append(
            Finding("WARN", "several series", f"{count} more findings of this kind in other series")
        )
    return OrderedRows(
        concatenated(parts),
        time,
        series_id,
        tuple(int(start) for start in starts),
        tuple(findings),
        tuple(inferred),
    )


def concatenated(frames: Sequence[Frame]) -> Frame:
    """Returns the rows of frames with the same columns, one after the other."""
    columns = tuple(
        replace(column, values=np.concatenate([frame[column.name].values for frame in frames]))
        for column in frames[0].columns
    )
    return Frame(columns, frames[0].origin, np.concatenate([frame.rows for frame in frames]))


def _unreadable_time(frame: Frame, name: str) -> str:
    """Returns the first cell that is not a timestamp, with its row."""
    texts = frame[name].texts()
    index = next(
        (
            row
            for row, text in enumerate(texts)
            if text and not looks_like_time(strings(name, [text]))
        ),
        0,
    )
    return f"'{texts[index]}' in row {index + 1}"


def _year_column(frame: Frame) -> str | None:
    """Returns a column with a name such as year whose values are years."""
    for column in frame.columns:
        if column.name.lower() in _TIME_NAMES and as_time(column) is not None:
            return column.name
    return None


def _step_column(frame: Frame) -> str | None:
    """Returns a column such as step that counts the rows of several series, which stand
    one after another or in turn."""
    for column in frame.columns:
        is_named = column.name.lower() in _STEP_NAMES
        if not is_named or column.kind != "number" or column.missing.any():
            continue
        steps = np.diff(column.values)
        one_after_another = np.any(steps < 0) and np.all((steps == 1) | (steps < 0))
        in_turn = np.any(steps == 0) and np.all((steps == 0) | (steps == 1))
        if one_after_another or in_turn:
            return column.name
    return None

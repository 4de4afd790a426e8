"""Timestamps: missing, duplicate, out of order, unevenly spaced or in the future."""

from collections import Counter
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kissipo.core.errors import DataError
from kissipo.core.finding import Finding, first_rows, format_rows
from kissipo.core.frame import Column, Frame
from kissipo.core.time.time_pattern import TimePattern


def order_in_time(
    frame: Frame, name: str, *, aggregate: str | None = None
) -> tuple[Frame, list[Finding]]:
    """Sorts the frame by its time column and returns the findings.

    aggregate:  how rows of the same timestamp become one: mean, sum or last of their
                numbers, the last of their texts
    Raises:     DataError for missing timestamps and, without `aggregate`, for
                duplicates.
    """
    column = frame[name]
    if column.missing.any():
        raise DataError(
            f"the time column '{name}' has no readable timestamp "
            f"in {format_rows(frame.rows[column.missing])}",
            do="Fill it, or remove these rows",
        )
    if aggregate is None:
        _refuse_duplicates(frame, column)
    findings = []
    backward = np.flatnonzero(np.diff(column.values) < np.timedelta64(0))
    if len(backward):
        frame = frame.take(np.argsort(column.values, kind="stable"))
        rows = backward + 2
        findings.append(
            Finding(
                "WARN",
                "order of time",
                f"'{name}' goes back in time at {format_rows(rows)}",
                "sorted by time",
                first_rows(rows),
            )
        )
    if aggregate is not None:
        frame, repeats = _one_per_timestamp(frame, name, aggregate)
        findings += repeats
    gaps, pattern = _gaps(frame, name)
    findings += gaps + _in_the_future(frame, name)
    step = _short_step(frame[name].values)
    return frame, findings or [
        Finding(
            "PASS",
            "order of time",
            f"'{name}' is evenly spaced over {len(frame)} steps{step}{pattern}",
        )
    ]


def order_of_numbers(frame: Frame, name: str) -> tuple[Frame, list[Finding]]:
    """Sorts the frame by a time column of plain numbers and returns the findings.

    Raises:     DataError for missing and duplicate numbers.
    """
    values = frame[name].values
    if np.isnan(values).any() or len(np.unique(values)) < len(values):
        raise DataError(
            f"the time column '{name}' has missing or duplicate values",
            allowed="one row per step, in rising order",
        )
    findings = []
    backward = np.flatnonzero(np.diff(values) < 0)
    if len(backward) and frame[name].unit in ("h:mm:ss", "h:mm"):
        raise DataError(
            f"the clock '{name}' goes back at {format_rows(frame.rows[backward + 1])}",
            got="times of day without a date",
            do="Add a column of dates, called date",
        )
    if len(backward):
        findings.append(
            Finding("WARN", "order of time", f"'{name}' does not always rise", "sorted by it")
        )
        frame = frame.take(np.argsort(values, kind="stable"))
    steps = np.diff(frame[name].values)
    # binary fractions: 0.3 - 0.2 is not 0.1
    findings += _uneven(frame, name, np.round(steps / (np.abs(steps).max(initial=0.0) or 1.0), 9))
    return frame, findings or [
        Finding("PASS", "order of time", f"'{name}' is evenly spaced over {len(frame)} steps")
    ]


def _refuse_duplicates(frame: Frame, column: Column) -> None:
    distinct, counts = np.unique(column.values, return_counts=True)
    if len(distinct) < len(column):
        timestamp = distinct[counts > 1][0]
        rows = frame.rows[column.values == timestamp]
        clock = timestamp.astype("datetime64[h]").astype(np.int64) % 24
        weekday = (timestamp.astype("datetime64[D]").astype(np.int64) + 3) % 7
        set_back = len(rows) == 2 and weekday == 6 and clock < 4
        hint = " (were the clocks set back? Then write the time zone, as in 02:30+01:00)"
        raise DataError(
            f"the timestamp {timestamp} occurs {len(rows)} times in '{column.name}' "
            f"({format_rows(rows)})",
            allowed="one row per timestamp",
            do="Set input.duplicate_timestamps=mean (or sum, last); "
            "name the column of several series with input.series_id=COLUMN"
            f"{hint if set_back else ''}",
        )


def _one_per_timestamp(frame: Frame, name: str, aggregate: str) -> tuple[Frame, list[Finding]]:
    """Merges consecutive rows of the same timestamp into one."""
    _, first, counts = np.unique(frame[name].values, return_index=True, return_counts=True)
    if len(first) == len(frame):
        return frame, []
    repeats = frame.rows[np.setdiff1d(np.arange(len(frame)), first)]
    last = frame.take(first + counts - 1)
    columns = []
    for column in frame.columns if aggregate != "last" else ():
        if column.kind == "number":
            sums = np.add.reduceat(column.values, first)
            columns.append(
                replace(last[column.name], values=sums / counts if aggregate == "mean" else sums)
            )
    message = (
        f"{len(repeats)} rows of '{name}' repeat an earlier timestamp ({format_rows(repeats)})"
    )
    finding = Finding(
        "WARN",
        "duplicate timestamps",
        message,
        f"their {aggregate} is used",
        first_rows(repeats),
    )
    return last.replaced(*columns), [finding]


def _in_the_future(frame: Frame, name: str) -> list[Finding]:
    """Reports timestamps in the future: typing errors, or plans among measurements."""
    future = np.flatnonzero(frame[name].values > np.datetime64("now") + np.timedelta64(1, "D"))
    if not len(future):
        return []
    rows = frame.rows[future]
    message = (
        f"{len(future)} timestamps of '{name}' are in the future ({format_rows(rows)}), "
        f"the last {frame[name].show(int(future[-1]))}"
    )
    action = "used as measured values; remove them if they are not"
    return [Finding("WARN", "future timestamps", message, action, first_rows(rows))]


def _gaps(frame: Frame, name: str) -> tuple[list[Finding], str]:
    """Reports steps of another length than usual, and returns the pattern in words.

    Months, working days and opening hours are no gaps.
    """
    timestamps = frame[name].values
    if len(timestamps) < 3:
        return [], ""
    pattern = TimePattern.fit(timestamps)
    words = pattern.describe()
    return _uneven(frame, name, pattern.steps(timestamps), words), words and f": {words}"


def _uneven(
    frame: Frame, name: str, steps: NDArray[np.generic], pattern: str = ""
) -> list[Finding]:
    """Reports the steps whose length is not the most frequent one."""
    if len(steps) < 2:
        return []
    usual = Counter(steps.tolist()).most_common(1)[0][0]
    uneven = np.flatnonzero(steps != usual)
    if not len(uneven):
        return []
    rows = frame.rows[uneven + 1]
    longest = int(uneven[np.argmax(steps[uneven])])
    between = f"{frame[name].show(longest)} and {frame[name].show(longest + 1)}"
    message = (
        f"{len(uneven)} of {len(steps)} steps of '{name}' are not the usual one"
        f"{f' ({pattern})' if pattern else ''}, the longest between {between}"
    )
    return [
        Finding(
            "WARN",
            "gaps in time",
            message,
            "used as if they were evenly spaced",
            first_rows(rows),
        )
    ]


def _short_step(timestamps: NDArray[np.datetime64]) -> str:
    """Returns the step where it is not a whole number of seconds."""
    if timestamps.dtype != "datetime64[us]" or len(timestamps) < 2:
        return ""
    return f" of {float(np.median(np.diff(timestamps).astype(np.int64))) / 1e6:.6g} s"

"""The order of time: moments that are missing, doubled, out of order, unevenly spaced or yet to come."""

from collections import Counter
from dataclasses import replace

import numpy as np

from kissipo.core.errors import DataError
from kissipo.core.finding import Finding, format_rows
from kissipo.core.frame import Column, Frame
from kissipo.core.timestamps import is_monthly


def order_in_time(
    frame: Frame, name: str, *, doubled: str | None = None
) -> tuple[Frame, list[Finding]]:
    """The frame in the order of its time column, and what was found.

    doubled:  what rows of the same moment become: mean, sum or last of their numbers, the last of their texts
    Raises:   DataError for moments that are missing or, without `doubled`, stand twice.
    """
    column = frame[name]
    if column.missing.any():
        raise DataError(
            f"the time column '{name}' has no readable moment in {format_rows(frame.rows[column.missing])}",
            do="Fill it, or remove these rows",
        )
    if doubled is None:
        _refuse_doubles(frame, column)
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
                tuple(rows[:100].tolist()),
            )
        )
    if doubled is not None:
        frame, found = _one_a_moment(frame, name, doubled)
        findings += found
    findings += _gaps(frame, name) + _yet_to_come(frame, name)
    return frame, findings or [
        Finding("PASS", "order of time", f"'{name}' rises evenly over {len(frame)} steps")
    ]


def _refuse_doubles(frame: Frame, column: Column) -> None:
    distinct, counts = np.unique(column.values, return_counts=True)
    if len(distinct) < len(column):
        twice = distinct[counts > 1][0]
        rows = frame.rows[column.values == twice]
        clock = twice.astype("datetime64[h]").astype(np.int64) % 24
        weekday = (twice.astype("datetime64[D]").astype(np.int64) + 3) % 7
        set_back = len(rows) == 2 and weekday == 6 and clock < 4
        hint = (
            " (were clocks set back? Then write the time zone, as in 02:30+01:00)"
            if set_back
            else ""
        )
        raise DataError(
            f"the moment {twice} stands {len(rows)} times in '{column.name}' ({format_rows(rows)})",
            allowed="one row a moment",
            do=f"Say what they become: input.duplicate_timestamps=mean (or sum, last); several series in one file must be separated{hint}",
        )


def _one_a_moment(frame: Frame, name: str, doubled: str) -> tuple[Frame, list[Finding]]:
    """Rows of the same moment, which stand together, become one."""
    _, first, counts = np.unique(frame[name].values, return_index=True, return_counts=True)
    if len(first) == len(frame):
        return frame, []
    again = frame.rows[np.setdiff1d(np.arange(len(frame)), first)]
    last = frame.take(first + counts - 1)
    columns = []
    for column in frame.columns if doubled != "last" else ():
        if column.kind == "number":
            sums = np.add.reduceat(column.values, first)
            columns.append(
                replace(last[column.name], values=sums / counts if doubled == "mean" else sums)
            )
    message = (
        f"{len(again)} rows of '{name}' stand at the moment of another one ({format_rows(again)})"
    )
    finding = Finding(
        "WARN",
        "doubled moments",
        message,
        f"their {doubled} is taken",
        tuple(int(row) for row in again[:100]),
    )
    return last.replaced(*columns), [finding]


def _yet_to_come(frame: Frame, name: str) -> list[Finding]:
    """Moments after today: a slip of the pen, or a plan among what was measured."""
    late = np.flatnonzero(frame[name].values > np.datetime64("now") + np.timedelta64(1, "D"))
    if not len(late):
        return []
    rows = frame.rows[late]
    message = f"{len(late)} moments of '{name}' are yet to come ({format_rows(rows)}), the last {frame[name].show(int(late[-1]))}"
    action = "taken as measured: leave them out if they are not"
    return [
        Finding("WARN", "moments to come", message, action, tuple(int(row) for row in rows[:100]))
    ]


def _gaps(frame: Frame, name: str) -> list[Finding]:
    """Steps longer than the usual one; months and years differ in length by nature."""
    months = frame[name].values.astype("datetime64[M]").astype(np.int64)
    steps = (
        np.diff(months)
        if is_monthly(frame[name].values)
        else np.diff(frame[name].values).astype(np.int64)
    )
    if len(steps) < 2:
        return []
    usual = Counter(steps.tolist()).most_common(1)[0][0]
    odd = np.flatnonzero(steps != usual)
    if not len(odd):
        return []
    rows = frame.rows[odd + 1]
    longest = int(odd[np.argmax(steps[odd])])
    between = f"{frame[name].show(longest)} and {frame[name].show(longest + 1)}"
    message = f"{len(odd)} of {len(steps)} steps of '{name}' are not the usual one, the longest between {between}"
    return [
        Finding(
            "WARN",
            "gaps in time",
            message,
            "taken as if evenly spaced",
            tuple(int(row) for row in rows[:100]),
        )
    ]

"""The order of time: moments that are missing, doubled, out of order or unevenly spaced."""

from __future__ import annotations

from collections import Counter

import numpy as np

from kissipo.core.errors import DataError
from kissipo.core.finding import Finding, tell_rows
from kissipo.core.frame import Column, Frame


def order_in_time(frame: Frame, name: str) -> tuple[Frame, list[Finding]]:
    """The frame in the order of its time column, and what was found.

    Raises:   DataError for moments that are missing or stand twice.
    """
    column = frame[name]
    if column.missing.any():
        raise DataError(
            f"the time column '{name}' has no readable moment in {tell_rows(frame.rows[column.missing])}",
            do="Fill it, or remove these rows",
        )
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
                f"'{name}' goes back in time at {tell_rows(rows)}",
                "sorted by time",
                tuple(rows[:100].tolist()),
            )
        )
    findings += _gaps(frame, name)
    return frame, findings or [Finding("PASS", "order of time", f"'{name}' rises evenly over {len(frame)} steps")]


def _refuse_doubles(frame: Frame, column: Column) -> None:
    distinct, counts = np.unique(column.values, return_counts=True)
    if len(distinct) < len(column):
        twice = distinct[counts > 1][0]
        rows = frame.rows[column.values == twice]
        raise DataError(
            f"the moment {twice} stands {len(rows)} times in '{column.name}' ({tell_rows(rows)})",
            allowed="one row a moment",
            do="Sum or average these rows first; several series in one file must be separated",
        )


def _gaps(frame: Frame, name: str) -> list[Finding]:
    """Steps longer than the usual one; months and years differ in length by nature."""
    months = frame[name].values.astype("datetime64[M]").astype(np.int64)
    steps = np.diff(months) if _is_monthly(frame[name]) else np.diff(frame[name].values).astype(np.int64)
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
        Finding("WARN", "gaps in time", message, "taken as if evenly spaced", tuple(int(row) for row in rows[:100]))
    ]


def _is_monthly(column: Column) -> bool:
    """All moments are the same day and hour of a month, at least a month apart."""
    within = column.values - column.values.astype("datetime64[M]").astype(column.values.dtype)
    months = np.diff(column.values.astype("datetime64[M]").astype(np.int64))
    return bool(len(months) and np.all(within == within[0]) and np.all(months >= 1))

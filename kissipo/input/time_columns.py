"""Time in several columns: year, month, day and hour, or a date beside a clock.

They become one column of timestamps. The names decide which columns belong together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

import numpy as np
from numpy.typing import NDArray

from kissipo.core.errors import DataError, TaskError
from kissipo.core.finding import Finding
from kissipo.core.frame import Column, Frame, strings, times
from kissipo.core.text import list_some
from kissipo.core.time.timestamps import looks_like_time, read_time
from kissipo.input.time_parts import part_values, parts_of, time_part

_CHAINS = (("year", "month", "day"), ("year", "dayofyear"), ("year", "week"), ("year", "quarter"))
_CLOCK_CHAIN = ("hour", "minute", "second")
_SINGLE_CLOCKS = ("hhmm", "clock", "period", "hour")
_POSITIONS = ("year", "month", "day", "hour", "minute", "second")
_LIMITS = {
    "month": (1, 12), "quarter": (1, 4), "week": (1, 53), "dayofyear": (1, 367), "day": (1, 32),
    "hour": (0, 24.999), "minute": (0, 59.999), "second": (0, 59.999),
}  # fmt: skip
_FINE = {"day", "dayofyear", "hour", "minute", "second"}  # the last may have a fraction
_MICROSECONDS = {"hour": 3_600_000_000, "minute": 60_000_000, "second": 1_000_000}
_DAY = 86_400_000_000
_CYCLES = {
    "quarter": (1, 4), "month": (0, 12), "week": (0, 53), "dayofyear": (0, 366), "day": (0, 31),
    "hour": (0, 24), "minute": (0, 60), "second": (0, 60), "weekday": (0, 7),
}  # fmt: skip
_SHORT_CYCLES = {
    "mon", "mo", "mm", "day", "dd", "dy", "tag", "hr", "hh", "min", "mi", "sec", "ss", "doy",
    "dow", "qtr",
}  # fmt: skip
_SIXTIES = {"h:mm:ss": 1_000_000, "h:mm": 60_000_000}
_PERIODS = {24: 60, 25: 60, 48: 30, 50: 30, 96: 15, 100: 15, 144: 10, 288: 5}  # minutes
_FIRST, _FIRST_CLOCKS = 10_000, 50  # values that are looked at first


Clock = tuple[list[str], NDArray[np.timedelta64]]  # the columns, and the times of day


@dataclass(frozen=True)
class TimeColumns:
    """Columns that are one timestamp together: their names and the new column."""

    names: tuple[str, ...]
    column: Column


def combined_time(
    frame: Frame, named: str | tuple[str, ...] | None, style: str | None = None
) -> TimeColumns | None:
    """Returns the columns that are one timestamp together, if there are any.

    named:    the columns that the task names; one of them alone, if its values repeat,
              is joined by those that belong to it
    Raises:   DataError, TaskError for named columns that are no timestamp together.
    """
    if isinstance(named, tuple):
        for name in named:
            frame[name]
        match = _by_name(frame, named, style)
        if match is None or set(match.names) != set(named):
            match = _by_position(frame, named)
        if match is None:
            raise TaskError(
                f"the columns {', '.join(named)} are no timestamp together",
                allowed="year, month, day, hour, minute, second from the year down, "
                "or a date and a time of day",
            )
        return match
    if named is not None and not (named in frame and _is_part(frame, named)):
        return None
    if named is None and any(_is_whole_time(column) for column in frame.columns):
        return None
    match = _by_name(frame, frame.names, style)
    if match is None or (named is not None and named not in match.names):
        return None
    return match


def time_finding(match: TimeColumns) -> Finding:
    """Returns the finding that several columns are one timestamp."""
    reason = f"'{match.names[0]}' with {', '.join(match.names[1:])} is one timestamp"
    message = f"{reason}: {match.column.show(0)} in the first row"
    return Finding("PASS", "time in several columns", message)


def with_time(frame: Frame, match: TimeColumns, extra: Sequence[str] = ()) -> Frame:
    """Returns the frame with the timestamps in place of their columns."""
    others = tuple(
        column for column in frame.columns if column.name not in match.names or column.name in extra
    )
    return Frame((match.column, *others), frame.origin, frame.rows)


def cycle_findings(frame: Frame, names: Sequence[str]) -> list[Finding]:
    """Says that month, weekday and hour among the numbers are read as numbers.

    names:    the columns that are read as numbers
    """
    parts = [name for name in names if _is_cycle(frame[name])]
    if not parts:
        return []
    message = (
        f"{list_some(parts, 6)} {'is a part' if len(parts) == 1 else 'are parts'} of the time "
        "that the net sees as plain numbers: the last is far from the first"
    )
    action = f"input.categorical=[{', '.join(parts)}] reads them as classes"
    return [Finding("PASS", "parts of the time", message, action)]


def _is_cycle(column: Column) -> bool:
    """Whether a column holds months, weekdays, hours or the like, as whole numbers."""
    name = column.name.strip().lower()
    part = time_part(name) if len(name) > 3 or name in _SHORT_CYCLES or not name.isascii() else ""
    values = column.values[~column.missing]
    if part not in _CYCLES or not len(values) or np.any(values != np.floor(values)):
        return False
    low, high = _CYCLES[part]
    return bool(low <= values.min() and values.max() <= high)


def _is_part(frame: Frame, name: str) -> bool:
    """Returns whether the values of a column alone are not the whole time.

    They repeat; or they are years beside months that differ, as in a few new rows.
    """
    if _repeats(frame[name]):
        return True
    months = [column for column in frame.columns if time_part(column.name) == "month"]
    return time_part(name) == "year" and any(len(np.unique(column.values)) > 1 for column in months)


def _is_whole_time(column: Column) -> bool:
    """Whether a column holds timestamps with a clock, or is the only one of dates."""
    if not looks_like_time(column):
        return False
    return not _repeats(column)


def _repeats(column: Column) -> bool:
    present = column.values[~column.missing]
    if column.kind == "string":
        return len(column.used_categories()) < len(present)
    return any(len(np.unique(some)) < len(some) for some in (present[:_FIRST], present))


def _by_name(frame: Frame, names: Sequence[str], style: str | None) -> TimeColumns | None:
    """Returns the columns that are a timestamp by their names: a date in one column or
    from the year down, and the time of day in one column or from the hour down."""
    parts = parts_of(names)
    for chain in _CHAINS:
        used = list(takewhile(parts.__contains__, chain))
        dates = _from_year(frame, parts, used) if len(used) > 1 else None
        if dates is not None:
            members = [parts[part] for part in used]
            clock = _clock(frame, parts) if used[-1] in ("day", "dayofyear") else None
            return _together(frame, members, dates, clock)
    for date in _date_names(frame, names):
        days = _days(frame[date], style)
        clock = _clock(frame, {part: name for part, name in parts.items() if name != date})
        if days is not None and clock is not None:
            return _together(frame, [date], days, clock)
    return None


def _by_position(frame: Frame, names: Sequence[str]) -> TimeColumns | None:
    """Returns columns that a person names from the year down, whatever their names."""
    parts = dict(zip(_POSITIONS, names, strict=False))
    if not 1 < len(names) <= len(_POSITIONS):
        return None
    dates = _from_year(frame, parts, [part for part in _POSITIONS[:3] if part in parts])
    clock = _hour_down(frame, parts) if len(names) > 3 else None
    if dates is None or (len(names) > 3 and clock is None):
        return None
    return _together(frame, list(names[:3]), dates, clock)


def _together(
    frame: Frame,
    members: list[str],
    dates: NDArray[np.datetime64],
    clock: Clock | None,
) -> TimeColumns:
    """Returns the timestamps of dates and times of day."""
    if clock is None:
        return TimeColumns(tuple(members), times(_new_name(frame, members), dates))
    members = [*members, *clock[0]]
    return TimeColumns(tuple(members), times(_new_name(frame, members), dates + clock[1]))


def _from_year(
    frame: Frame, columns: Mapping[str, str], used: Sequence[str]
) -> NDArray[np.datetime64] | None:
    """Returns the dates of a year with its months, days, weeks or quarters."""
    parts = _numbers(frame, columns, used)
    if parts is None:
        return None
    year = parts["year"]
    if year.max() < 10 and frame[columns["year"]].kind == "number":
        return None  # 0 and 1 count the years; a year of two digits is a text: 00, 01
    short = np.all((year >= 0) & (year < 100))
    year = (np.where(year < 69, 2000, 1900) + year if short else year).astype(np.int64)
    if year.min() < 1000 or year.max() > 3000:
        return None
    month = parts["quarter"] * 3 - 2 if "quarter" in parts else parts.get("month", 1 + 0 * year)
    start = ((year - 1970) * 12 + month.astype(np.int64) - 1).astype("datetime64[M]")
    first = start.astype("datetime64[D]")
    if "week" in parts:
        january = first + 3
        monday = january - (january.astype(np.int64) + 3) % 7
        return (monday + ((parts["week"] - 1) * 7).astype(np.int64)).astype("datetime64[D]")
    day = parts.get("dayofyear", parts.get("day", 1.0 + 0 * year))
    dates = first + (np.floor(day) - 1).astype(np.int64)
    if "day" in parts and not np.array_equal(dates.astype("datetime64[M]"), start):
        return None
    if "dayofyear" in parts and not np.array_equal(
        dates.astype("datetime64[Y]"), first.astype("datetime64[Y]")
    ):
        return None
    rest = np.round((day - np.floor(day)) * _DAY).astype("timedelta64[us]")
    return dates.astype("datetime64[us]") + rest if np.any(rest) else dates


def _numbers(
    frame: Frame, columns: Mapping[str, str], used: Sequence[str]
) -> dict[str, NDArray[np.float64]] | None:
    """Returns the numbers of parts of the time; None where one is none of its part."""
    numbers: dict[str, NDArray[np.float64]] = {}
    for part in used:
        values = part_values(part, frame[columns[part]])
        if values is None or np.isnan(values).any():
            return None
        is_whole = np.array_equal(values, np.floor(values))
        low, high = _LIMITS.get(part, (-np.inf, np.inf))
        if not (is_whole or (part in _FINE and part == used[-1])):
            return None
        if values.min() < low or values.max() >= high + (part not in _FINE):
            return None
        numbers[part] = values
    return numbers


def _clock(frame: Frame, parts: Mapping[str, str]) -> Clock | None:
    """Returns the time of day: from the hour down, or in a single column."""
    if (clock := _hour_down(frame, parts)) is not None:
        return clock
    for part in _SINGLE_CLOCKS:
        if part in parts and (seconds := _time_of_day(part, frame[parts[part]])) is not None:
            return [parts[part]], seconds
    clocks = [column for column in frame.columns if column.unit in _SIXTIES]
    if len(clocks) == 1 and (seconds := _time_of_day("clock", clocks[0])) is not None:
        return [clocks[0].name], seconds
    return None


def _hour_down(frame: Frame, parts: Mapping[str, str]) -> Clock | None:
    """Returns the time of day of hour, minute and second, as far as they are there."""
    used = list(takewhile(parts.__contains__, _CLOCK_CHAIN))
    numbers = _numbers(frame, parts, used) if used else None
    if not numbers:
        return None
    total = sum(values * _MICROSECONDS[part] for part, values in numbers.items())
    return [parts[part] for part in used], np.round(total).astype("timedelta64[us]")


def _date_names(frame: Frame, names: Sequence[str]) -> list[str]:
    """Returns the columns that are called dates, or else the only one of dates."""
    named = [name for name in names if time_part(name) in ("date", "day")]
    if named:
        return named
    dates = [name for name in names if looks_like_time(frame[name])]
    return dates if len(dates) == 1 else []


def _days(column: Column, style: str | None) -> NDArray[np.datetime64] | None:
    """Returns the dates of a column of dates without clocks."""
    if column.missing.any() or not looks_like_time(column):
        return None
    reading = read_time(column, style=style)
    if reading is None:
        return None
    dates = reading.column.values
    return dates if np.array_equal(dates, dates.astype("datetime64[D]")) else None


def _time_of_day(part: str, column: Column) -> NDArray[np.timedelta64] | None:
    """Returns the times of day: of 14:30, 2 PM, 1430, hours or periods of a day."""
    if column.missing.any() or not len(column):
        return None
    if column.kind == "number" and column.unit in _SIXTIES:
        return (column.values * _SIXTIES[column.unit]).astype("timedelta64[us]")
    if column.kind == "string" and not all(map(str.isdigit, column.categories)):
        return _clock_texts(column)
    values = part_values(part, column)
    if values is None or np.any(values != np.floor(values)) or values.min() < 0:
        return None
    minutes = _period_minutes(values) if part == "period" else _digit_minutes(part, column, values)
    return None if minutes is None else (minutes * 60_000_000).astype("timedelta64[us]")


def _digit_minutes(
    part: str, column: Column, values: NDArray[np.float64]
) -> NDArray[np.float64] | None:
    """Returns the minutes of 1430 and 5 (00:05), or of whole hours."""
    has_zeros = column.kind == "string" and max(map(len, column.categories)) > 2
    if part != "hhmm" and values.max() <= 24 and not has_zeros:
        return values * 60
    if values.max() > 2400 or np.any(values % 100 > 59):
        return None
    return values // 100 * 60 + values % 100


def _period_minutes(values: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Returns the minutes at which the periods of a day begin: 1 to 48 half hours."""
    length = _PERIODS.get(int(values.max()))
    return None if length is None or values.min() < 1 else (values - 1) * length


def _clock_texts(column: Column) -> NDArray[np.timedelta64] | None:
    first = column.categories[:_FIRST_CLOCKS]
    if len(first) < len(column.categories) and _clock_texts(strings(column.name, first)) is None:
        return None
    texts = [f"2000-01-01 {text.replace('.', ':', 2)}" for text in column.categories]
    reading = read_time(strings(column.name, texts))
    if reading is None:
        hours = part_values("hour", column)  # HE1, h01
        if hours is None or hours.min() < 0 or hours.max() > 24:
            return None
        return (hours * _MICROSECONDS["hour"]).astype("timedelta64[us]")
    midnight = np.datetime64("2000-01-01", "us")
    return (reading.column.values.astype("datetime64[us]") - midnight)[column.values]


def _new_name(frame: Frame, members: Sequence[str]) -> str:
    taken = [name for name in frame.names if name not in members]
    for name in ("time", "timestamp", " ".join(members)):
        if name not in taken:
            return name
    raise DataError("no name is free for the timestamps", got=", ".join(taken))

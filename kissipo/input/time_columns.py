"""Time in several columns: year, month, day and hour, or a date beside a clock.

They become one column of timestamps. The names decide which columns belong together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kissipo.codec.labels import as_strings
from kissipo.core.errors import DataError, TaskError
from kissipo.core.finding import Finding
from kissipo.core.frame import Column, Frame, strings, times
from kissipo.core.month_names import month_number
from kissipo.core.text import list_some
from kissipo.core.timestamps import looks_like_time, read_time

_PARTS = {
    "year": {"year", "yr", "yyyy", "jahr", "年"},
    "quarter": {"quarter", "qtr"},
    "month": {"month", "mo", "mon", "mm", "mnth", "monat", "月"},
    "week": {"week", "isoweek", "weekofyear"},
    "dayofyear": {"dayofyear", "doy", "yday", "yearday", "julianday"},
    "day": {"day", "dd", "dy", "dayofmonth", "mday", "tag", "日"},
    "hour": {"hour", "hr", "hh", "stunde", "时"},
    "minute": {"minute", "min", "mi", "minutes"},
    "second": {"second", "sec", "ss", "seconds"},
}
_CHAINS = (
    ("year", "month", "day", "hour", "minute", "second"),
    ("year", "dayofyear", "hour", "minute", "second"),
    ("year", "week"),
    ("year", "quarter"),
)
_CYCLES = {
    "quarter": (1, 4), "month": (0, 12), "week": (0, 53), "dayofyear": (0, 366), "day": (0, 31),
    "hour": (0, 24), "minute": (0, 60), "second": (0, 60), "weekday": (0, 7),
}  # fmt: skip
_WEEKDAYS = {"weekday", "dayofweek", "dow", "wday", "wochentag", "星期"}
_SECONDS = {"h:mm:ss": 1, "h:mm": 60}
_DATES = {"date", "day", "datum", "日期"}
_FIRST = 10_000  # values that are looked at first
_CLOCKS = {"time", "hour", "clock", "timeofday", "uhrzeit", "hhmm", "时间", "hr"}


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
        match = _year_down(frame, named) or _date_and_clock(frame, named, style)
        if match is None or set(match.names) != set(named):
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
    match = _year_down(frame, frame.names) or _date_and_clock(frame, frame.names, style)
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
    words = {**_PARTS, "weekday": _WEEKDAYS}
    part = next((part for part, some in words.items() if _plain(column.name) in some), None)
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
    months = [column for column in frame.columns if _plain(column.name) in _PARTS["month"]]
    return _plain(name) in _PARTS["year"] and any(
        len(np.unique(column.values)) > 1 for column in months
    )


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


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalpha())


def _year_down(frame: Frame, names: Sequence[str]) -> TimeColumns | None:
    """Returns year, month and so on, down to the smallest part without a gap."""
    by_part = {
        part: name for name in names for part, words in _PARTS.items() if _plain(name) in words
    }
    for chain in _CHAINS:
        used = []
        for part in chain:
            if part not in by_part:
                break
            used.append(part)
        if len(used) > 1:
            values = _from_parts({part: frame[by_part[part]] for part in used})
            if values is not None:
                members = tuple(by_part[part] for part in used)
                return TimeColumns(members, times(_new_name(frame, members), values))
    return None


def _from_parts(columns: dict[str, Column]) -> NDArray[np.datetime64] | None:
    parts = {part: _whole(part, column) for part, column in columns.items()}
    if any(values is None for values in parts.values()):
        return None
    numbers_of = {part: values for part, values in parts.items() if values is not None}
    year = numbers_of["year"]
    if year.max() < 10 and columns["year"].kind == "number":
        return None  # 0 and 1 count the years; a year of two digits is a text: 00, 01
    short = np.all((year >= 0) & (year < 100))
    year = np.where(year < 69, 2000, 1900) + year if short else year
    if year.min() < 1000 or year.max() > 3000:
        return None
    limits = {"month": (1, 12), "day": (1, 31), "quarter": (1, 4), "week": (1, 53)}
    limits |= {"dayofyear": (1, 366), "hour": (0, 24), "minute": (0, 59), "second": (0, 59)}
    minutes = numbers_of.get("minute", np.zeros(len(year), dtype=np.int64))
    hour = numbers_of.get("hour", np.zeros(len(year), dtype=np.int64))
    if "minute" not in numbers_of and hour.max() > 24 and np.all(hour % 100 < 60):
        hour, minutes = hour // 100, hour % 100  # 1430 is half past two
        numbers_of["hour"] = hour
    for part, (low, high) in limits.items():
        if part in numbers_of and (numbers_of[part].min() < low or numbers_of[part].max() > high):
            return None
    month = (
        numbers_of["quarter"] * 3 - 2
        if "quarter" in numbers_of
        else numbers_of.get("month", np.ones_like(year))
    )
    start = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    day = numbers_of.get("dayofyear", numbers_of.get("day", np.ones_like(year)))
    dates = start.astype("datetime64[D]") + (day - 1)
    if "week" in numbers_of:
        january = start.astype("datetime64[D]") + 3
        dates = january - (january.astype(np.int64) + 3) % 7 + (numbers_of["week"] - 1) * 7
    elif "day" in numbers_of and not np.array_equal(dates.astype("datetime64[M]"), start):
        return None
    seconds = (hour * 60 + minutes) * 60 + numbers_of.get("second", np.zeros_like(year))
    return dates.astype("datetime64[s]") + seconds


def _whole(part: str, column: Column) -> NDArray[np.int64] | None:
    """Returns whole numbers, also for the names of months; None for other values."""
    if column.missing.any() or not len(column):
        return None
    if column.kind == "number":
        values = column.values
    elif column.kind == "string":
        table = [_cell(part, text) for text in column.categories]
        values = np.array(table)[column.values]
    else:
        return None
    if np.isnan(values).any() or np.any(values != np.floor(values)):
        return None
    return values.astype(np.int64)


def _cell(part: str, text: str) -> float:
    text = text.strip().lower().removeprefix("q" if part == "quarter" else "")
    if part == "month" and (month := month_number(text)) is not None:
        return float(month)
    return float(text) if text.isdigit() else float("nan")


def _date_and_clock(frame: Frame, names: Sequence[str], style: str | None) -> TimeColumns | None:
    """Returns a column of dates and one of times of day, if the names say so."""
    for date in _date_names(frame, names):
        for clock in (name for name in names if _plain(name) in _CLOCKS and name != date):
            column = _joined(frame, date, clock, style)
            if column is not None:
                return TimeColumns((date, clock), column)
    return None


def _date_names(frame: Frame, names: Sequence[str]) -> list[str]:
    """Returns the columns that are called dates, or else the only one of dates."""
    named = [name for name in names if _plain(name) in _DATES]
    if named:
        return named
    dates = [name for name in names if looks_like_time(frame[name])]
    return dates if len(dates) == 1 else []


def _joined(frame: Frame, date: str, clock: str, style: str | None) -> Column | None:
    days, hours = frame[date], frame[clock]
    if days.missing.any() or hours.missing.any():
        return None
    if days.kind != "time" and not looks_like_time(days):
        return None
    reading = read_time(days, style=style)
    seconds = _seconds_of_day(hours)
    if reading is None or seconds is None:
        return None
    dates = reading.column.values
    if not np.array_equal(dates, dates.astype("datetime64[D]")):
        return None
    values = dates.astype("datetime64[us]") + seconds
    return times(_new_name(frame, (date, clock)), values)


def _seconds_of_day(column: Column) -> NDArray[np.timedelta64] | None:
    """Returns the times of day of texts such as 14:30, and of whole hours."""
    if column.kind == "number" and column.unit in _SECONDS:
        return (column.values * _SECONDS[column.unit] * 1e6).astype("timedelta64[us]")
    if column.kind == "number":
        values = column.values
        if np.any(values != np.floor(values)) or values.min() < 0:
            return None
        if values.max() > 24:
            if values.max() > 2400 or np.any(values % 100 > 59):
                return None
            values = values // 100 * 60 + values % 100
        else:
            values = values * 60
        return (values * 60_000_000).astype("timedelta64[us]")
    if column.kind != "string":
        return None
    texts = [f"2000-01-01 {text.replace('.', ':', 2)}" for text in as_strings(column).categories]
    reading = read_time(strings(column.name, texts))
    if reading is None:
        return None
    midnight = np.datetime64("2000-01-01", "us")
    return (reading.column.values.astype("datetime64[us]") - midnight)[column.values]


def _new_name(frame: Frame, members: Sequence[str]) -> str:
    taken = [name for name in frame.names if name not in members]
    for name in ("time", "timestamp", " ".join(members)):
        if name not in taken:
            return name
    raise DataError("no name is free for the timestamps", got=", ".join(taken))

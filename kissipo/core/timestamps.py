"""Timestamps: texts and numbers that denote points in time.

Examples are 1949-01, 2024-03-31 14:00, 31.03.2024, and 1700 (a year). Timestamps with a
time zone are converted to UTC; an hour that the clock repeats is then unique.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from kissipo.core.errors import DataError
from kissipo.core.frame import Column

_DAY_FIRST = ("%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%d/%m/%y", "%d.%m.%y")
_MONTH_FIRST = ("%m/%d/%Y", "%m-%d-%Y", "%m/%d/%y")
_OTHER = (
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%b %Y",
    "%B %Y",
    "%d %b %Y",
    "%d %B %Y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%Y%m%d",
)
_CLOCK = ("", " %H:%M", " %H:%M:%S")


def as_time(column: Column, *, style: str | None = None) -> Column | None:
    """Converts a column to timestamps, or returns None when they are not.

    style:    the strptime pattern, if the user gave one
    Raises:   DataError for ambiguous values (03/04/2024), and for another style.
    """
    if column.kind == "time":
        return column
    if column.kind == "number":
        return _years(column)
    if column.kind != "string" or not column.categories:
        return None
    timestamps = _read(column.categories, column.name, style)
    if timestamps is None:
        return None
    table = np.append(timestamps, np.datetime64("NaT", "s"))
    return Column(column.name, "time", table[column.values])


def looks_like_time(column: Column) -> bool:
    """Guesses from the first distinct texts whether a column holds timestamps."""
    if column.kind == "time":
        return True
    if column.kind != "string" or not column.categories:
        return False
    sample = column.categories[:50]
    if not all(
        any(letter.isdigit() for letter in text) and 4 <= len(text) <= 40 for text in sample
    ):
        return False
    try:
        return _read(sample, column.name, None) is not None
    except DataError:
        return True


def has_zone(column: Column) -> bool:
    """Returns whether the timestamps contain a time zone."""
    return column.kind == "string" and any(_zoned(text.strip()) for text in column.categories[:50])


def is_monthly(timestamps: NDArray[np.datetime64]) -> bool:
    """Returns whether all timestamps are the same day and hour of a month."""
    whole = timestamps.astype("datetime64[M]")
    within = timestamps - whole.astype(timestamps.dtype)
    months = np.diff(whole.astype(np.int64))
    return bool(len(months) and np.all(within == within[0]) and np.all(months >= 1))


def next_timestamps(timestamps: NDArray[np.datetime64], count: int) -> NDArray[np.datetime64]:
    """Returns the next timestamps, at the most frequent step or calendar month.

    Example:  >>> monthly = np.array(["2024-11-01", "2024-12-01"], "datetime64[s]")
              >>> next_timestamps(monthly, 2).astype("datetime64[D]").tolist()
              [datetime.date(2025, 1, 1), datetime.date(2025, 2, 1)]
    """
    ahead = np.arange(1, count + 1)
    if is_monthly(timestamps):
        whole = timestamps.astype("datetime64[M]")
        within = timestamps[-1] - whole[-1].astype(timestamps.dtype)
        return (whole[-1] + ahead * _mode(np.diff(whole))).astype(timestamps.dtype) + within
    return timestamps[-1] + ahead * _mode(np.diff(timestamps))


def _mode(steps: NDArray[np.timedelta64]) -> np.timedelta64:
    """Returns the most frequent step."""
    values, counts = np.unique(steps, return_counts=True)
    return values[np.argmax(counts)]


def _years(column: Column) -> Column | None:
    values = column.values
    present = values[~np.isnan(values)]
    if (
        not len(present)
        or np.any(present != np.floor(present))
        or present.min() < 1000
        or present.max() > 3000
    ):
        return None
    whole = np.where(np.isnan(values), 0, values).astype(np.int64)
    timestamps = (whole - 1970).astype("datetime64[Y]").astype("datetime64[s]")
    timestamps[np.isnan(values)] = np.datetime64("NaT")
    return Column(column.name, "time", timestamps)


def _read(texts: Sequence[str], name: str, style: str | None) -> NDArray[np.datetime64] | None:
    if style is not None:
        timestamps = _with_patterns(texts, (style,))
        if timestamps is None:
            wrong = next(text for text in texts if _with_patterns([text], (style,)) is None)
            raise DataError(
                f"the time column '{name}' is not written as input.date_format={style}",
                got=f"'{wrong}'",
            )
        return timestamps
    iso = _iso(texts, name)
    if iso is not None:
        return iso
    day_first, month_first = _with_patterns(texts, _DAY_FIRST), _with_patterns(texts, _MONTH_FIRST)
    if day_first is not None and month_first is not None and np.any(day_first != month_first):
        raise DataError(
            f"the dates of '{name}' can be read in two ways",
            got=f"'{texts[0]}'",
            do="Choose input.date_format=%d/%m/%Y (day first) or input.date_format=%m/%d/%Y",
        )
    for timestamps in (day_first, month_first):
        if timestamps is not None:
            return timestamps
    return _with_patterns(texts, _OTHER)


def _iso(texts: Sequence[str], name: str) -> NDArray[np.datetime64] | None:
    cleaned = [text.strip() for text in texts]
    if not all(len(text) >= 7 and text[:4].isdigit() and text[4] == "-" for text in cleaned):
        return None
    zoned = [_zoned(text) for text in cleaned]
    if any(zoned):
        if not all(zoned):
            raise DataError(
                f"some timestamps of '{name}' have a time zone and some have none",
                got=f"'{cleaned[zoned.index(True)]}' and '{cleaned[zoned.index(False)]}'",
                do="Write all timestamps with a time zone, or all without one",
            )
        try:
            timestamps = [datetime.fromisoformat(text) for text in cleaned]
        except ValueError:
            return None
        return np.array(
            [timestamp.astimezone(UTC).replace(tzinfo=None) for timestamp in timestamps],
            "datetime64[s]",
        )
    try:
        return np.array(cleaned, dtype="datetime64[s]")
    except ValueError:
        return None


def _zoned(text: str) -> bool:
    """Returns whether a text such as 2024-03-31 14:00+02:00 has a time zone."""
    return text.endswith("Z") or "+" in text[10:] or "-" in text[10:]


def _with_patterns(texts: Sequence[str], patterns: Sequence[str]) -> NDArray[np.datetime64] | None:
    first = texts[0].strip()
    for pattern in patterns:
        for clock in _CLOCK if "%H" not in pattern else ("",):
            if _parses(first, pattern + clock):
                try:
                    return np.array(
                        [datetime.strptime(text.strip(), pattern + clock) for text in texts],
                        "datetime64[s]",
                    )
                except ValueError:
                    continue
    return None


def _parses(text: str, pattern: str) -> bool:
    try:
        datetime.strptime(text, pattern)
    except ValueError:
        return False
    return True

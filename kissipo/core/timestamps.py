"""Texts and numbers that stand for moments in time: 1949-01, 2024-03-31 14:00, 31.03.2024, 1700 (a year).

Moments with a time zone are taken as what they are in universal time (UTC); so an hour that a clock shows twice stands there once.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

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
    """The column as moments, or None when its values are no moments.

    style:  a strptime pattern when the person gave one
    Raises:   DataError when the values can be read in two ways (03/04/2024), or not in the given style.
    """
    if column.kind == "time":
        return column
    if column.kind == "number":
        return _years(column)
    if column.kind != "string" or not column.levels:
        return None
    timestamps = _read(column.levels, column.name, style)
    if timestamps is None:
        return None
    table = np.append(timestamps, np.datetime64("NaT", "s"))
    return Column(column.name, "time", table[column.values])


def looks_like_time(column: Column) -> bool:
    """A quick guess on the first levels."""
    if column.kind == "time":
        return True
    if column.kind != "string" or not column.levels:
        return False
    sample = column.levels[:50]
    if not all(
        any(letter.isdigit() for letter in text) and 4 <= len(text) <= 40 for text in sample
    ):
        return False
    try:
        return _read(sample, column.name, None) is not None
    except DataError:
        return True


def has_zone(column: Column) -> bool:
    """Whether the moments are written with their time zone."""
    return column.kind == "string" and any(_zoned(text.strip()) for text in column.levels[:50])


def is_monthly(timestamps: NDArray[np.datetime64]) -> bool:
    """All moments are the same day and hour of a month, at least a month apart."""
    whole = timestamps.astype("datetime64[M]")
    within = timestamps - whole.astype(timestamps.dtype)
    months = np.diff(whole.astype(np.int64))
    return bool(len(months) and np.all(within == within[0]) and np.all(months >= 1))


def next_timestamps(timestamps: NDArray[np.datetime64], count: int) -> NDArray[np.datetime64]:
    """The moments that follow, a usual step apart: months and years as they are in the calendar.

    Example:  >>> next_timestamps(np.array(["2024-11-01", "2024-12-01"], "datetime64[s]"), 2).astype("datetime64[D]").tolist()
              [datetime.date(2025, 1, 1), datetime.date(2025, 2, 1)]
    """
    ahead = np.arange(1, count + 1)
    if is_monthly(timestamps):
        whole = timestamps.astype("datetime64[M]")
        within = timestamps[-1] - whole[-1].astype(timestamps.dtype)
        return (whole[-1] + ahead * _usual(np.diff(whole))).astype(timestamps.dtype) + within
    return timestamps[-1] + ahead * _usual(np.diff(timestamps))


def _usual(steps: NDArray[Any]) -> Any:
    """The step that stands there most often."""
    kinds, counts = np.unique(steps, return_counts=True)
    return kinds[np.argmax(counts)]


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
                given=f"'{wrong}'",
            )
        return timestamps
    iso = _iso(texts, name)
    if iso is not None:
        return iso
    day_first, month_first = _with_patterns(texts, _DAY_FIRST), _with_patterns(texts, _MONTH_FIRST)
    if day_first is not None and month_first is not None and np.any(day_first != month_first):
        raise DataError(
            f"the dates of '{name}' can be read in two ways",
            given=f"'{texts[0]}'",
            do="Say which: input.date_format=%d/%m/%Y (day first) or input.date_format=%m/%d/%Y (month first)",
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
                f"some moments of '{name}' have a time zone and some have none",
                given=f"'{cleaned[zoned.index(True)]}' and '{cleaned[zoned.index(False)]}'",
                do="Write all of them in one way",
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
    """2024-03-31T14:00Z, 2024-03-31 14:00+02:00."""
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

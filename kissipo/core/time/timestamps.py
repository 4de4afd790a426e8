"""Timestamps: texts and numbers that denote points in time.

Examples are 1949-01, 2024-03-31 14:00:00.250, 03/31/2024 02:00 PM, 1700 (a year),
20240331 and 1711893600 (seconds since 1970). Timestamps with a time zone are converted
to UTC; an hour that the clock repeats is then unique. Fractions of a second are kept to
the microsecond.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from kissipo.core.errors import DataError
from kissipo.core.frame import Column, whole_seconds
from kissipo.core.time.decimal_years import are_decimal_years, decimal_years
from kissipo.core.time.time_texts import read_texts, refuse_some_zones

DAY_FIRST, MONTH_FIRST = "day_first", "month_first"
_UNIX = {
    "unix_seconds": (1e9, 1e6),
    "unix_milliseconds": (1e12, 1e3),
    "unix_microseconds": (1e15, 1.0),
    "unix_nanoseconds": (1e18, 1e-3),
}
_SERIAL, _DECIMAL, _DAY_OF_YEAR = "spreadsheet_days", "decimal_years", "%Y%j"
_FIRST_SERIAL, _LAST_SERIAL = 20_000, 80_000  # 1954 to 2119
_SERIAL_NAMES = {"date", "datum", "datetime", "timestamp", "fecha", "data", "dt", "dateserial"}
_DIGITS = {4: "%Y", 6: "%Y%m", 8: "%Y%m%d", 10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
_NAMES = {"ts", "time", "timestamp", "date", "datetime", "epoch", "unix", "created", "updated"}
_DAY_NAMES = {*_NAMES, *_SERIAL_NAMES, "year", "day", "doy", "yday", "julian", "jday", "decimal"}
_DAY_TEXT = re.compile(r"\d{4}[-/. ]?\d{3}")
_ZONE = re.compile(r":\d\d.*(?:z|utc|gmt|[+-]\d\d(?::?\d\d)?)$", re.IGNORECASE)
DATE_FORMAT = (
    "format of dates, as in strptime: %d/%m/%Y; or day_first, month_first, unix_seconds, "
    "unix_milliseconds, unix_microseconds, unix_nanoseconds, spreadsheet_days, decimal_years"
)
_MIN_DATES, _EVEN = 3, 0.5
_ISO, _ISO_LENGTHS = "0000-00-00 00:00:00", (10, 16, 19)


@dataclass(frozen=True)
class TimeReading:
    """A column that was read as timestamps.

    style:   how it is written, as an option `date_format`, where that was decided
    reason:  why, in a few words; empty where there was nothing to decide
    """

    column: Column
    style: str | None = None
    reason: str = ""


def read_time(column: Column, *, style: str | None = None) -> TimeReading | None:
    """Converts a column to timestamps, or returns None when they are not.

    style:    a word or a strptime pattern of `date_format`, if the user gave one
    Raises:   DataError for ambiguous values (03/04/2024), and for another style.
    """
    if column.kind == "time":
        return TimeReading(column)
    if column.kind == "number":
        return _read_numbers(column, style)
    if column.kind != "string" or not column.categories:
        return None
    if style in (*_UNIX, _SERIAL, _DECIMAL) or (
        (style or "").startswith("%Y") and _all_digits(column.categories)
    ):
        values = np.array([_number(text) for text in column.categories] + [np.nan])
        numeric = Column(column.name, "number", values[column.values])
        return None if np.isnan(values[:-1]).any() else _read_numbers(numeric, style)
    reading = _read(column.categories, column.name, style)
    if reading is None:
        return None
    timestamps, notation, reason = reading
    table = np.append(timestamps, np.datetime64("NaT"))
    return TimeReading(Column(column.name, "time", table[column.values]), notation, reason)


def as_time(column: Column, *, style: str | None = None) -> Column | None:
    """Returns the column that `read_time` returns, or None."""
    reading = read_time(column, style=style)
    return None if reading is None else reading.column


def decided_style(column: Column) -> str | None:
    """Returns the word of `date_format` that was decided from all cells of a column.

    It is None where nothing had to be decided, and where the cells are no timestamps.
    """
    try:
        reading = read_time(column)
    except DataError:
        return None
    return None if reading is None else reading.style


def reason_of_time(column: Column) -> str:
    """Says that values are timestamps, and how they are read where that is a choice."""
    try:
        reading = read_time(column)
    except DataError:
        reading = None
    plain = "its values are timestamps"
    if reading is None or not reading.reason:
        return plain
    style = f"input.date_format={reading.style}: " if reading.style else ""
    return f"{plain}, {style}{reading.reason}"


def looks_like_time(column: Column) -> bool:
    """Guesses from the values whether a column holds timestamps.

    Of texts the first distinct ones decide. Numbers must be dates such as 20240131, or
    seconds since 1970 (or parts of them) that step evenly or whose name says so.
    """
    if column.kind == "time":
        return True
    if column.kind == "number":
        return _numbers_look_like_time(column)
    if column.kind != "string" or not column.categories:
        return False
    sample = column.categories[:50]
    if all(map(_DAY_TEXT.fullmatch, sample)) and not _is_named(column, _DAY_NAMES):
        return False  # 2024-001 may be the number of an invoice
    if not all(
        any(letter.isdigit() for letter in text) and 4 <= len(text) <= 40 for text in sample
    ):
        return False
    try:
        return _read_style(sample, column.name, None) is not None
    except DataError:
        return True


def has_zone(column: Column) -> bool:
    """Returns whether the timestamps contain a time zone."""
    return column.kind == "string" and any(
        _zoned(text.strip()) or _ZONE.search(text.strip()) is not None
        for text in column.categories[:50]
    )


def as_seconds(timestamps: NDArray[np.datetime64]) -> NDArray[np.float64]:
    """Returns the seconds since 1970."""
    if timestamps.dtype == "datetime64[s]":
        return timestamps.astype(np.float64)
    return timestamps.astype("datetime64[us]").astype(np.float64) / 1e6


def _read_numbers(column: Column, style: str | None) -> TimeReading | None:
    values = column.values
    present = values[~np.isnan(values)]
    if not len(present):
        return None
    if style is None or style in (DAY_FIRST, MONTH_FIRST):
        style = _number_style(present) or (_SERIAL if _are_serial(column) else None)
    if style is None:
        return None
    timestamps = np.full(len(values), np.datetime64("NaT"), dtype="datetime64[us]")
    if style in _UNIX:
        micro = np.round(present * _UNIX[style][1]).astype(np.int64).astype("datetime64[us]")
        example = micro[0].astype("datetime64[s]")
        reason = f"{present[0]:.15g} is {example}, counted from 1970"
    elif style == _DECIMAL:
        micro = decimal_years(present)
        reason = f"{present[0]:.10g} is {micro[0].astype('M8[D]')}, a year with a fraction"
    elif style == _SERIAL:
        micro = _from_serial(present)
        reason = f"{present[0]:.15g} is {micro[0].astype('M8[D]')}, a serial date of spreadsheets"
    else:
        read = _digits(present, style)
        if read is None:
            texts = [str(int(value)) for value in present]
            read = _strptime(texts, column.name, style)
        micro = read
        example = micro[0].astype("datetime64[D]")
        reason = "" if style == "%Y" else f"{int(present[0])} is the date {example}"
    timestamps[~np.isnan(values)] = micro
    return TimeReading(Column(column.name, "time", whole_seconds(timestamps)), style, reason)


def _are_serial(column: Column) -> bool:
    """Whether numbers are days since 1899-12-30, as spreadsheets store dates: the name
    of the column says that it holds dates."""
    present = column.values[~column.missing]
    minutes = present[np.abs(present) < _LAST_SERIAL] * 1440
    are_minutes = np.all(np.abs(minutes - np.round(minutes)) < 0.01)
    are_parts = are_minutes and np.any(present != np.floor(present))
    is_named = _is_named(column, _SERIAL_NAMES) or (_is_named(column, {"time"}) and are_parts)
    return bool(is_named and present.min() >= _FIRST_SERIAL and present.max() < _LAST_SERIAL)


def _is_named(column: Column, words: set[str]) -> bool:
    """Whether the name of a column has one of these words."""
    return bool(words & set(re.split(r"[^a-z]+", column.name.lower())))


def _from_serial(days: NDArray[np.float64]) -> NDArray[np.datetime64]:
    """Returns the timestamps of serial dates, to the second."""
    seconds = np.round(days * 86_400).astype(np.int64).astype("timedelta64[s]")
    return (np.datetime64("1899-12-30", "s") + seconds).astype("datetime64[us]")


def _number_style(present: NDArray[np.float64]) -> str | None:
    """Returns how timestamps are written as numbers; None for other numbers."""
    low, high = present.min(), present.max()
    for style, (start, _) in _UNIX.items():
        if low >= start and high < 2 * start:
            return style
    if are_decimal_years(present):
        return _DECIMAL
    if low < 1000 or high > 1e14 or np.any(present != np.floor(present)):
        return None
    lengths = {len(str(int(value))) for value in (low, high)}
    if lengths == {7} and low >= 1e6:
        return _DAY_OF_YEAR if _are_days_of_years(present.astype(np.int64)) else None
    written = _DIGITS.get(lengths.pop()) if len(lengths) == 1 else None
    if written is None or _digits(present, written) is None:
        return None
    return written


def _are_days_of_years(numbers: NDArray[np.int64]) -> bool:
    """Whether numbers are a year and the day in it: 2014001."""
    years, days = numbers // 1000, numbers % 1000
    return bool(
        days.min() >= 1 and days.max() <= 366 and years.min() >= 1500 and years.max() < 2200
    )


def _digits(numbers: NDArray[np.float64], style: str) -> NDArray[np.datetime64] | None:
    """Returns timestamps that are digits alone, from 1000 to 3000; None for others."""
    length = next((length for length, word in _DIGITS.items() if word == style), 0)
    if not length or numbers.min() < 10 ** (length - 1) or numbers.max() >= 10**length:
        return None
    cells = numbers.astype(np.int64)
    parts = [cells // 10 ** (length - 4)]
    for digits in range(6, length + 1, 2):
        parts.append(cells // 10 ** (length - digits) % 100)
    year, month, day, hour, minute, second = (
        parts[index] if index < len(parts) else np.full(1, default)
        for index, default in enumerate((0, 1, 1, 0, 0, 0))
    )
    if year.min() < 1000 or year.max() > 3000 or month.min() < 1 or month.max() > 12:
        return None
    if day.min() < 1 or hour.max() > 23 or minute.max() > 59 or second.max() > 59:
        return None
    months = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + (day - 1)
    if not np.array_equal(days.astype("datetime64[M]"), months):
        return None
    return days.astype("datetime64[s]") + ((hour * 60 + minute) * 60 + second)


def _numbers_look_like_time(column: Column) -> bool:
    present = column.values[~column.missing]
    style = _number_style(present) if len(present) else None
    if style is None and len(present) and _are_serial(column):
        return len(np.unique(present)) >= _MIN_DATES
    if style is None or style in ("%Y", "%Y%m", "%Y%m%d%H"):
        return False
    if style in (_DECIMAL, _DAY_OF_YEAR) and not _is_named(column, _DAY_NAMES):
        return False
    if len(np.unique(present)) < _MIN_DATES:
        return False
    if style not in _UNIX or _is_named(column, _NAMES):
        return True
    steps = np.diff(present)
    usual, count = Counter(steps.tolist()).most_common(1)[0]
    whole = np.array_equal(present, np.floor(present))
    return bool(whole and steps.min() > 0 and usual > 1 and count >= _EVEN * len(steps))


def _read_style(
    texts: tuple[str, ...], name: str, style: str | None
) -> tuple[NDArray[np.datetime64], str | None, str] | None:
    if style is not None and style not in (DAY_FIRST, MONTH_FIRST):
        return whole_seconds(_strptime(texts, name, style)), None, ""
    iso = _iso(texts, name)
    if iso is not None:
        return iso, None, ""
    reading = read_texts(texts, name, style)
    return None if reading is None else (reading.values, reading.style, reading.reason)


_read = lru_cache(maxsize=4)(_read_style)  # several steps read the same column


def _strptime(texts: Sequence[str], name: str, style: str) -> NDArray[np.datetime64]:
    timestamps = []
    for text in texts:
        try:
            timestamps.append(datetime.strptime(text.strip(), style))
        except ValueError:
            raise DataError(
                f"the time column '{name}' is not written as input.date_format={style}",
                got=f"'{text}'",
            ) from None
    return _in_utc(timestamps)


def _in_utc(timestamps: Sequence[datetime]) -> NDArray[np.datetime64]:
    """Returns timestamps without a time zone; those that have one are converted to
    UTC."""
    plain = [
        timestamp.astimezone(UTC).replace(tzinfo=None) if timestamp.tzinfo else timestamp
        for timestamp in timestamps
    ]
    return whole_seconds(np.array(plain, "datetime64[us]"))


def _plain_iso(texts: Sequence[str]) -> NDArray[np.datetime64] | None:
    """Returns timestamps that are all written as 2024-03-31, or all as 2024-03-31
    14:00 or 14:00:00; None for others."""
    if len(texts[0]) not in _ISO_LENGTHS or not all(map(str.isascii, texts)):
        return None
    cells = np.array(texts, "S")
    length = cells.dtype.itemsize
    if length != len(texts[0]):
        return None
    letters = cells.view(np.uint8).reshape(-1, length)
    for place, letter in enumerate(_ISO[:length]):
        column = letters[:, place]
        is_right = (column - ord("0") < 10) if letter == "0" else column == ord(letter)
        if not is_right.all():
            return None
    try:
        return cells.astype("datetime64[s]")
    except ValueError:
        return None


def _iso(texts: Sequence[str], name: str) -> NDArray[np.datetime64] | None:
    plain = _plain_iso(texts)
    if plain is not None:
        return plain
    cleaned = [text.strip() for text in texts]
    if not all(len(text) >= 7 and text[:4].isdigit() and text[4] == "-" for text in cleaned):
        return None
    if any(text[-1].isalpha() and text[-1] != "Z" for text in cleaned):  # 2 PM, CET
        return None
    zoned = [_zoned(text) for text in cleaned]
    if any(zoned):
        if not all(zoned):
            refuse_some_zones(name, cleaned[zoned.index(True)], cleaned[zoned.index(False)])
        try:
            return _in_utc([datetime.fromisoformat(text) for text in cleaned])
        except ValueError:
            return None
    try:
        return whole_seconds(np.array(cleaned, dtype="datetime64[us]"))
    except ValueError:
        return None


def _zoned(text: str) -> bool:
    """Returns whether a text such as 2024-03-31 14:00+02:00 has a time zone."""
    return text.endswith("Z") or "+" in text[10:] or "-" in text[10:]


def _all_digits(texts: Sequence[str]) -> bool:
    return all(text.strip().isdigit() for text in texts)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")

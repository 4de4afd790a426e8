"""Texts that are timestamps: the date, then perhaps a clock and a time zone.

2024-01-31 14:30:00.250, 01/31/2024 02:30 PM, 31 Jan 2024, Jan 2024 and the like.
All texts of a column have the same shape of date. Whether the day or the month comes
first is decided by all of them together. A year of two digits lies between 1969 and
2068, as in POSIX; no date of birth lies ahead.

Example:  >>> reading = read_texts(["01/31/2024 2:30 PM", "02/01/2024 3:00 PM"], "at")
          >>> reading.style, reading.values.astype("datetime64[m]").tolist()[0].hour
          ('month_first', 14)
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache

import numpy as np
from numpy.typing import NDArray

from kissipo.core.errors import DataError
from kissipo.core.frame import whole_seconds
from kissipo.core.time.month_names import PATTERN, month_number
from kissipo.core.time.time_spellings import months_with_years, usual_spelling

_MONTH = rf"(?P<name>{PATTERN})\.?"
_YEAR, _SHORT_YEAR = r"(?P<y>\d{4})", r"(?P<y>\d{4}|\d\d)"
_NAMED_DAY = r"(?P<d>\d{1,2})(?:st|nd|rd|th)?"
_ERAS = {"民國": 1911, "民国": 1911, "令和": 2018, "平成": 1988, "昭和": 1925}
_SIGNS = r"年(?P<m>\d{1,2})月(?:(?P<d>\d{1,2})日)?"
_COMPACT = rf"{_YEAR}(?P<m>\d\d)(?P<d>\d\d)"
_DATES = (
    rf"{_YEAR}(?P<s>[-/.])(?P<m>\d{{1,2}})(?P=s)(?P<d>\d{{1,2}})",
    rf"(?P<a>\d{{1,2}})(?P<s>/|\. ?)(?P<b>\d{{1,2}})(?P=s){_SHORT_YEAR}",
    rf"(?P<a>\d{{1,2}})(?P<s>-)(?P<b>\d{{1,2}})-{_YEAR}",
    _COMPACT,
    rf"{_NAMED_DAY}(?:[ -/]|\. ?|, ?)(?:of |de )?{_MONTH}(?:[ -/]|, ?| de ){_SHORT_YEAR}",
    rf"{_MONTH}[ -]{_NAMED_DAY},? {_YEAR}",
    rf"{_MONTH}(?:[ -/]|, ?){_YEAR}",
    rf"{_YEAR}[ -/]{_MONTH}(?:[ -/](?P<d>\d{{1,2}}))?",
    rf"{_YEAR}[-/](?P<j>\d{{3}})",
    rf"{_YEAR}[ -]?q(?P<q>[1-4])",
    rf"{_YEAR}m(?P<m>\d\d)",
    rf"q(?P<q>[1-4])[ -/]{_YEAR}",
    rf"{_YEAR}-?w(?P<w>\d\d)(?:-?(?P<wd>[1-7]))?",
    rf"{_YEAR}{_SIGNS}",
    rf"(?P<era>{'|'.join(_ERAS)}) ?(?P<e>\d{{1,3}}|元){_SIGNS}",
    rf"(?P<e>1\d\d){_SIGNS}",
    r"(?P<e>1\d\d)/(?P<m>\d{1,2})/(?P<d>\d{1,2})",
)
_BIRTH = {"born", "birth", "birthday", "birthdate", "dob", "bday", "geboren", "geburtsdatum"}
_BIRTH |= {"geburtstag", "naissance", "nacimiento", "nascita", "urodzenia"}
_FIRST_YEAR, _LAST_YEAR = 1000, 3000
_WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,? +)?"
_CLOCK = (
    r"(?:(?:t|,? +|:)(?:(?P<before>上午|下午) ?)?(?=\d{1,2}(?::| ?[ap]\.? ?m))(?P<H>\d{1,2})"
    r"(?::(?P<M>\d\d)(?::(?P<S>\d\d)(?:[.,](?P<f>\d{1,9}))?)?)?(?: ?(?P<ap>[ap])\.? ?m\.?)?"
    r"(?: ?(?P<zone>z|utc|gmt|(?:utc|gmt)?[+-]\d\d(?::?\d\d)?))?)?"
)
_COMPACT_CLOCK = r"[t_-]?(?P<H>\d\d)(?P<M>\d\d)(?P<S>\d\d)?(?P<zone>z)?"
_AMBIGUOUS = "the dates of '{name}' can be read in two ways"
_CHOOSE = "Choose input.date_format={} (day first) or input.date_format={} (month first)"

Fields = dict[str, str | None]


@dataclass(frozen=True)
class TimeTexts:
    """Texts that were read as timestamps.

    values:   one timestamp per text, in UTC where the texts have time zones
    style:    day_first or month_first where that was decided, else None
    reason:   why, with an example
    """

    values: NDArray[np.datetime64]
    style: str | None = None
    reason: str = ""


def read_texts(texts: Sequence[str], name: str, style: str | None = None) -> TimeTexts | None:
    """Returns the timestamps of a column, or None when the texts are something else.

    style:    day_first or month_first, if that is known
    Raises:   DataError for dates that can be read in two ways (03/04/2024).
    """
    if not _may_be_time(_cleaned(texts[0])):
        return None
    cleaned = [_cleaned(text) for text in texts]
    if (months := months_with_years(cleaned)) is not None:
        example = f"'{texts[0]}' is {months[0]}"
        return TimeTexts(np.array(months, "datetime64[M]").astype("datetime64[s]"), None, example)
    for pattern in _patterns():
        if not pattern.fullmatch(cleaned[0]):
            continue
        matches = [pattern.fullmatch(text) for text in cleaned]
        rows = [match.groupdict() for match in matches if match is not None]
        if len(rows) < len(cleaned):
            continue
        reading = _read_rows(rows, cleaned, name, style)
        if reading is not None:
            return reading
    return None


@cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    """Returns the patterns of timestamps; it takes time, and most data have none."""
    whole = [*(_WEEKDAY + date + _CLOCK for date in _DATES), _COMPACT + _COMPACT_CLOCK]
    return tuple(re.compile(pattern, re.IGNORECASE) for pattern in whole)


def _cleaned(text: str) -> str:
    return usual_spelling(" ".join(text.split()))


def _may_be_time(text: str) -> bool:
    """Whether one text can be a timestamp, before many are read."""
    return months_with_years([text]) is not None or any(
        pattern.fullmatch(text) for pattern in _patterns()
    )


def _read_rows(
    rows: list[Fields], texts: Sequence[str], name: str, style: str | None
) -> TimeTexts | None:
    clock = _clock(rows, texts, name)
    if clock is None:
        return None
    order, reason = style, ""
    if "a" in rows[0]:
        first, second = _column(rows, "a"), _column(rows, "b")
        decided = _order_of_days(rows, texts, name, style)
        if decided is None:
            return None
        order, reason = decided
        day, month = (first, second) if order == "day_first" else (second, first)
        days = _days(_years(rows, name), month, day)
    else:
        days, order = _plain_days(rows, name), None
    if days is None:
        return None
    if any(len(row.get("y") or "") == 2 for row in rows):
        first_year = _first_year(name)
        lie = f"years of two digits lie in {first_year} to {first_year + 99}"
        reason = "; ".join(filter(None, [reason, lie]))
    if "e" in rows[0]:
        era = rows[0].get("era") or "the Republic of China"
        reason = f"'{texts[0]}' is {days[0]}, in years of {era}"
    values = whole_seconds((days.astype("datetime64[us]") + clock).astype("datetime64[us]"))
    return TimeTexts(values, order if reason else None, reason)


def _order_of_days(
    rows: list[Fields], texts: Sequence[str], name: str, style: str | None
) -> tuple[str | None, str] | None:
    """Returns day_first or month_first with the reason, or None for other numbers."""
    first, second, years = _column(rows, "a"), _column(rows, "b"), _years(rows, name)
    readings = {
        "day_first": _days(years, second, first),
        "month_first": _days(years, first, second),
    }
    possible = [word for word, days in readings.items() if days is not None]
    if style in readings:
        return (style, "") if style in possible else None
    if not possible:
        _refuse_mixture(first, second, texts, name)
        return None
    if len(possible) == 1:
        larger = np.argmax(first if possible[0] == "day_first" else second)
        plain = rows[0]["s"] in (".", ". ")
        return possible[0], "" if plain else f"'{texts[int(larger)]}' has no other reading"
    if rows[0]["s"] in (".", ". ") or np.array_equal(first, second):
        return "day_first", ""
    plain = all(row["H"] is None for row in rows) and rows[0]["s"] == "/"
    words = ("%d/%m/%Y", "%m/%d/%Y") if plain else ("day_first", "month_first")
    raise DataError(_AMBIGUOUS.format(name=name), got=f"'{texts[0]}'", do=_CHOOSE.format(*words))


def _refuse_mixture(
    first: NDArray[np.int64], second: NDArray[np.int64], texts: Sequence[str], name: str
) -> None:
    """Refuses dates of which some have the day first, and others the month.

    It returns None for numbers that are no dates at all.
    """
    if np.any((first > 12) & (second > 12)) or min(first.min(), second.min()) < 1:
        return
    if max(first.max(), second.max()) > 31 or not (np.any(first > 12) and np.any(second > 12)):
        return
    days, months = texts[int(np.argmax(first))], texts[int(np.argmax(second))]
    raise DataError(
        f"some dates of '{name}' have the day first, others the month",
        got=f"'{days}' and '{months}'",
        do="Write all dates in one way, best as 2024-01-31",
    )


def _plain_days(rows: list[Fields], name: str) -> NDArray[np.datetime64] | None:
    fields, years = rows[0], _years(rows, name)
    if "w" in fields:
        weeks, weekdays = _column(rows, "w"), _column(rows, "wd", missing=1)
        if weeks.min() < 1 or weeks.max() > 53:
            return None
        january = (years - 1970).astype("datetime64[Y]").astype("datetime64[D]") + 3
        monday = january - (january.astype(np.int64) + 3) % 7
        return (monday + (weeks - 1) * 7 + (weekdays - 1)).astype("datetime64[D]")
    if "j" in fields:
        return _days_of_years(years, _column(rows, "j"))
    if "q" in fields:
        months = _column(rows, "q") * 3 - 2
    elif "name" in fields:
        months = np.array([month_number(row["name"] or "") for row in rows])
    else:
        months = _column(rows, "m")
    return _days(years, months, _column(rows, "d", missing=1))


def _days_of_years(
    years: NDArray[np.int64], days: NDArray[np.int64]
) -> NDArray[np.datetime64] | None:
    """Returns the dates of days that are counted from 1 in their years."""
    if years.min() < _FIRST_YEAR or years.max() > _LAST_YEAR or days.min() < 1:
        return None
    whole = (years - 1970).astype("datetime64[Y]")
    dates = (whole.astype("datetime64[D]") + (days - 1)).astype("datetime64[D]")
    return dates if np.array_equal(dates.astype("datetime64[Y]"), whole) else None


def _clock(rows: list[Fields], texts: Sequence[str], name: str) -> NDArray[np.timedelta64] | None:
    """Returns the time of day; None for an impossible one."""
    hours, minutes = _column(rows, "H", missing=0), _column(rows, "M", missing=0)
    seconds = _column(rows, "S", missing=0)
    halves = [(row.get("ap") or row.get("before") or "").lower() for row in rows]
    afternoon = np.array([half in ("p", "下午") for half in halves])
    twelve = np.array([half != "" for half in halves])
    if np.any(twelve & ((hours < 1) | (hours > 12))) or minutes.max() > 59 or seconds.max() > 59:
        return None
    hours = np.where(twelve, hours % 12 + 12 * afternoon, hours)
    if np.any((hours > 24) | ((hours == 24) & (minutes + seconds > 0))):
        return None
    micro = np.array([int((row.get("f") or "0").ljust(6, "0")[:6]) for row in rows])
    total = ((hours * 60 + minutes - _zones(rows, texts, name)) * 60 + seconds) * 1_000_000 + micro
    return total.astype("timedelta64[us]")


def _zones(rows: list[Fields], texts: Sequence[str], name: str) -> NDArray[np.int64]:
    """Returns the minutes that the clock of each row is ahead of UTC."""
    zones = [row.get("zone") for row in rows]
    if any(zones) and not all(zones):
        zoned = [bool(zone) for zone in zones]
        refuse_some_zones(name, texts[zoned.index(True)], texts[zoned.index(False)])
    table = {zone: _offset(zone) for zone in set(zones)}
    return np.array([table[zone] for zone in zones])


def refuse_some_zones(name: str, zoned: str, plain: str) -> None:
    """Raises DataError for timestamps with and without a time zone."""
    raise DataError(
        f"some timestamps of '{name}' have a time zone and some have none",
        got=f"'{zoned}' and '{plain}'",
        do="Write all timestamps with a time zone, or all without one",
    )


def _offset(zone: str | None) -> int:
    digits = re.sub(r"[^\d]", "", zone or "")
    minutes = int(digits[:2] or 0) * 60 + int(digits[2:] or 0)
    return -minutes if "-" in (zone or "") else minutes


def _first_year(name: str) -> int:
    """Returns the first of the hundred years of two digits; no birth lies ahead."""
    words = re.split(r"[^a-z]+", name.lower())
    return date.today().year - 99 if _BIRTH & set(words) else 1969


def _years(rows: list[Fields], name: str) -> NDArray[np.int64]:
    if "e" in rows[0]:
        return np.array([_year_of_era(row) for row in rows])
    years = _column(rows, "y")
    short = np.array([len(row["y"] or "") == 2 for row in rows])
    first = _first_year(name)
    return np.where(short, first + (years - first) % 100, years)


def _year_of_era(row: Fields) -> int:
    """Returns the year that is counted from an era; without one from 1912, as in
    Taiwan."""
    number = (row["e"] or "").replace("元", "1")
    return _ERAS[row.get("era") or "民國"] + int(number)


def _days(
    years: NDArray[np.int64], months: NDArray[np.int64], days: NDArray[np.int64]
) -> NDArray[np.datetime64] | None:
    """Returns the dates, or None where one of them does not exist."""
    if months.min() < 1 or months.max() > 12 or days.min() < 1 or days.max() > 31:
        return None
    if years.min() < _FIRST_YEAR or years.max() > _LAST_YEAR:
        return None
    whole = ((years - 1970) * 12 + months - 1).astype("datetime64[M]")
    dates = (whole.astype("datetime64[D]") + (days - 1)).astype("datetime64[D]")
    return dates if np.array_equal(dates.astype("datetime64[M]"), whole) else None


def _column(rows: list[Fields], name: str, *, missing: int = 0) -> NDArray[np.int64]:
    return np.array([int(row.get(name) or missing) for row in rows], dtype=np.int64)

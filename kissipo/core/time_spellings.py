"""Spellings of dates and clocks -> the notations that `time_texts` reads.

Example:  >>> usual_spelling("Wed Jan 01 13:00:00 +0000 2014")
          '01 Jan 2014 13:00:00+0000'
          >>> usual_spelling("2014年1月1日13时"), usual_spelling("01.01.2014 13:00 Uhr")
          ('2014年1月1日 13:00', '01.01.2014 13:00')
          >>> months_with_years(["Jan-15", "Feb-15", "Mar-15"])[1]
          '2015-02'
          >>> months_with_years(["Jan-30", "Jan-31", "Feb-01"]) is None
          True
"""

import re
from collections.abc import Sequence
from itertools import pairwise

from kissipo.core.month_names import month_number

_CHANGES = (
    (r"(\d{1,2})[时時点시] ?(\d{1,2})[分분](?: ?(\d{1,2})[秒초])?", r" \1:\2"),
    (r"(\d{1,2})[时時点시]", r" \1:00"),
    (r" ?uhr$", ""),
    (r"^(\d{4})\. (\d{1,2})\. (\d{1,2})\.?", r"\1-\2-\3"),
    (r"^[a-z]{3} ([a-z]{3}) (\d\d?) (\d\d:\d\d:\d\d)(?: ([+-]\d{4}))? (\d{4})$", r"\2 \1 \5 \3\4"),
    (r" (\d{1,2})\.(\d\d)\.(\d\d)(\.\d{1,9})? ([ap]m)$", r" \1:\2:\3\4 \5"),
    (r"^(\d{2})([a-z]{3})(\d{4})", r"\1-\2-\3"),
    (r"^(\d{4}):(q[1-4])$", r"\1-\2"),
    (r"^(\d{8}) (\d{4}(?:\d\d)?)$", r"\1-\2"),
)
_SPELLINGS = [(re.compile(pattern, re.IGNORECASE), text) for pattern, text in _CHANGES]
_SIGN = re.compile(r"[时時点시分]|uhr|\. \d|[a-z]{3} [a-z]{3} |m$|[a-z]{3}\d{4}|:q|^\d{8} ", re.I)
_MONTH_FIRST = re.compile(r"([^\W\d_]+)\.? ?[-' ]?(\d\d)")
_YEAR_FIRST = re.compile(r"(\d\d)[-' ]([^\W\d_]+)\.?")
_NUMBERS = (re.compile(r"(?P<m>\d\d)[./](?P<y>\d{4})"), re.compile(r"(?P<y>\d{4})[./](?P<m>\d\d)"))


def usual_spelling(text: str) -> str:
    """Returns a text in the usual notation, or as it is."""
    if _SIGN.search(text) is None:
        return text
    for pattern, usual in _SPELLINGS:
        text = pattern.sub(usual, text)
    return " ".join(text.split())


def months_with_years(texts: Sequence[str]) -> list[str] | None:
    """Returns Jan-15, 15-Jan, 01/2015 and 2015/01 as 2015-01; None for other texts.

    Months beside two digits are read so where they follow each other in time: Jan-30,
    Jan-31, Feb-01 are days.
    """
    for pattern in _NUMBERS:
        matches = [match for match in map(pattern.fullmatch, texts) if match is not None]
        if len(matches) == len(texts) and all(1 <= int(match["m"]) <= 12 for match in matches):
            years = {int(match["y"]) for match in matches}
            return (
                [f"{match['y']}-{match['m']}" for match in matches]
                if min(years) >= 1000 and max(years) <= 3000
                else None
            )
    pairs = [_month_and_year(text) for text in texts]
    dates = [pair for pair in pairs if pair is not None]
    if len(dates) < len(texts) or len({month for _, month in dates}) < min(2, len(texts)):
        return None
    is_rising = all(right > left for left, right in pairwise(dates))
    is_falling = all(right < left for left, right in pairwise(dates))
    if not (is_rising or is_falling):
        return None
    return [f"{year}-{month:02}" for year, month in dates]


def _month_and_year(text: str) -> tuple[int, int] | None:
    """Returns year and month; a year of two digits lies between 1969 and 2068."""
    first, last = _MONTH_FIRST.fullmatch(text), _YEAR_FIRST.fullmatch(text)
    name, digits = (first[1], first[2]) if first else (last[2], last[1]) if last else ("", "")
    month = month_number(name) if name else None
    if month is None:
        return None
    return int(digits) + (2000 if int(digits) < 69 else 1900), month

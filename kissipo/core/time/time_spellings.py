"""Spellings of dates and clocks -> the notations that `time_texts` reads.

Example:  >>> usual_spelling("Wed Jan 01 13:00:00 +0000 2014")
          '01 Jan 2014 13:00:00+0000'
          >>> usual_spelling("2014年1月1日13时"), usual_spelling("01.01.2014 13:00 Uhr")
          ('2014年1月1日 13:00', '01.01.2014 13:00')
          >>> months_with_years(["Jan-15", "Feb-15", "Mar-15"])[1]
          '2015-02'
          >>> months_with_years(["Jan-30", "Jan-31", "Feb-01"]) is None
          True
          >>> months_with_years(["4Q98", "1Q99"]), months_with_years(["2024-H2"])
          (['1998-10', '1999-01'], ['2024-07'])
"""

import re
from collections.abc import Sequence
from itertools import pairwise

from kissipo.core.time.month_names import month_number

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
_QUARTER = r"(?:q|t|quartal|quarter|qtr|trimestre|trim|квартал|кв)"
_PARTS = (
    (4, rf"(?P<p>[1-4])(?:\.|st|nd|rd|th|er|e|º|°)? ?{_QUARTER}\.?[ '/._-]*(?P<y>\d{{4}}|\d\d)"),
    (4, rf"{_QUARTER}(?P<p>[1-4])[ '/._-]+(?P<y>\d{{4}}|\d\d)"),
    (4, rf"(?P<y>\d{{4}})[ /._:-]*{_QUARTER}(?P<p>[1-4])"),
    (4, rf"(?P<y>\d{{4}})[ /._:-]+(?P<p>[1-4])(?:\.|st|nd|rd|th|er|e)? ?{_QUARTER}"),
    (4, r"(?P<y>\d{4}) ?年?第(?P<p>[1-4一二三四])季度?"),
    (4, r"(?P<y>\d{4}):(?P<p>[1-4])"),
    (2, r"(?P<y>\d{4})[ /._-]*[hs](?P<p>[12])"),
    (2, r"[hs](?P<p>[12])[ '/._-]+(?P<y>\d{4}|\d\d)"),
    (2, r"(?P<p>[12])[hs][ '/._-]*(?P<y>\d{4}|\d\d)"),
    (12, r"(?P<y>\d{4}):(?P<p>\d\d)"),
)
_YEAR_PARTS = [(count, re.compile(pattern, re.IGNORECASE)) for count, pattern in _PARTS]
_CHINESE = {"一": 1, "二": 2, "三": 3, "四": 4}
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
    A quarter or half of a year is read as its first month.

    Months beside two digits are read so where they follow each other in time: Jan-30,
    Jan-31, Feb-01 are days.
    """
    for pattern in _NUMBERS:
        if pattern.fullmatch(texts[0]) is None:
            continue
        matches = [match for match in map(pattern.fullmatch, texts) if match is not None]
        if len(matches) == len(texts) and all(1 <= int(match["m"]) <= 12 for match in matches):
            years = {int(match["y"]) for match in matches}
            return (
                [f"{match['y']}-{match['m']}" for match in matches]
                if min(years) >= 1000 and max(years) <= 3000
                else None
            )
    if (parts := _parts_of_years(texts)) is not None:
        return parts
    pairs = [_month_and_year(text) for text in texts]
    dates = [pair for pair in pairs if pair is not None]
    if len(dates) < len(texts) or len({month for _, month in dates}) < min(2, len(texts)):
        return None
    is_rising = all(right > left for left, right in pairwise(dates))
    is_falling = all(right < left for left, right in pairwise(dates))
    if not (is_rising or is_falling):
        return None
    return [f"{year}-{month:02}" for year, month in dates]


def _parts_of_years(texts: Sequence[str]) -> list[str] | None:
    """Returns the first months of quarters, halves or months; None for other texts.

    With years of two digits and a letter other than q, the texts must follow one
    another in time: 1T24 may be a code.
    """
    for count, pattern in _YEAR_PARTS:
        if pattern.fullmatch(texts[0]) is None:
            continue
        matches = [match for match in map(pattern.fullmatch, texts) if match is not None]
        if len(matches) < len(texts):
            continue
        parts = [_CHINESE.get(match["p"]) or int(match["p"]) for match in matches]
        years = [_whole_year(match["y"]) for match in matches]
        if not (
            min(years) >= 1000 and max(years) <= 3000 and 1 <= min(parts) <= max(parts) <= count
        ):
            continue
        order = [year * count + part for year, part in zip(years, parts, strict=True)]
        is_code = len(matches[0]["y"]) == 2 and "q" not in texts[0].lower()
        if is_code and not all(right - left == 1 for left, right in pairwise(order)):
            continue
        months = [(part - 1) * (12 // count) + 1 for part in parts]
        return [f"{year}-{month:02}" for year, month in zip(years, months, strict=True)]
    return None


def _whole_year(digits: str) -> int:
    """Returns a year; one of two digits lies between 1969 and 2068."""
    if len(digits) == 4:
        return int(digits)
    return int(digits) + (2000 if int(digits) < 69 else 1900)


def _month_and_year(text: str) -> tuple[int, int] | None:
    """Returns year and month; a year of two digits lies between 1969 and 2068."""
    first, last = _MONTH_FIRST.fullmatch(text), _YEAR_FIRST.fullmatch(text)
    name, digits = (first[1], first[2]) if first else (last[2], last[1]) if last else ("", "")
    month = month_number(name) if name else None
    if month is None:
        return None
    return _whole_year(digits), month

"""Texts that count in sixties: durations and clocks (01:30:00, 2h 50m), and degrees.

They become seconds, minutes or degrees, as one number.

Example:  >>> split_sixties("01:30:00"), split_sixties("2h 50m")
          (NumberText('5400', '', 'h:mm:ss'), NumberText('170', '', 'h m'))
          >>> split_sixties("47°30'S"), split_sixties("1:2:3")
          (NumberText('-47500000000e-9', '', "°'"), None)
"""

import re
from collections.abc import Iterable
from math import floor

from kissipo.input.cells.number_texts import NumberText

RESULTS = {"h:mm:ss": "seconds", "h:mm": "sixtieths", "h m": "minutes", "°'": "degrees"}
_CLOCK = re.compile(
    r"(?P<sign>[-+]?)(?:(?P<d>\d+) days?,? \+?)?(?P<h>\d{1,3}):(?P<m>[0-5]\d)"
    r"(?::(?P<s>[0-5]\d(?:[.,]\d+)?))?"
)
_HOURS = re.compile(
    r"(?:(?P<d>\d+) ?d(?:ays?)?,? ?)?(?:(?P<h>\d+) ?h(?:rs?|ours?)?,? ?)?"
    r"(?:(?P<m>\d+) ?m(?:in(?:s|utes?)?)?)?",
    re.IGNORECASE,
)
_DEGREES = re.compile(
    r"(?P<sign>[-+]?)(?P<d>\d{1,3}) ?[°º] ?(?P<m>[0-5]?\d(?:[.,]\d+)?) ?['′’]?"
    r"(?: ?(?P<s>[0-5]?\d(?:[.,]\d+)?) ?(?:\"|″|''|”))? ?(?P<side>[NSEW]?)"
)


def split_sixties(text: str) -> NumberText | None:
    """Returns the number of a text that counts in sixties, or None."""
    text = text.strip()
    if match := _CLOCK.fullmatch(text):
        minutes = (_number(match["d"]) * 24 + _number(match["h"])) * 60 + _number(match["m"])
        if match["s"] is None:
            return _result(minutes, match["sign"], "h:mm")
        return _result(minutes * 60 + _number(match["s"]), match["sign"], "h:mm:ss")
    if text and (match := _HOURS.fullmatch(text)):
        minutes = (_number(match["d"]) * 24 + _number(match["h"])) * 60 + _number(match["m"])
        return _result(minutes, "", "h m")
    if match := _DEGREES.fullmatch(text):
        degrees = _number(match["d"]) + _number(match["m"]) / 60 + _number(match["s"]) / 3600
        return _result(degrees, match["sign"] or ("-" if match["side"] in ("S", "W") else ""), "°'")
    return None


def all_sixties(texts: Iterable[str], words: Iterable[str]) -> tuple[NumberText | None, ...]:
    """Returns the numbers of texts that all count in sixties; empty where one does not.

    Hours and minutes such as 31:28 may be a score: one needs a zero, as in 12:05. Of
    2h 50m and 19h one has two parts.

    words:    texts that mean a missing value
    """
    missing, parts, is_clear = frozenset(words), [], False
    for text in texts:
        part = split_sixties(text)
        if part is None and text.strip().lower() not in missing:
            return ()
        parts.append(part)
        is_clear |= part is not None and _is_clear(text, part)
    notations = {part.mark for part in parts if part is not None}
    return tuple(parts) if is_clear and len(notations) == 1 else ()


def _is_clear(text: str, part: NumberText) -> bool:
    if part.mark == "h:mm":
        return ":0" in text or text.strip().startswith("0")
    return part.mark != "h m" or len(re.findall(r"\d+", text)) > 1


def _number(text: str | None) -> float:
    return float((text or "0").replace(",", "."))


def _result(number: float, sign: str, mark: str) -> NumberText:
    """Returns a number without a separator: a part of a unit is a power."""
    whole = number == floor(number)
    digits = str(int(number)) if whole else f"{round(number * 1e9)}e-9"
    return NumberText(("-" if sign == "-" and number else "") + digits, "", mark)

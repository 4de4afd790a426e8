"""Text: numbers, bytes and lists are formatted the same everywhere."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """Writes out the characters of a text that would control the terminal, or that no
    encoding has; line ends stay.

    Example:  >>> print(printable("caf\u00e9 \\x1b[2J \\ud83d"))
              caf\u00e9 \\x1b[2J \\ud83d
    """
    return _CONTROL.sub(lambda sign: sign[0].encode("unicode_escape").decode(), text)


def format_score(value: float) -> str:
    """Formats a number for a table: four decimals, or four digits of a large one.

    Example:  >>> [format_score(x) for x in (0.98333, 12.3456, 2345678.0, float("nan"))]
              ['0.9833', '12.35', '2.346e+06', '-']
    """
    if value != value:
        return "-"
    style = ".4f" if abs(value) < 10 else ".2f" if abs(value) < 1e5 else ".4g"
    return format(value, style)


def format_value(value: float | None, *, digits: int = 4) -> str:
    """Formats a number of any size with its significant digits.

    Example:  >>> [format_value(x) for x in (0.00123456, 12345678.0, -0.0)]
              ['0.001235', '1.235e+07', '0']
    """
    if value is None:
        return "-"
    # adding 0.0 removes the minus sign of a negative zero
    return "not a number" if value != value else f"{value + 0.0:.{digits}g}"


def format_bytes(count: int) -> str:
    """Formats a number of bytes in B, kB, MB or GB.

    Example:  >>> [format_bytes(n) for n in (256, 16_384, 60_950_432, 2_213_000_000)]
              ['256 B', '16.4 kB', '61.0 MB', '2.2 GB']
    """
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} B"


def format_span(seconds: float) -> str:
    """Formats a time that is left: seconds, minutes or hours.

    Example:  >>> [format_span(x) for x in (12.3, 150.0, 7200.0)]
              ['12 s', '2 min', '2.0 h']
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def list_some(items: Iterable[object], limit: int, *, separator: str = ", ") -> str:
    """Lists the first items and the number of the others.

    Example:  >>> list_some("abcd", 2), list_some([1, 2], 2)
              ('a, b and 2 more', '1, 2')
              >>> list_some(["a: b", "c: d", "e: f"], 2, separator="; ")
              'a: b; c: d; and 1 more'
    """
    texts = list(map(str, items))
    before = " " if separator == ", " else separator
    more = f"{before}and {len(texts) - limit} more" if len(texts) > limit else ""
    return separator.join(texts[:limit]) + more


def list_ends(texts: Sequence[str], first: int, last: int) -> str:
    """Lists the first and the last items, with dots between them where there are more.

    Example:  >>> list_ends("abcd", 2, 1), list_ends("abcde", 2, 1)
              ('a, b, c, d', 'a, b, ..., e')
    """
    return ", ".join(
        texts if len(texts) <= first + last + 1 else [*texts[:first], "...", *texts[-last:]]
    )


def first_of(sentences: Sequence[str]) -> str:
    """Returns the first sentence and the number of the others.

    Example:  >>> first_of(["a.png is empty.", "b.png is empty."])
              'a.png is empty (and 1 more)'
    """
    more = f" (and {len(sentences) - 1} more)" if len(sentences) > 1 else ""
    return sentences[0].rstrip(".") + more


def shorten(text: str, limit: int) -> str:
    """Truncates a text to at most `limit` characters, with three dots at the end.

    Example:  >>> shorten("abcdef", 6), shorten("abcdefg", 6)
              ('abcdef', 'abc...')
    """
    return text if len(text) <= limit else text[: limit - 3] + "..."


def is_number(text: str) -> bool:
    """Whether a text is a number as Python writes it.

    Example:  >>> is_number("1e3"), is_number("1,5")
              (True, False)
    """
    try:
        float(text)
    except ValueError:
        return False
    return True


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """Returns a table as CSV, one line per row.

    Example:  >>> csv_text([["a", "b"], [1, "x, y"]])
              'a,b\\n1,"x, y"\\n'
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def describe(value: object) -> str:
    """Formats any value for a table: lists item by item, numbers with six digits.

    Example:  >>> describe([0.1, "a", None]), describe(None)
              ('0.1, a, ', '')
    """
    if isinstance(value, list | tuple):
        return ", ".join(describe(item) for item in value)
    if isinstance(value, float):
        return format_value(value, digits=6)
    return "" if value is None else shorten(str(value), 160)

"""How numbers, bytes and lists are written for people, the same everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any


def format_score(value: float) -> str:
    """A number for a column: four decimals where it is small, at least four digits where it is large.

    Example:  >>> format_score(0.98333), format_score(12.3456), format_score(2345678.0), format_score(float("nan"))
              ('0.9833', '12.35', '2.346e+06', '-')
    """
    if value != value:
        return "-"
    return (
        f"{value:.4f}"
        if abs(value) < 10
        else f"{value:.2f}"
        if abs(value) < 1e5
        else f"{value:.4g}"
    )


def format_value(value: float | None, *, digits: int = 4) -> str:
    """A number of any size by its significant digits.

    Example:  >>> format_value(0.00123456), format_value(12345678.0), format_value(-0.0), format_value(float("nan"))
              ('0.001235', '1.235e+07', '0', 'not a number')
    """
    if value is None:
        return "-"
    return (
        "not a number" if value != value else f"{value + 0.0:.{digits}g}"
    )  # no minus before a zero


def format_bytes(count: int) -> str:
    """Bytes in the unit that suits them.

    Example:  >>> format_bytes(256), format_bytes(16_384), format_bytes(60_950_432), format_bytes(2_213_000_000)
              ('256 B', '16.4 kB', '61.0 MB', '2.2 GB')
    """
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} B"


def list_some(items: Iterable[Any], most: int, *, separator: str = ", ") -> str:
    """The first items, and how many more there are.

    Example:  >>> list_some("abcd", 2), list_some([1, 2], 2), list_some(["a: b", "c: d", "e: f"], 2, separator="; ")
              ('a, b and 2 more', '1, 2', 'a: b; c: d; and 1 more')
    """
    texts = list(map(str, items))
    before = " " if separator == ", " else separator
    more = f"{before}and {len(texts) - most} more" if len(texts) > most else ""
    return separator.join(texts[:most]) + more


def list_ends(texts: Sequence[str], first: int, last: int) -> str:
    """The first and the last items where there are more.

    Example:  >>> list_ends(["a", "b", "c", "d"], 2, 1), list_ends(["a", "b", "c", "d", "e"], 2, 1)
              ('a, b, c, d', 'a, b, ..., e')
    """
    return ", ".join(
        texts if len(texts) <= first + last + 1 else [*texts[:first], "...", *texts[-last:]]
    )


def first_of(sentences: Sequence[str]) -> str:
    """The first sentence, and how many more of its kind there are.

    Example:  >>> first_of(["a.png is empty."]), first_of(["a.png is empty.", "b.png is empty."])
              ('a.png is empty', 'a.png is empty (and 1 more)')
    """
    more = f" (and {len(sentences) - 1} more)" if len(sentences) > 1 else ""
    return sentences[0].rstrip(".") + more


def shorten(text: str, most: int) -> str:
    """The text, or its beginning and three dots.

    Example:  >>> shorten("abcdef", 6), shorten("abcdefg", 6)
              ('abcdef', 'abc...')
    """
    return text if len(text) <= most else text[: most - 3] + "..."

"""Encodings: what the bytes of a text look like that is not UTF-8.

East Asian encodings write a sign as two bytes. Each has its own range of first bytes
for the signs in daily use, so the range that holds nearly all pairs names the encoding.

Example:  >>> guess_encoding("質量很好，快遞太慢".encode("big5"))
          'big5'
          >>> guess_encoding("café, naïve, São".encode("cp1252"))
          'cp1252'
"""

from collections.abc import Callable
from itertools import pairwise

_USUAL_SHARE = 0.9
_RANGES: dict[str, Callable[[int, int], bool]] = {
    "shift_jis": lambda first, second: first in (0x81, 0x82, 0x83) or 0x88 <= first <= 0x97,
    "euc_jp": lambda first, second: (
        first in (0xA1, 0xA4, 0xA5) or (0xB0 <= first <= 0xCF and second >= 0xA1)
    ),
    "euc_kr": lambda first, second: 0xB0 <= first <= 0xC8 and second >= 0xA1,
    "big5": lambda first, second: 0xA4 <= first <= 0xC6 or first in (0xA1, 0xA2),
    "gbk": lambda first, second: (
        (0xB0 <= first <= 0xD7 or first in (0xA1, 0xA3)) and second >= 0xA1
    ),
}


def guess_encoding(data: bytes) -> str | None:
    """Returns the encoding that a text seems to have, or None."""
    wide = wide_encoding(data)
    if wide:
        return wide
    scores = {name: _score(data, name) for name in _RANGES}
    name = max(scores, key=lambda name: scores[name])
    return name if scores[name] >= _USUAL_SHARE else _one_byte(data)


def wide_encoding(data: bytes) -> str | None:
    """Returns the encoding of a text with a zero in every second byte."""
    sample = data[:4096]
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    for start, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros = sample[start::2].count(0)
        if zeros > 0.5 * (len(sample) // 2) and not sample[1 - start :: 2].count(0):
            return name
    return None


def _score(data: bytes, encoding: str) -> float:
    """Returns the share of the signs of a text that are in daily use; 0 where it cannot
    be decoded, or has single bytes alone."""
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return 0.0
    usual = total = kana = 0
    for sign in text:
        code = sign.encode(encoding, "replace")
        if len(code) == 2:
            total += 1
            usual += _RANGES[encoding](code[0], code[1])
            kana += "\u3040" <= sign <= "\u30ff"
        elif code[0] > 0x7F:
            total += 1
    if total < 4 or (encoding in ("shift_jis", "euc_jp") and kana < 0.1 * total):
        return 0.0
    hangul = sum("\uac00" <= sign <= "\ud7a3" for sign in text)
    return 0.0 if encoding == "euc_kr" and hangul < 0.9 * total else usual / total


def _one_byte(data: bytes) -> str | None:
    """Returns the encoding of a text whose letters are one byte each: Cyrillic words
    are made of high bytes alone; in western words they stand between ASCII letters."""
    high = [byte > 0x7F for byte in data]
    pairs = sum(first and second for first, second in pairwise(high))
    if not any(high):
        return None
    return "cp1251" if pairs > 0.5 * sum(high) else "cp1252"

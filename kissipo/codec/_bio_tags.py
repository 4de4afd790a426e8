"""BIO tags: one tag per word, which says where a name begins and where it goes on.

A name of the kind `person` is B-person and then I-person for each further word; every
other word is O. IOBES, BILOU and BMES mark the last word (E, L) and names of one word
(S, U) too; they are read as BIO. A tag without a kind, such as B, has the kind `name`.

An I without a beginning before it, or after a name of another kind, stands in the older
notation IOB1, in faulty files and in what a net predicts. It begins a name.

Example:  >>> to_bio(["I-person", "O", "S-place", "B-thing", "E-thing"])
          (['B-person', 'O', 'B-place', 'B-thing', 'I-thing'], 1)
          >>> [tuple(span) for span in spans(["B-person", "I-person", "I-place"])]
          [(0, 2, 'person'), (2, 3, 'place')]
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

OUTSIDE = "O"
_ONLY_KIND = "name"  # of tags without a kind
_TAG = re.compile(r"([BIESLUM])(?:[-_](\S+))?")
_WHOLE, _LAST = "SU", "EL"


class Span(NamedTuple):
    """A name: its words from `start` to before `end`, and its kind."""

    start: int
    end: int
    kind: str


def is_tag(text: str) -> bool:
    """Returns whether a text is a tag.

    Example:  >>> is_tag("B-creative-work"), is_tag("O"), is_tag("NNP")
              (True, True, False)
    """
    return text == OUTSIDE or _TAG.fullmatch(text) is not None


def to_bio(tags: Sequence[str]) -> tuple[list[str], int]:
    """Returns the tags in BIO, and how many names had no beginning.

    Raises:   ValueError for a text that is not a tag.
    """
    result, repaired, current = [], 0, ""
    for tag in tags:
        if tag == OUTSIDE:
            result.append(tag)
            current = ""
            continue
        match = _TAG.fullmatch(tag)
        if match is None:
            raise ValueError(tag)
        letter, kind = match[1], match[2] or _ONLY_KIND
        begins = letter == "B" or letter in _WHOLE
        repaired += not begins and kind != current
        result.append(f"{'B' if begins or kind != current else 'I'}-{kind}")
        current = "" if letter in _WHOLE + _LAST else kind
    return result, repaired


def spans(tags: Sequence[str]) -> list[Span]:
    """Returns the names in tags of BIO."""
    names: list[Span] = []
    start, current = 0, ""
    for place, tag in enumerate([*tags, OUTSIDE]):
        letter, _, kind = tag.partition("-")
        if letter == "I" and kind == current:
            continue
        if current:
            names.append(Span(start, place, current))
        start, current = place, kind
    return names

"""Exact match and F1 of answers, as SQuAD measures them.

exact match   1 if the normalized answer is one of the normalized accepted answers
F1            2 P R / (P + R), the largest over the accepted answers
              P, R: the share of words of the answer that stand in the accepted one,
              and of those of the accepted one that stand in the answer

Normalized: in lower case, without ASCII punctuation, without the articles a, an and
the, with single blanks.

Choices:  As in the script of SQuAD 2.0: where one of two answers has no words left,
          both must have none. A question without an answer has the empty text as its
          only accepted answer.
Source:   Rajpurkar et al. 2016 and 2018: evaluate-v2.0.py.
Example:  >>> exact_match("The Eiffel Tower!", ["Eiffel tower", "a tower"])
          1.0
          >>> round(f1("in the city of Paris", ["Paris", "city of paris"]), 4)
          0.8571
"""

import re
import string
from collections import Counter
from collections.abc import Sequence

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalized(text: str) -> str:
    """Returns a text as SQuAD compares it.

    Example:  >>> normalized("  An apple, the  U.S. "), normalized("the")
              ('apple us', '')
    """
    plain = text.lower().translate(_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", plain).split())


def exact_match(text: str, accepted: Sequence[str]) -> float:
    """Returns whether a text is one of the accepted answers, as 1 or 0."""
    return float(normalized(text) in map(normalized, accepted or [""]))


def f1(text: str, accepted: Sequence[str]) -> float:
    """Returns the largest F1 of a text over the accepted answers."""
    words = normalized(text).split()
    return max(_f1(words, normalized(other).split()) for other in accepted or [""])


def _f1(words: Sequence[str], wanted: Sequence[str]) -> float:
    if not words or not wanted:
        return float(words == wanted)
    common = (Counter(words) & Counter(wanted)).total()
    return 2 * common / (len(words) + len(wanted))

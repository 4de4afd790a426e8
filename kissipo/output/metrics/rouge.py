"""ROUGE: how much of a reference stands in a summary, and the other way round.

ROUGE-n = 2 P R / (P + R)        P, R: the share of the runs of n words of the summary
          that stand in the reference, and of the reference that stand in the summary
ROUGE-L   the same with the longest common subsequence of words

Choices:  The mean of F1 over the texts, from 0 to 1. Words are runs of letters and
          digits in lower case, as in rouge-score, but of any script, and without
          stemming; a letter of a script without blanks is a word. A text of fewer than
          n words has 0.
Source:   Lin, ROUGE: A Package for Automatic Evaluation of Summaries, 2004.
Example:  >>> rouge_n(["the cat sat"], ["the cat ran off"], 1).round(3).tolist()
          [0.571]
          >>> rouge_l(["sat the cat"], ["the cat ran off"]).round(3).tolist()
          [0.571]
"""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_WORD = re.compile(
    "[\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]|[^\\W_]+"
)


def rouge_n(texts: Sequence[str], references: Sequence[str], size: int) -> NDArray[np.float64]:
    """Returns the F1 of runs of `size` words of each text."""
    scores = []
    for text, reference in zip(texts, references, strict=True):
        written, wanted = (_runs(words(part), size) for part in (text, reference))
        common = sum((written & wanted).values())
        scores.append(_f1(common, written.total(), wanted.total()))
    return np.asarray(scores, dtype=np.float64)


def rouge_l(texts: Sequence[str], references: Sequence[str]) -> NDArray[np.float64]:
    """Returns the F1 of the longest common subsequence of each text."""
    scores = []
    for text, reference in zip(texts, references, strict=True):
        written, wanted = words(text), words(reference)
        scores.append(_f1(_common_subsequence(written, wanted), len(written), len(wanted)))
    return np.asarray(scores, dtype=np.float64)


def words(text: str) -> list[str]:
    """Returns the words of a text, without punctuation marks.

    Example:  >>> words("A dog's day: 1st"), words("狗 2")
              (['a', 'dog', 's', 'day', '1st'], ['狗', '2'])
    """
    return _WORD.findall(text.lower())


def _runs(tokens: Sequence[str], size: int) -> Counter[tuple[str, ...]]:
    places = range(len(tokens) - size + 1)
    return Counter(tuple(tokens[place : place + size]) for place in places)


def _common_subsequence(one: Sequence[str], other: Sequence[str]) -> int:
    """Returns the length of the longest common subsequence."""
    row = [0] * (len(other) + 1)
    for word in one:
        diagonal = 0
        for place, candidate in enumerate(other, 1):
            above = row[place]
            row[place] = diagonal + 1 if word == candidate else max(above, row[place - 1])
            diagonal = above
    return row[-1]


def _f1(common: int, written: int, wanted: int) -> float:
    return 2 * common / (written + wanted) if common else 0.0

"""Entities: names that are found with the same words and the same kind.

precision = right / predicted     recall = right / true
F1 = 2 right / (predicted + true)

A name counts only as a whole: one with a word too few is a missed and a false one. Tags
are ids: 2 + 2k begins a name of kind k, and 3 + 2k continues it; every other id is
outside of names. A net may continue a name that did not begin, or that is of another
kind. There are two readings:
strict:   it belongs to no name (IOB2), as seqeval with mode=strict and scheme=IOB2
lenient:  it begins a name, as conlleval, and seqeval by default

Shapes:   ids of tags per sample -> counts (sample, kind, 3): the numbers of right,
          predicted and true names
Example:  >>> truth, predicted = [[2, 3, 1, 4]], [[2, 3, 1, 5]]
          >>> count_names(truth, predicted, 2, strict=True)[0].tolist()
          [[1, 1, 1], [0, 0, 1]]
          >>> count_names(truth, predicted, 2, strict=False)[0].tolist()
          [[1, 1, 1], [1, 1, 1]]
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

RIGHT, PREDICTED, TRUE = range(3)
Counts = NDArray[np.int64]
Rates = NDArray[np.float64]
Name = tuple[int, int, int]


def names_in(ids: Sequence[int], *, strict: bool) -> set[Name]:
    """Returns the first word, the end and the kind of each name.

    Example:  >>> sorted(names_in([2, 3, 5, 1, 4, 4], strict=True))
              [(0, 2, 0), (4, 5, 1), (5, 6, 1)]
              >>> sorted(names_in([2, 3, 5, 1, 4, 4], strict=False))
              [(0, 2, 0), (2, 3, 1), (4, 5, 1), (5, 6, 1)]
    """
    names, start, kind = set(), 0, -1
    for place, number in enumerate([*ids, 0]):
        if kind >= 0 and number == 3 + 2 * kind:
            continue
        if kind >= 0:
            names.add((start, place, kind))
        begins = number >= 2 and (number % 2 == 0 or not strict)
        start, kind = place, (number - 2) // 2 if begins else -1
    return names


def count_names(
    truth: Sequence[Sequence[int]],
    predicted: Sequence[Sequence[int]],
    kinds: int,
    *,
    strict: bool,
) -> Counts:
    """Returns the numbers of right, predicted and true names per sample and kind."""
    counts = np.zeros((len(truth), kinds, 3), dtype=np.int64)
    for sample, (true, guess) in enumerate(zip(truth, predicted, strict=True)):
        targets, names = names_in(true, strict=strict), names_in(guess, strict=strict)
        for column, some in ((RIGHT, targets & names), (PREDICTED, names), (TRUE, targets)):
            for _, _, kind in some:
                counts[sample, kind, column] += 1
    return counts


def rates(counts: Counts) -> tuple[Rates, Rates, Rates]:
    """Returns precision, recall and F1; 0 where there is nothing to divide by.

    Shapes:   counts (..., 3) -> three arrays (...)
    Example:  >>> [round(float(rate), 4) for rate in rates(np.array([1, 2, 4]))]
              [0.5, 0.25, 0.3333]
    """
    right, predicted, true = (counts[..., column] for column in (RIGHT, PREDICTED, TRUE))
    return (
        right / np.maximum(1, predicted),
        right / np.maximum(1, true),
        2 * right / np.maximum(1, predicted + true),
    )

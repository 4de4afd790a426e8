"""Keywords in a long recording: windows with scores -> words with their times.

A window is decided for its most probable class. Its score is the probability of this
class times a weight, which says how well the window fits what can be heard. From the
highest score on, a window is kept unless it overlaps one that is kept already
(non-maximum suppression in time).

Example:  >>> times = np.array([[0.0, 1.0], [0.1, 1.1], [2.0, 3.0], [5.0, 6.0]])
          >>> chances = np.array([[0.6, 0.4], [0.9, 0.1], [0.2, 0.8], [0.5, 0.5]])
          >>> for word in keywords(times, chances, np.ones(4), ("no", "yes")):
          ...     print(word.start, word.end, word.label, word.probability)
          0.1 1.1 no 0.9
          2.0 3.0 yes 0.8
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MIN_SCORE, MAX_OVERLAP = 0.5, 0.25  # overlap as a share of the shorter window
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Keyword:
    """A word in a recording, from start to end in seconds."""

    start: float
    end: float
    label: str
    probability: float


def keywords(
    times: Numbers, probabilities: Numbers, weights: Numbers, classes: Sequence[str]
) -> list[Keyword]:
    """Returns the words in the order of time.

    times:          start and end of each window in seconds (window, 2)
    probabilities:  of each class (window, class)
    weights:        from 0 to 1: how well each window fits what can be heard
    """
    best = probabilities.argmax(axis=1)
    chances = probabilities[np.arange(len(best)), best]
    scores = chances * weights
    numbers: list[int] = []
    for number in np.argsort(-scores, kind="stable").tolist():
        if scores[number] <= MIN_SCORE:
            break
        if all(overlap(times[number], times[other]) <= MAX_OVERLAP for other in numbers):
            numbers.append(number)
    return [
        Keyword(
            float(times[number, 0]),
            float(times[number, 1]),
            classes[best[number]],
            float(chances[number]),
        )
        for number in sorted(numbers, key=lambda number: times[number, 0])
    ]


def overlap(first: Numbers, second: Numbers) -> float:
    """Returns what two windows share, as a share of the shorter one.

    Example:  >>> overlap(np.array([0.0, 2.0]), np.array([1.0, 5.0]))
              0.5
    """
    shared = min(first[1], second[1]) - max(first[0], second[0])
    shorter = min(first[1] - first[0], second[1] - second[0])
    return max(0.0, float(shared / shorter)) if shorter > 0 else 0.0

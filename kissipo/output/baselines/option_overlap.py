"""Option overlap: the option that shares most words with the text before it.

score(option) = sum of idf(w) over the words w of both    idf(w) = log(n / df(w))

n is the number of training texts and options, and df(w) is the number of those with w.
The probability of an option is its share of all scores; where no word is shared, all
options are equally probable, and the first is taken.

Source:   the sliding window of Richardson, Burges and Renshaw, MCTest, 2013, without
          its windows.
"""

from __future__ import annotations

import re
from collections import Counter
from math import log
from typing import cast

import numpy as np

from kissipo.output.answer import Scores
from kissipo.output.answers.choice import Choice
from kissipo.output.baseline_data import BaselineData

NAME = "option overlap"
_WORD = re.compile(r"\w+")


def predict(data: BaselineData) -> Scores | None:
    """Returns the share of each option; None without rows."""
    train, test = data.train.frame, data.test.frame
    if train is None or test is None:
        return None
    answer = cast(Choice, data.answer)
    counts: Counter[str] = Counter()
    total = 0
    for text, options in zip(answer.texts_before(train), answer.option_texts(train), strict=True):
        for item in (text, *filter(None, options)):
            counts.update(_words(item))
            total += 1
    scores = answer.equal_shares(test)
    for row, (text, options) in enumerate(
        zip(answer.texts_before(test), answer.option_texts(test), strict=True)
    ):
        words = _words(text)
        shared = [
            sum(log(total / max(1, counts[word])) for word in words & _words(item))
            for item in options
        ]
        if sum(shared) > 0:
            scores[row] = np.array(shared) / sum(shared)
    return scores


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.lower()))

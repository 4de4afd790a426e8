"""Best sentence: the sentence of a paragraph that shares most words with the question.

score(sentence) = sum of idf(w) over the words w of both    idf(w) = log(n / df(w))

n is the number of training paragraphs, and df(w) is the number of those with w. Of
sentences with the same score the first is taken. The answer is the whole sentence, so
its F1 is low where answers are short.

Source:   the sliding window of Richardson, Burges and Renshaw, MCTest, 2013, is the
          same idea, with windows for sentences.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from math import log
from typing import cast

import numpy as np

from kissipo.codec.spans import Passage
from kissipo.output.answer import Scores
from kissipo.output.answers.span import Span
from kissipo.output.baseline_data import BaselineData

NAME = "best sentence"
_SENTENCE = re.compile(r"[^\s.!?。！？](?:[^.!?。！？]|[.!?](?=\S))*[.!?。！？]*")
_WORD = re.compile(r"\w+")


def predict(data: BaselineData) -> Scores | None:
    """Returns the sentences as spans; None without rows."""
    if data.train.frame is None or data.test.frame is None:
        return None
    answer = cast(Span, data.answer)
    paragraphs = dict.fromkeys(data.train.frame[answer.codec.context].texts())
    idf = _Idf(text or "" for text in paragraphs)
    questions = answer.questions(data.test.frame)
    passages = answer.codec.passages_of(data.test.frame)
    return answer.scores_of_spans(
        [_best(question, item, idf) for question, item in zip(questions, passages, strict=True)]
    )


class _Idf:
    """The weights of words, from the paragraphs that have them."""

    def __init__(self, texts: Iterable[str]) -> None:
        counts = [set(_words(text)) for text in texts]
        self._total = max(1, len(counts))
        self._by_word = Counter(word for words in counts for word in words)

    def of(self, word: str) -> float:
        """Returns the weight of a word; a word of no paragraph counts as in one."""
        return log(self._total / max(1, self._by_word[word]))


def _best(question: str, passage: Passage, idf: _Idf) -> tuple[int, int]:
    """Returns the steps of the first and the last piece of the best sentence."""
    steps, starts, ends = passage.offsets
    question_words, best, span = set(_words(question)), -1.0, (0, 0)
    for match in _SENTENCE.finditer(passage.context):
        inside = np.flatnonzero((ends > match.start()) & (starts < match.end()))
        score = sum(idf.of(word) for word in question_words & set(_words(match[0])))
        if len(inside) and score > best:
            best, span = score, (int(steps[inside[0]]), int(steps[inside[-1]]))
    return span


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())

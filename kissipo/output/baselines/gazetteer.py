"""Gazetteer: the names of the training texts, found again.

At each word from left to right, the longest name of the training texts that stands
there is taken, with the kind that it has most often.

Choices:  The case of letters does not count. A name is left out if its words stand in
          the training texts more often without being a name: `will` may be a person.
Source:   the baseline of the CoNLL-2003 task (Tjong Kim Sang and De Meulder 2003).
Example:  >>> rows = [(["Hong", "Kong", "is", "big"], ["B-place", "I-place", "O", "O"])]
          >>> names = gazetteer(rows)
          >>> names
          {('hong', 'kong'): 'place'}
          >>> find(["in", "HONG", "KONG"], names)
          ['O', 'B-place', 'I-place']
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from kissipo.codec._bio_tags import OUTSIDE, spans
from kissipo.output.answer import Scores
from kissipo.output.answers.tags import Tags
from kissipo.output.baseline_data import BaselineData

NAME = "gazetteer"
Names = dict[tuple[str, ...], str]


def predict(data: BaselineData) -> Scores | None:
    """Returns the names of the training texts."""
    answer, train, test = cast(Tags, data.answer), data.train.frame, data.test.frame
    if train is None or test is None:
        return None
    tags = [(text or "").split() for text in train[answer.name].texts()]
    words = [words for words, _ in answer.codec.words(train)]
    names = gazetteer(list(zip(words, tags, strict=True)))
    return answer.scores_of([find(words, names) for words, _ in answer.codec.words(test)], test)


def gazetteer(rows: Sequence[tuple[Sequence[str], Sequence[str]]]) -> Names:
    """Returns the kind of each name, from texts as words and tags."""
    kinds: defaultdict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for words, tags in rows:
        for start, end, kind in spans(tags):
            kinds[_lower(words[start:end])][kind] += 1
    counts = _occurrences((words for words, _ in rows), kinds)
    return {
        name: min(some, key=lambda kind: (-some[kind], kind))
        for name, some in kinds.items()
        if 2 * some.total() >= counts[name]
    }


def find(words: Sequence[str], names: Mapping[tuple[str, ...], str]) -> list[str]:
    """Returns the tags of the longest names, from left to right."""
    longest, words = max(map(len, names), default=0), _lower(words)
    tags, place = [OUTSIDE] * len(words), 0
    while place < len(words):
        for length in range(min(longest, len(words) - place), 0, -1):
            kind = names.get(words[place : place + length])
            if kind is not None:
                tags[place : place + length] = [f"B-{kind}", *[f"I-{kind}"] * (length - 1)]
                place += length - 1
                break
        place += 1
    return tags


def _lower(words: Sequence[str]) -> tuple[str, ...]:
    return tuple(word.lower() for word in words)


def _occurrences(
    texts: Iterable[Sequence[str]], names: Mapping[tuple[str, ...], object]
) -> Counter[tuple[str, ...]]:
    """Returns how often each name stands in the texts, as a name or not."""
    lengths = sorted({len(name) for name in names})
    counts: Counter[tuple[str, ...]] = Counter()
    for words in map(_lower, texts):
        for length in lengths:
            for place in range(len(words) - length + 1):
                some = words[place : place + length]
                counts[some] += some in names
    return counts

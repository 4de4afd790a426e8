"""Neighbor pieces: the most frequent piece between the two neighbors of a masked one.

Trigrams of the training split are counted. Where the two neighbors never occurred with
one piece between them, the pieces after the left neighbor count, then those before the
right one, and last all pieces. So the guesses are those of the first context that was
seen, followed by those of the next one.

The probability of a piece mixes all contexts, each with the weight n / (n + d) of what
is left: n occurrences of the context, with d different pieces (Witten and Bell 1991).

Of a pair it answers with the more frequent label of the training split.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import BaselineData
from kissipo.output.baselines.most_frequent_piece import majority_labels
from kissipo.output.masked_text import MaskedText
from kissipo.output.texts.masked_scores import TOP_K, target_places

NAME = "trigram of the neighbors"
Ids = NDArray[np.int64]


class ContextCounts(NamedTuple):
    """The pieces of a context.

    top:     the most frequent ones, the first first
    counts:  how often each occurred
    total:   how often the context occurred
    """

    top: list[int]
    counts: Mapping[int, int]
    total: int


class Counts:
    """How often each piece occurred in each context.

    A pair of a context and a piece is one number. The numbers are sorted, so that the
    pairs of a context stand together; they are looked up when they are needed first.
    """

    def __init__(self, contexts: Ids, pieces: Ids, size: int) -> None:
        self.size = size
        self.keys, self.counts = np.unique(contexts * size + pieces, return_counts=True)
        self._by_context: dict[int, ContextCounts] = {}

    def pieces_of(self, context: int) -> ContextCounts:
        """Returns the pieces that occurred in a context."""
        if context not in self._by_context:
            ends = np.array([context, context + 1]) * self.size
            first, end = np.searchsorted(self.keys, ends)
            pieces, counts = self.keys[first:end] % self.size, self.counts[first:end]
            top = pieces[np.argsort(-counts, kind="stable")[: 2 * TOP_K]].tolist()
            by_piece = dict(zip(pieces.tolist(), counts.tolist(), strict=True))
            self._by_context[context] = ContextCounts(top, by_piece, int(counts.sum()))
        return self._by_context[context]


def predict(data: BaselineData) -> Scores:
    """Returns the scores of the masked pieces (sample, time, 6, 2)."""
    answer = cast(MaskedText, data.answer)
    size, special = answer.spec.shape[-1], list(answer.mask_rule.special)
    ids = data.train.inputs[0].numpy()
    left, middle, right = (ids[:, shift : ids.shape[1] - 2 + shift].ravel() for shift in range(3))
    usual = ~np.isin(middle, special)
    left, middle, right = left[usual], middle[usual], right[usual]
    tables = [
        Counts(left * size + right, middle, size),
        Counts(left, middle, size),
        Counts(right, middle, size),
        Counts(np.zeros_like(middle), middle, size),
    ]
    overall = tables[-1].pieces_of(0)
    scores, read = majority_labels(data), data.test.inputs[0].numpy()
    for sample, place in np.argwhere(target_places(data.test.truth)).tolist():
        before = int(read[sample, place - 1])
        after = int(read[sample, place + 1])
        contexts = [
            tables[0].pieces_of(before * size + after),
            tables[1].pieces_of(before),
            tables[2].pieces_of(after),
            overall,
        ]
        scores[sample, place] = _scores(contexts, int(data.test.truth[sample, place]), size)
    return scores


def _scores(contexts: list[ContextCounts], truth: int, size: int) -> Scores:
    """Returns the scores of one masked piece (6, 2)."""
    guesses: list[int] = []
    for context in contexts:
        fresh = [piece for piece in context.top if piece not in guesses]
        guesses = (guesses + fresh)[:TOP_K]
        if len(guesses) == TOP_K:
            break
    scores = np.zeros((1 + TOP_K, 2), dtype=np.float32)
    shares = [_share(contexts, piece, size) for piece in (truth, *guesses)]
    rank = guesses.index(truth) if truth in guesses else TOP_K
    scores[0] = np.log(shares[0]), rank
    scores[1 : 1 + len(guesses)] = list(zip(guesses, shares[1:], strict=True))
    return scores


def _share(contexts: list[ContextCounts], piece: int, size: int) -> float:
    """Returns the probability of a piece, mixed of all contexts and of equal shares."""
    share, left = 0.0, 1.0
    for context in contexts:
        if context.total:
            weight = context.total / (context.total + len(context.counts))
            share += left * weight * context.counts.get(piece, 0) / context.total
            left *= 1 - weight
    return share + left / size

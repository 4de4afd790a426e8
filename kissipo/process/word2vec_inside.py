"""Inside word2vec: one window with its draws, scores and gradients; kept words; paths.

Everything is computed again from the weights and the counts by the formulas of
`process/layers/word_vectors.py`, with the draws of a key.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from kissipo.core.json_object import JsonObject
from kissipo.process.kernels.huffman import huffman_tree
from kissipo.process.kernels.word_draws import (
    WindowDraw,
    WordTables,
    draw_windows,
    keep_probabilities,
    word_tables,
)
from kissipo.process.layers.word_vectors import window_inputs

_WORDS = 12  # of the example, in a row
_NUM_EXAMPLES = 20  # words whose path and subsampling are shown
_KEY = 1


class Settings(Protocol):
    """The options of word2vec."""

    @property
    def model(self) -> str: ...
    @property
    def negative(self) -> int: ...
    @property
    def context_size(self) -> int: ...
    @property
    def subsample(self) -> float: ...
    @property
    def negative_exponent(self) -> float: ...


class WordTable(Protocol):
    """The net: vectors of words, and the weights of the words that they predict."""

    outputs: Tensor
    counts: Tensor

    @property
    def vectors(self) -> Tensor:
        """The vectors (word, dimension)."""
        ...


def tables_for(counts: Tensor, options: Settings) -> WordTables:
    """Returns the tables for these counts, as the options of word2vec set them."""
    return word_tables(
        counts,
        subsample=options.subsample,
        negative=options.negative,
        exponent=options.negative_exponent,
    )


def look_inside(net: WordTable, options: Settings) -> JsonObject:
    """Returns what a report shows of the training, as JSON types; words are numbers."""
    examples = _spread(len(net.counts))
    keep = keep_probabilities(net.counts, options.subsample) if options.subsample else None
    tree = huffman_tree(net.counts)
    return {
        "hierarchical": options.negative == 0,
        "window": explain_window(net, _example(len(net.counts)), options),
        "kept": [
            [word, int(net.counts[word]), 1.0 if keep is None else float(keep[word])]
            for word in examples
        ],
        "paths": [[word, *tree.path(word)] for word in examples],
    }


def explain_window(net: WordTable, words: list[int], options: Settings) -> JsonObject | None:
    """Returns the window of the middle word of a sentence, without subsampling.

    Each pair of a context word (or the mean of all of them) and a target has its score
    x · o, p = sigmoid(x · o), and the norms of its gradients (p - label) o and
    (p - label) x.
    """
    tables = word_tables(
        net.counts, subsample=0.0, negative=options.negative, exponent=options.negative_exponent
    )
    tokens = np.array(words, np.int32)
    draws = list(draw_windows(tokens, _KEY, tables, context=options.context_size))
    if not draws:
        return None
    draw = draws[len(draws) // 2]
    return {
        "word": draw.word,
        "reach": draw.reach,
        "context": draw.context,
        "rows": draw.rows,
        "negative": bool(options.negative),
        "pairs": _pairs(net, draw, is_mean=options.model == "cbow"),
    }


def _pairs(net: WordTable, draw: WindowDraw, *, is_mean: bool) -> list[JsonObject]:
    x = window_inputs(net.vectors, draw.context, cbow=is_mean)
    targets = net.outputs[torch.tensor(draw.rows)]
    scores = x @ targets.T
    p = torch.sigmoid(scores)
    error = (p - torch.tensor(draw.labels)).abs()
    return [
        {
            "context": -1 if is_mean else draw.context[row],
            "target": target,
            "label": draw.labels[target],
            "score": float(scores[row, target]),
            "p": float(p[row, target]),
            "input_norm": float(error[row, target] * targets[target].norm()),
            "output_norm": float(error[row, target] * x[row].norm()),
        }
        for row in range(len(x))
        for target in range(len(draw.rows))
    ]


def _spread(count: int) -> list[int]:
    """Returns words from the most frequent to the rarest, few of the rare ones."""
    places = np.unique(np.geomspace(1, count, min(count, _NUM_EXAMPLES)).astype(int) - 1)
    return [int(place) for place in places]


def _example(count: int) -> list[int]:
    """Returns frequent words in a row; the first ones have hardly any meaning."""
    first = min(100, max(0, count - _WORDS))
    return list(range(first, min(count, first + _WORDS)))

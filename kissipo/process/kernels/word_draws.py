"""The random numbers of word2vec: which words are kept, windows and negatives.

Each one is a function of the key of a block, of the position in it and of its purpose,
so that the kernel, the plain formulas and a person who looks inside see the same draws.

keep(w)     = min(1, sqrt(t / f) + t / f)    f: the share of the word in the corpus
negative(w) ~ count(w)^0.75
window      = 1 .. context, all equally probable

Source:   Mikolov et al., Distributed Representations of Words and Phrases and their
          Compositionality, 2013, and its program word2vec, whose keep(w) this is; the
          paper has sqrt(t / f). Alias table: Vose 1991. splitmix64: Steele et al. 2014.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kissipo.core.seeds import random_bits
from kissipo.process.kernels.huffman import HuffmanTree, huffman_tree

SENTENCE_END = -1
_ONE = 2**32


@dataclass(frozen=True)
class AliasTable:
    """A distribution over words, from which one draw takes constant time.

    A slot is chosen uniformly. It belongs to the word of its number, and a part of it
    to one other word.

    limits:  (word), int64: the share of a slot that is its own, in units of 2^-32
    rows:    (word), int64: the word that has the rest of the slot
    """

    limits: Tensor
    rows: Tensor

    def probabilities(self) -> Tensor:
        """Returns the exact probability of each word, float64."""
        own = self.limits.double() / _ONE
        return own.scatter_add(0, self.rows, 1 - own) / len(own)


@dataclass(frozen=True)
class WordTables:
    """What the steps of word2vec look up.

    keep:      (word), int64: the probability that subsampling keeps a word, in units of
               2^-32; None: every word is kept
    negative:  number of negatives; 0: the tree is used
    """

    counts: Tensor
    keep: Tensor | None
    negative: int
    negatives: AliasTable
    tree: HuffmanTree


@dataclass(frozen=True)
class WindowDraw:
    """One position of a block: its word, its context, and its targets with labels."""

    position: int
    word: int
    reach: int
    context: list[int]
    rows: list[int]
    labels: list[float]


def word_tables(counts: Tensor, *, subsample: float, negative: int, exponent: float) -> WordTables:
    """Returns the tables for words with these counts, the highest first.

    subsample:  the threshold t; 0: no subsampling
    negative:   number of negatives; 0: hierarchical softmax
    """
    keep = keep_probabilities(counts, subsample) if subsample else None
    empty = torch.zeros(0, dtype=torch.int64)
    return WordTables(
        counts,
        None if keep is None else (keep * _ONE).round().long(),
        negative,
        alias_table(counts.double() ** exponent) if negative else AliasTable(empty, empty),
        HuffmanTree(empty, empty, empty) if negative else huffman_tree(counts),
    )


def keep_probabilities(counts: Tensor, subsample: float) -> Tensor:
    """Returns the probability that subsampling keeps each word, float64.

    Example:  >>> keep_probabilities(torch.tensor([900, 100]), 0.1).tolist()
              [0.4444444444444444, 1.0]
    """
    ratio = subsample * counts.sum().double() / counts.double()
    return (ratio.sqrt() + ratio).clamp(max=1.0)


def alias_table(weights: Tensor) -> AliasTable:
    """Returns the table of a distribution that is proportional to the weights.

    Example:  >>> alias_table(torch.tensor([1.0, 3.0])).probabilities().tolist()
              [0.25, 0.75]
    """
    scaled = (weights * (len(weights) / weights.sum())).tolist()
    limits, rows = [_ONE] * len(scaled), list(range(len(scaled)))
    small = [word for word, share in enumerate(scaled) if share < 1]
    large = [word for word, share in enumerate(scaled) if share >= 1]
    while small and large:
        word, donor = small.pop(), large[-1]
        limits[word], rows[word] = round(scaled[word] * _ONE), donor
        scaled[donor] -= 1 - scaled[word]
        if scaled[donor] < 1:
            small.append(large.pop())
    return AliasTable(torch.tensor(limits), torch.tensor(rows))


def draw_windows(
    tokens: NDArray[np.int32], key: int, tables: WordTables, *, context: int
) -> Iterator[WindowDraw]:
    """Yields what is drawn for the kept positions of a block that have a context."""
    stride = tables.negative + 2
    places = np.arange(len(tokens), dtype=np.uint64) * np.uint64(stride)
    positions = _subsample(tokens, random_bits(key, places), tables.keep)
    words = tokens[positions].tolist()
    reaches = (1 + _scaled(random_bits(key, places[positions] + np.uint64(1)), context)).tolist()
    for center, (word, reach) in enumerate(zip(words, reaches, strict=True)):
        around = [] if word == SENTENCE_END else _context(words, center, reach)
        if around:
            rows, labels = _targets(word, key, int(places[positions[center]]), tables)
            yield WindowDraw(int(positions[center]), word, reach, around, rows, labels)


def _subsample(
    tokens: NDArray[np.int32], bits: NDArray[np.uint64], keep: Tensor | None
) -> NDArray[np.int64]:
    """Returns the positions of the words that subsampling keeps, and of the ends."""
    if keep is None:
        return np.arange(len(tokens))
    limits = keep.numpy()[np.maximum(tokens, 0)]
    return np.flatnonzero((tokens == SENTENCE_END) | ((bits >> np.uint64(32)) < limits))


def _scaled(bits: NDArray[np.uint64], limit: int) -> NDArray[np.int64]:
    """Returns numbers 0 .. limit - 1 from the upper halves of random bits."""
    upper = bits >> np.uint64(32)
    return (upper * np.uint64(limit) >> np.uint64(32)).astype(np.int64)


def _context(words: list[int], center: int, reach: int) -> list[int]:
    """Returns the words around a position, up to the ends of its sentence."""
    before, after = [], []
    for word in words[max(0, center - reach) : center][::-1]:
        if word == SENTENCE_END:
            break
        before.append(word)
    for word in words[center + 1 : center + 1 + reach]:
        if word == SENTENCE_END:
            break
        after.append(word)
    return before[::-1] + after


def _targets(word: int, key: int, place: int, tables: WordTables) -> tuple[list[int], list[float]]:
    """Returns the rows of the output weights with their labels."""
    if not tables.negative:
        nodes, codes = tables.tree.path(word)
        return nodes, [1.0 - code for code in codes]
    places = np.uint64(place + 2) + np.arange(tables.negative, dtype=np.uint64)
    bits = random_bits(key, places)
    slots = _scaled(bits, len(tables.counts))
    own = (bits & np.uint64(_ONE - 1)).astype(np.int64) < tables.negatives.limits.numpy()[slots]
    drawn = np.where(own, slots, tables.negatives.rows.numpy()[slots])
    others = drawn[drawn != word].tolist()
    return [word, *others], [1.0, *[0.0] * len(others)]

"""The Huffman tree of a vocabulary: short paths for frequent words.

The two rarest nodes get a common parent, again and again, until one root is left. The
path of a word leads from the root to it: its inner nodes, and the branch that is taken
at each of them, 0 towards the rarer child and 1 towards the other one.

Source:   Huffman, A Method for the Construction of Minimum-Redundancy Codes, 1952;
          for word vectors Mikolov et al. 2013, whose branches these are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class HuffmanTree:
    """The paths of all words, one after another.

    offsets:  (word + 1), int64: where the path of each word begins
    nodes:    (step), int64: inner nodes, numbered in the order in which they are made;
              the root is the last one
    codes:    (step), int64: 0 or 1, the branch that is taken at the node
    """

    offsets: Tensor
    nodes: Tensor
    codes: Tensor

    def path(self, word: int) -> tuple[list[int], list[int]]:
        """Returns the inner nodes of a word from the root, and its branches."""
        steps = slice(int(self.offsets[word]), int(self.offsets[word + 1]))
        return self.nodes[steps].tolist(), self.codes[steps].tolist()


def huffman_tree(counts: Tensor) -> HuffmanTree:
    """Returns the tree of the words with these counts, which must not rise.

    Shapes:   counts (word), whole numbers, the highest first
    Example:  >>> tree = huffman_tree(torch.tensor([5, 2, 1]))
              >>> tree.path(0), tree.path(2)
              (([1], [1]), ([1, 0], [0, 0]))
    """
    words = len(counts)
    parents, branches = _parents(counts.tolist())
    current = np.arange(words)
    steps = []
    while words > 1 and (current < 2 * words - 2).any():
        inside = current < 2 * words - 2
        steps.append((inside, np.where(inside, parents[current], 0), branches[current]))
        current = np.where(inside, parents[current], current)
    depths = sum((inside.astype(np.int64) for inside, *_ in steps), np.zeros(words, np.int64))
    offsets = np.concatenate([[0], depths.cumsum()])
    nodes, codes = np.zeros(offsets[-1], np.int64), np.zeros(offsets[-1], np.int64)
    for level, (inside, above, branch) in enumerate(steps):
        places = (offsets[1:] - 1 - level)[inside]
        nodes[places], codes[places] = above[inside] - words, branch[inside]
    return HuffmanTree(*map(torch.from_numpy, (offsets, nodes, codes)))


def _parents(counts: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Returns the parent of every node, and whether it is its parent's branch 1.

    Words wait in the order of their counts, and inner nodes are made in the order of
    theirs, so that the rarest node is always at the front of one of the two queues.
    """
    words = len(counts)
    total = [*counts, *[0] * max(0, words - 1)]
    parents, branches = np.zeros(2 * words, np.int64), np.zeros(2 * words, np.int64)
    word, inner = words - 1, words
    for node in range(words, 2 * words - 1):
        pair = []
        for _ in range(2):
            if word >= 0 and (inner >= node or total[word] < total[inner]):
                pair.append(word)
                word -= 1
            else:
                pair.append(inner)
                inner += 1
        total[node] = total[pair[0]] + total[pair[1]]
        parents[pair], branches[pair[1]] = node, 1
    return parents, branches

"""PPMI and SVD: word vectors from counts, without a net.

How often do two words stand within a few words of each other, compared with chance?

PPMI(w, c) = max(0, log of p(w, c) / (p(w) p'(c)))       p'(c) ~ count(c)^0.75
vectors = U sqrt(S) of the truncated SVD of this matrix

Each pair counts by 1 / distance. The rarest words of a large vocabulary keep no vector.

Source:   Levy, Goldberg and Dagan, Improving Distributional Similarity with Lessons
          Learned from Word Embeddings, 2015.
"""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.utils.extmath import randomized_svd

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import BaselineData
from kissipo.output.vectors.word_vectors import WordVectors, word_scores

NAME = "PPMI + SVD"
_CONTEXT, _DIM, _SMOOTHING = 5, 100, 0.75
_MAX_WORDS = 20_000
_PIECE = 1_000_000  # tokens whose pairs are counted at once


def predict(data: BaselineData) -> Scores | None:
    """Returns the scores of the questions by these vectors; None without a corpus."""
    (spec,) = data.specs
    if spec.axes != ("term",):
        return None
    words = spec.vocab_size // 2
    vectors = np.zeros((words, _DIM), np.float32)
    row_count = min(words, _MAX_WORDS)
    solved = ppmi_svd(data.train.inputs[0].numpy().ravel(), row_count, seed=data.seed)
    vectors[:row_count, : solved.shape[1]] = solved
    top_k = cast(WordVectors, data.answer).top_k
    scores = word_scores(torch.from_numpy(vectors), data.test.inputs[0], top_k=top_k)
    return data.answer.scores(scores)


def ppmi_svd(tokens: NDArray[np.int32], words: int, *, seed: int = 0) -> NDArray[np.float32]:
    """Returns vectors (word, dimension) from tokens; -1 ends a sentence."""
    matrix = ppmi(cooccurrences(tokens, words))
    dim = min(_DIM, words - 1)
    if dim < 1 or not matrix.nnz:
        return np.zeros((words, max(1, dim)), np.float32)
    left, values, _ = randomized_svd(matrix, dim, n_iter=2, random_state=seed % 2**32)
    vectors: NDArray[np.float32] = (left * np.sqrt(values)).astype(np.float32)
    return vectors


def cooccurrences(tokens: NDArray[np.int32], words: int) -> csr_matrix:
    """Returns how often two words are near each other (word, word), by 1 / distance.

    Example:  >>> cooccurrences(np.array([0, 1, 2, -1, 2]), 3).toarray().tolist()
              [[0.0, 1.0, 0.5], [1.0, 0.0, 1.0], [0.5, 1.0, 0.0]]
    """
    total = csr_matrix((words, words), dtype=np.float32)
    for start in range(0, len(tokens), _PIECE):
        piece = tokens[start : start + _PIECE]
        sentence = np.cumsum(piece < 0)
        for distance in range(1, _CONTEXT + 1):
            first, second = piece[:-distance], piece[distance:]
            near = sentence[:-distance] == sentence[distance:]
            near &= (first >= 0) & (second >= 0) & (first < words) & (second < words)
            weights = np.full(int(near.sum()), 1 / distance, np.float32)
            total = total + csr_matrix((weights, (first[near], second[near])), (words, words))
    return total + total.T


def ppmi(counts: csr_matrix) -> csr_matrix:
    """Returns the positive pointwise mutual information of cells that have counts."""
    matrix = counts.tocoo()
    rows = np.asarray(counts.sum(axis=1)).ravel().astype(np.float64)
    smoothed = rows**_SMOOTHING
    expected = rows[matrix.row] * smoothed[matrix.col] / max(smoothed.sum(), 1e-12)
    values = np.log(matrix.data / expected)
    positive = values > 0
    cells = (matrix.row[positive], matrix.col[positive])
    return csr_matrix((values[positive].astype(np.float32), cells), counts.shape)

"""word2vec in plain torch: the formulas of skip-gram and CBOW, window by window.

skip-gram:  x_c = input[c] for every context word c      CBOW:  x = mean of input[c]
p = sigmoid(x . output[t])        loss = - sum of log p for label 1, log (1 - p) for 0

With negative sampling the targets t are the center word (label 1) and the drawn words
(label 0), which all pairs of a window share. With hierarchical softmax they are the
inner nodes on the path of the center word (label 1 - branch).

Shapes:   input, output (word, dim); x (row, dim); scores (row, target)
Choices:  both updates of a window use the values from before it. The gradient of the
          mean is divided by its number of words, as Irsoy et al. (2021) correct it.
Source:   Mikolov et al., Efficient Estimation of Word Representations, 2013; shared
          negatives from Ji et al., Parallelizing Word2Vec in Shared and Distributed
          Memory, 2016.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from kissipo.process.kernels.word_draws import WindowDraw, WordTables, draw_windows
from kissipo.process.kernels.word_vectors import WordStep


def window_inputs(vectors: Tensor, context: Sequence[int], *, cbow: bool) -> Tensor:
    """Returns the rows that predict the center word: one, or one per context word."""
    rows = vectors[torch.tensor(context, device=vectors.device)]
    return rows.mean(dim=0, keepdim=True) if cbow else rows


def window_loss(vectors: Tensor, outputs: Tensor, draw: WindowDraw, *, cbow: bool) -> Tensor:
    """Returns the loss of one window, the sum over its pairs, for autograd."""
    rows = torch.tensor(draw.rows, device=outputs.device)
    scores = window_inputs(vectors, draw.context, cbow=cbow) @ outputs[rows].T
    labels = torch.tensor(draw.labels, device=scores.device, dtype=scores.dtype)
    return functional.binary_cross_entropy_with_logits(
        scores, labels.expand_as(scores), reduction="sum"
    )


def train_blocks(
    weights: tuple[Tensor, Tensor],
    blocks: Sequence[NDArray[np.int32]],
    keys: Sequence[int],
    tables: WordTables,
    step: WordStep,
) -> tuple[float, int]:
    """Changes both weights in place, as the kernel does, with the same draws.

    Returns:  the sum of the losses, and of how many predictions
    """
    total, predictions = 0.0, 0
    with torch.no_grad():
        for block, key in zip(blocks, keys, strict=True):
            for draw in draw_windows(block, key, tables, context=step.context):
                total += _train_window(*weights, draw, step)
                predictions += 1 if step.cbow else len(draw.context)
    return total, predictions


def _train_window(vectors: Tensor, outputs: Tensor, draw: WindowDraw, step: WordStep) -> float:
    """Changes the weights of one window; returns its loss.

    The gradients are written out: d loss / d scores = p - label.
    """
    context = torch.tensor(draw.context, device=vectors.device)
    rows = torch.tensor(draw.rows, device=vectors.device)
    labels = torch.tensor(draw.labels, device=vectors.device, dtype=vectors.dtype)
    x, targets = window_inputs(vectors, draw.context, cbow=step.cbow), outputs[rows]
    scores = x @ targets.T
    factors = step.learning_rate * (labels - torch.sigmoid(scores))
    dx = factors @ targets
    outputs.index_add_(0, rows, factors.T @ x)
    change = (dx / len(context)).expand(len(context), -1) if step.cbow else dx
    vectors.index_add_(0, context, change)
    loss = functional.binary_cross_entropy_with_logits(
        scores, labels.expand_as(scores), reduction="sum"
    )
    return float(loss)

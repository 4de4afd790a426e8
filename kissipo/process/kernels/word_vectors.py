"""Steps of word2vec by the compiled kernel: many windows per call.

The formulas are those of `process/layers/word_vectors.py`, the draws those of
`word_draws.py`.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kissipo.process.kernels.native import Kernels, thread_count
from kissipo.process.kernels.word_draws import WordTables

_TASK = struct.Struct("18qd2q")  # see native/kernels.h
_PARALLEL_TOKENS = 1_000


@dataclass(frozen=True)
class WordStep:
    """The settings of one step.

    context:  words on each side of a center word, at most
    cbow:     whether the mean of the context predicts the center; else each word does
    """

    context: int
    cbow: bool
    learning_rate: float


def train_blocks(
    kernels: Kernels,
    weights: tuple[Tensor, Tensor],
    blocks: Sequence[NDArray[np.int32]],
    keys: Sequence[int],
    tables: WordTables,
    step: WordStep,
) -> tuple[float, int]:
    """Changes both weights in place; one block after another on a single thread.

    Shapes:   weights: input (word, dim) and output (word, dim); a block (token)
    Returns:  the sum of the losses, and of how many predictions
    """
    vectors, outputs = weights
    words, dim = vectors.shape
    tokens = np.concatenate(blocks) if len(blocks) > 1 else np.ascontiguousarray(blocks[0])
    offsets = np.cumsum([0, *map(len, blocks)], dtype=np.int64)
    keys_array = np.array(keys, dtype=np.uint64)
    losses = np.zeros((len(blocks), 2))
    paths = (tables.tree.offsets, tables.tree.nodes, tables.tree.codes)
    kernels.word_vectors(
        _TASK.pack(
            *(words, dim, vectors.data_ptr(), outputs.data_ptr(), len(blocks)),
            *(array.ctypes.data for array in (offsets, keys_array, tokens)),
            *(step.context, step.cbow, tables.negative),
            0 if tables.keep is None else tables.keep.data_ptr(),
            *(tables.negatives.limits.data_ptr(), tables.negatives.rows.data_ptr()),
            *(path.data_ptr() for path in paths),
            *(losses.ctypes.data, step.learning_rate),
            *(thread_count(len(tokens), _PARALLEL_TOKENS), kernels.parallel_for),
        )
    )
    loss, predictions = losses.sum(axis=0).tolist()
    return loss, int(predictions)


def fits_word_vectors(weights: tuple[Tensor, Tensor]) -> bool:
    """Returns whether the kernel takes these weights: float32 on the CPU, no gaps."""
    return all(
        weight.dtype is torch.float32 and weight.is_cpu and weight.is_contiguous()
        for weight in weights
    )

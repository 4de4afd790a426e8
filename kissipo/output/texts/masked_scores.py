"""The scores of masked pieces: how probable the true one was, and the best guesses.

Shapes:   logits (row, piece) -> scores (row, 6, 2), as in `output/masked_text.py`
Example:  >>> logits = torch.tensor([[0.0, 1.0, 3.0, 2.0, -1.0, 0.5]])
          >>> scores_of(logits, torch.tensor([3]))[0, :3, 0].tolist()[1:]
          [2.0, 3.0]
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kissipo.core.numpy_array import NumpyArray

TOP_K = 5


def scores_of(logits: Tensor, truth: Tensor | None) -> Tensor:
    """Returns the scores of some pieces; NaN where the true one is not known."""
    shares = logits.float().log_softmax(dim=1)
    count = min(TOP_K, shares.shape[1])
    top = shares.topk(count, dim=1)
    scores = shares.new_zeros(len(shares), 1 + TOP_K, 2)
    scores[:, 1 : 1 + count, 0], scores[:, 1 : 1 + count, 1] = top.indices.float(), top.values.exp()
    if truth is None:
        scores[:, 0] = torch.nan
        return scores
    right = shares.gather(1, truth[:, None])
    scores[:, 0, 0] = right.squeeze(1)
    scores[:, 0, 1] = (shares > right).sum(dim=1).float()
    return scores


def target_places(truth: NumpyArray) -> NDArray[np.bool_]:
    """Returns which pieces (sample, time) are to be guessed."""
    is_target = truth > 0
    is_target[:, 0] = False
    return is_target


def guessed_places(row: NumpyArray) -> NDArray[np.int64]:
    """Returns the places of a sample that have guesses, of its scores (time, 6, 2)."""
    return np.flatnonzero(row[:, 1, 1] > 0)


def guesses_of(row: NumpyArray, labels: Sequence[str]) -> tuple[tuple[str, float], ...]:
    """Returns the guesses for one piece (6, 2) with their probabilities."""
    return tuple((labels[int(number)], float(share)) for number, share in row[1:].tolist())

"""Masking: pieces of texts are chosen for a net to guess, and most of them hidden.

Of the pieces of a text a fraction is chosen, at least one. Of those

80%   become [MASK]
10%   become another piece, drawn at random
10%   stay as they are

so that a net must know every piece from its neighbors: it does not see which pieces
were chosen. Special pieces, padding among them, are never chosen and never drawn.

All random numbers are functions of a seed, of the number of a row, and of the place in
the row. So the same seed hides the same pieces, also in a run that was resumed.

Shapes:   ids (row, time) -> hidden ids (row, time), chosen (row, time)
Source:   Devlin et al., BERT, 2019, section 3.1; Steele, Lea and Flood, Fast Splittable
          Pseudorandom Number Generators, 2014, for the random numbers.
Example:  >>> rule = MaskRule(special=(0, 1, 2), mask=2, vocab_size=9)
          >>> ids = torch.tensor([[1, 5, 6, 7, 8, 3, 4, 0]])
          >>> hidden, chosen = rule.hide(ids, torch.arange(1), seed=3, probability=0.5)
          >>> hidden.tolist(), chosen.int().tolist()
          ([[1, 5, 2, 7, 2, 3, 2, 0]], [[0, 0, 1, 0, 1, 0, 1, 0]])
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kissipo.core.seeds import derive, random_bits

PROBABILITY = 0.15
HIDDEN, RANDOM = 0.8, 0.9  # below: [MASK]; below: another piece; else unchanged
_FRACTION = float(2.0**-53)


@dataclass(frozen=True)
class MaskRule:
    """How the pieces of a vocabulary are hidden.

    special:  the ids that are never chosen, padding among them
    mask:     the id of [MASK]
    """

    special: tuple[int, ...]
    mask: int
    vocab_size: int

    def is_ordinary(self, ids: Tensor) -> Tensor:
        """Returns which pieces are not special."""
        return ~torch.isin(ids, torch.tensor(self.special, device=ids.device))

    def choose(self, ids: Tensor, rows: Tensor, *, seed: int, probability: float) -> Tensor:
        """Returns which pieces are chosen: a fraction of each row, at least one.

        rows:     (row) the numbers of the rows, on which the choice depends
        """
        noise = torch.from_numpy(uniform(derive(seed, "choice"), rows.numpy(), ids.shape[1]))
        can_be = self.is_ordinary(ids)
        counts = (probability * can_be.sum(dim=1)).round().clamp(min=1)
        order = noise.masked_fill(~can_be, 2.0).argsort(dim=1).argsort(dim=1)
        return (order < counts[:, None]) & can_be

    def hide(
        self, ids: Tensor, rows: Tensor, *, seed: int, probability: float = PROBABILITY
    ) -> tuple[Tensor, Tensor]:
        """Returns what the net reads, and which pieces it is to guess."""
        is_target = self.choose(ids, rows, seed=seed, probability=probability)
        kind = torch.from_numpy(uniform(derive(seed, "kind"), rows.numpy(), ids.shape[1]))
        drawn = torch.from_numpy(uniform(derive(seed, "piece"), rows.numpy(), ids.shape[1]))
        every = torch.arange(self.vocab_size)
        ordinary = every[self.is_ordinary(every)]
        others = ordinary[(drawn * len(ordinary)).long()]
        hidden = torch.where(kind < HIDDEN, self.mask, torch.where(kind < RANDOM, others, ids))
        return torch.where(is_target, hidden, ids), is_target

    def hide_all(
        self, ids: Tensor, rows: Tensor, *, seed: int, probability: float = PROBABILITY
    ) -> tuple[Tensor, Tensor]:
        """Returns the same with [MASK] for all chosen pieces, for evaluation."""
        is_target = self.choose(ids, rows, seed=seed, probability=probability)
        return ids.masked_fill(is_target, self.mask), is_target


def uniform(seed: int, rows: NDArray[np.int64], length: int) -> NDArray[np.float64]:
    """Returns numbers from 0 to 1 (row, place), each a function of seed, row and place.

    Example:  >>> two = uniform(7, np.array([3, 4]), 2)
              >>> bool((two[1] == uniform(7, np.array([4]), 2)[0]).all())
              True
    """
    keys = random_bits(seed, (rows - 1).astype(np.uint64))
    bits = random_bits(keys[:, None], np.arange(length, dtype=np.uint64))
    return (bits >> np.uint64(11)).astype(np.float64) * _FRACTION

"""Pair weights: every pair of neighboring tokens adds weights of its own to the output.

y = sum over t of  W[bucket(id[t], id[t + 1])]
bucket(i, j) = 1 + ((a i + b j) mod p) mod buckets,  p = 2^31 - 1,  fixed a and b

A text is a linear model of its pairs. The first token is also a pair with what stands
before the text, and the last one with what stands behind it. Pairs share a bucket by
chance: a table of all pairs would be too large.

Shapes:   ids (batch, time) -> (batch, output)
Choices:  The weights start at zero, so a pair that never occurred adds nothing unless
          it shares its bucket. Bucket 0 is for padding; its weights stay zero.
Source:   Joulin et al., Bag of Tricks for Efficient Text Classification, 2017, with
          weights in place of embeddings; the hash function is that of Carter and Wegman
          1979; a linear path beside a net, Cheng et al. 2016.
Example:  >>> import torch
          >>> pairs = PairWeights(50, 3, padded=True)
          >>> pairs(torch.tensor([[5, 6, 7, 8], [5, 0, 0, 0]])).tolist()
          [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
          >>> (pairs.buckets_of(torch.tensor([[5, 0, 0]])) > 0).tolist()
          [[True, True, False, False]]
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

_PRIME = 2**31 - 1
_FIRST, _SECOND = 1_664_525_003, 1_013_904_223


class PairWeights(nn.Module):
    """Weights of hashed pairs of tokens, summed over a text."""

    DESCRIPTION = "sum of the weights of all pairs"

    def __init__(self, buckets: int, outputs: int, *, padded: bool) -> None:
        super().__init__()
        self.buckets, self.padded = buckets, padded
        self.weight = nn.Parameter(torch.zeros(buckets + 1, outputs))

    def forward(self, ids: Tensor) -> Tensor:
        return self.added(ids).sum(dim=1)

    def added(self, ids: Tensor) -> Tensor:
        """Returns what each pair adds.

        Shapes:   ids (batch, time) -> (batch, time + 1, output)
        """
        buckets = self.buckets_of(ids)
        weights = functional.embedding(buckets, self.weight)
        return weights.masked_fill((buckets == 0).unsqueeze(2), 0)

    def buckets_of(self, ids: Tensor) -> Tensor:
        """Returns the bucket of each pair (batch, time + 1); 0 for padding."""
        around = functional.pad(ids if self.padded else ids + 1, (1, 1))
        first, second = around[:, :-1], around[:, 1:]
        buckets = (_FIRST * first + _SECOND * second) % _PRIME % self.buckets + 1
        return buckets.masked_fill((first == 0) & (second == 0), 0)

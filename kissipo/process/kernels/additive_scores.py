"""The scores of additive attention, a few texts at a time.

e = v · tanh(q + k) = 2 v · σ(2 q + 2 k) - sum v        for every query q and key k
de / d(q + k) = 4 v σ (1 - σ)                           of a text

The array of all sums is (batch, step, time, unit): with 64 sentences of 15 words and
256 units it has 15 MB, and autograd keeps it twice. A chunk of texts fits in the cache
of the processor, and the backward pass computes its sigmoid again, which takes a third
of the time of tanh.

Shapes:   queries (batch, step, unit), keys (batch, time, unit), v (unit) -> (batch,
          step, time)
Example:  >>> q, k, v = torch.zeros(1, 1, 2), torch.full((1, 1, 2), 9.0), torch.ones(2)
          >>> round(additive_scores(q, k, v).item(), 4)
          2.0
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from kissipo.process.kernels.autograd_context import AutogradContext

CHUNK = 1 << 17  # numbers of one array of a chunk
WORTHWHILE = 1 << 20  # numbers from which on chunks are faster
LARGE = 1 << 26  # numbers from which on they are needed for their memory


def additive_scores(queries: Tensor, keys: Tensor, v: Tensor) -> Tensor:
    """Returns the score of every query and key of the same text."""
    scores: Tensor = _AdditiveScores.apply(queries, keys, v)
    return scores


class _AdditiveScores(torch.autograd.Function):
    @staticmethod
    def forward(ctx: AutogradContext, queries: Tensor, keys: Tensor, v: Tensor) -> Tensor:
        ctx.save_for_backward(queries, keys, v)
        scores = [_sigmoids(q, k) @ v for q, k in _chunks(queries, keys)]
        return torch.cat(scores).mul_(2).sub_(v.sum())

    @staticmethod
    @once_differentiable
    def backward(ctx: AutogradContext, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        queries, keys, v = ctx.saved_tensors
        d_queries, d_keys = [], []
        d_v = -gradient.sum() * torch.ones_like(v)
        for q, k, g in _chunks(queries, keys, gradient):
            sigmoids = _sigmoids(q, k)
            d_v += 2 * (g.reshape(-1) @ sigmoids.view(-1, len(v)))
            d_sums = sigmoids.addcmul_(sigmoids, sigmoids, value=-1).mul_(g.unsqueeze(3))
            d_queries.append(d_sums.sum(dim=2))
            d_keys.append(d_sums.sum(dim=1))
        return torch.cat(d_queries) * (4 * v), torch.cat(d_keys) * (4 * v), d_v


def _sigmoids(queries: Tensor, keys: Tensor) -> Tensor:
    """Returns the sigmoid of twice the sums (text, step, time, unit)."""
    return (2 * queries).unsqueeze(2).add((2 * keys).unsqueeze(1)).sigmoid_()


def _chunks(queries: Tensor, keys: Tensor, *others: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Yields a few texts at a time."""
    texts = _texts(queries, keys)
    return zip(*(x.split(texts) for x in (queries, keys, *others)), strict=True)


def _texts(queries: Tensor, keys: Tensor) -> int:
    """Returns the number of texts of a chunk."""
    return max(1, CHUNK // max(1, queries.shape[1] * keys.shape[1] * keys.shape[2]))

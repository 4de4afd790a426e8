"""Sparse linear layer: a linear layer on a text of ids with weights.

y = sum over the terms of a text of weight · W[id]

It is a linear layer on a row with one number per term of the vocabulary, most of which
are 0. With random weights it is an embedding bag: the weighted sum of the embeddings
of the terms, as in fastText. Id 0 is padding.

Shapes:   text (batch, term, 2), ids and weights -> (batch, unit)
Choices:  The weights start at 0, or uniform in ±`bound`. No bias.
Source:   Joulin et al., Bag of Tricks for Efficient Text Classification, 2016.
Example:  >>> layer = SparseLinear(4, 2)
          >>> with torch.no_grad():
          ...     _ = layer.weight[3].copy_(torch.tensor([1.0, -2.0]))
          >>> layer(torch.tensor([[[3.0, 0.5], [0.0, 0.0]]])).tolist()
          [[0.5, -1.0]]
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from kissipo.core.protocols import Combined, Source


class SparseLinear(nn.Module):
    """The weighted sum of one row of weights per term."""

    def __init__(self, vocab_size: int, units: int, *, bound: float = 0.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(vocab_size, units))
        if bound:
            nn.init.uniform_(self.weight, -bound, bound)
        with torch.no_grad():
            self.weight[0].zero_()

    @property
    def DESCRIPTION(self) -> str:  # noqa: N802
        return "weighted sum of one row per term"

    def forward(self, text: Tensor) -> Tensor:
        ids, weights = text[..., 0].long(), text[..., 1].to(self.weight.dtype)
        return functional.embedding_bag(
            ids, self.weight, mode="sum", per_sample_weights=weights, padding_idx=0
        )

    def explain(self, index: tuple[int, ...], text: Tensor) -> tuple[list[Source], Combined]:
        """Returns the weights of the terms, times those of the layer."""
        row, unit = index
        ids = text[row, :, 0].long().tolist()
        own = self.weight.detach()
        return [
            Source("input", (row, place, 1), float(text[row, place, 1]), float(own[term, unit]))
            for place, term in enumerate(ids)
            if term
        ], "sum"

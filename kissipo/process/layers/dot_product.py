"""Dot product of two vectors per sample: large where they point the same way.

y = sum_k p_k q_k

Shapes:   p, q (batch, feature) -> (batch, 1)
Source:   Koren, Bell and Volinsky, Matrix Factorization Techniques for Recommender
          Systems, 2009.
Example:  >>> p, q = torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, -1.0]])
          >>> DotProduct()(p, q).tolist()
          [[1.0]]
"""

import torch
from torch import Tensor, nn

from kissipo.core.protocols import Combined, Source


class DotProduct(nn.Module):
    """The sum of the products of two vectors."""

    DESCRIPTION = "dot product"

    def forward(self, p: Tensor, q: Tensor) -> Tensor:
        return torch.bmm(p.unsqueeze(1), q.unsqueeze(2)).squeeze(2)

    def explain(
        self, index: tuple[int, int], p: Tensor, q: Tensor
    ) -> tuple[list[Source], Combined]:
        """Returns each value of the first vector, times that of the second."""
        row = index[0]
        return [
            Source("input", (row, place), p[row, place], float(q[row, place]))
            for place in range(p.shape[1])
        ], "sum"

    def activation_products(self, output: Tensor, p: Tensor, q: Tensor) -> int:
        """Returns the number of products of two activations."""
        return p.numel()

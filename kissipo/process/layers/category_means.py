"""Category means: an id becomes the means of the targets over its training samples.

m_c = (sum of y over c + 10 · mean of all y) / (number of samples of c + 10)

So categories have an order that a threshold can cut, and rare ones stay near the mean
of all. The mean of a class is its share.

Shapes:   ids (batch) -> (batch, output)
Source:   Micci-Barreca 2001 (target encoding with shrinkage); Breiman et al. 1984.
Example:  >>> layer = CategoryMeans(3, 1)
          >>> layer.fit(torch.tensor([1, 1, 2]), torch.tensor([[3.0], [3.0], [0.0]]))
          >>> layer(torch.tensor([0, 1, 2])).flatten().tolist()
          [2.0, 2.1666667461395264, 1.8181818723678589]
"""

import torch
from torch import Tensor, nn

from kissipo.core.protocols import Combined, Source

_PRIOR = 10.0  # samples of the mean of all


class CategoryMeans(nn.Module):
    """A row of means per id; random before the training."""

    DESCRIPTION = "the mean of the targets of the category"
    means: Tensor

    def __init__(self, vocab_size: int, outputs: int) -> None:
        super().__init__()
        self.register_buffer("means", torch.randn(vocab_size, outputs))

    def forward(self, ids: Tensor) -> Tensor:
        return self.means[ids]

    def fit(self, ids: Tensor, targets: Tensor) -> None:
        """Sets the means from ids (sample) and targets (sample, output)."""
        targets, count = targets.double(), len(self.means)
        sums = torch.zeros(count, targets.shape[1], dtype=torch.float64)
        sums = sums.index_add(0, ids, targets) + _PRIOR * targets.mean(dim=0)
        counts = torch.bincount(ids, minlength=count) + _PRIOR
        self.means = (sums / counts[:, None]).float()

    def explain(self, index: tuple[int, ...], ids: Tensor) -> tuple[list[Source], Combined]:
        """Returns the mean of the category."""
        place = (int(ids[index[0]]), index[1])
        return [Source("means", place, self.means[place])], "sum"

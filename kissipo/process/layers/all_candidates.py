"""All candidates: those of several grids become one list.

Shapes:   several (batch, candidate, feature) -> (batch, sum of candidates, feature)
Example:  >>> import torch
          >>> AllCandidates()(torch.zeros(1, 3, 8), torch.zeros(1, 12, 8)).shape
          torch.Size([1, 15, 8])
"""

import torch
from torch import Tensor, nn

from kissipo.core.protocols import Combined, Source
from kissipo.process.layers.stacked import stacked


class AllCandidates(nn.Module):
    """A layer that puts the candidates of each grid after those of the grid before."""

    DESCRIPTION = "the candidates of all grids, one grid after another"

    def forward(self, *grids: Tensor) -> Tensor:
        return torch.cat(grids, dim=1)

    def explain(self, index: tuple[int, ...], *grids: Tensor) -> tuple[list[Source], Combined]:
        """Returns the value of the grid that the candidate comes from."""
        named = {f"grid {number}": grid for number, grid in enumerate(grids, 1)}
        return [stacked(named, index)], "sum"

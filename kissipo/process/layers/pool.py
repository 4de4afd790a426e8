"""From one row of features for each step to one row for the whole sequence: the last step, the greatest or the mean.

Steps that only fill up a text to its length are left out of account.

Shapes:   (batch, time, feature), there (batch, time) -> (batch, feature)
Example:  >>> import torch
          >>> x = torch.tensor([[[1.0], [5.0], [9.0]]])
          >>> temporal_pooling(x, torch.tensor([[True, True, False]]), "last").item()
          5.0
"""

from typing import Literal

import torch
from torch import Tensor, nn

from kissipo.core.protocols import Combined, Source

Pool = Literal["last", "max", "mean"]


class TemporalPooling(nn.Module):
    """`over_time` as a step of a net."""

    def __init__(self, how: Pool) -> None:
        super().__init__()
        self.how: Pool = how

    @property
    def DESCRIPTION(self) -> str:  # noqa: N802
        return {
            "last": "the last step",
            "max": "greatest over all steps",
            "mean": "mean over all steps",
        }[self.how]

    def forward(self, features: Tensor, there: Tensor | None) -> Tensor:
        return temporal_pooling(features, there, self.how)

    def opens(
        self, index: tuple[int, int], features: Tensor, there: Tensor | None
    ) -> tuple[list[Source], Combined]:
        """The steps that count."""
        row, feature = index
        steps = list(range(features.shape[1] if there is None else int(there[row].sum())))
        weight = 1 / max(1, len(steps)) if self.how == "mean" else 1.0
        taken = steps[-1:] if self.how == "last" else steps
        sources = [
            Source("input", (row, step, feature), features[row, step, feature], weight)
            for step in taken
        ]
        return sources, "greatest" if self.how == "max" and sources else "sum"


def temporal_pooling(features: Tensor, there: Tensor | None, how: Pool) -> Tensor:
    """One row of features a sequence; zeros for an empty one."""
    if there is None:
        return {
            "last": lambda: features[:, -1],
            "max": lambda: features.amax(dim=1),
            "mean": lambda: features.mean(dim=1),
        }[how]()
    mask = there.unsqueeze(-1)
    if how == "mean":
        return (features * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)
    if how == "max":
        maximum = features.masked_fill(~mask, -torch.inf).amax(dim=1)
        return torch.where(there.any(dim=1, keepdim=True), maximum, torch.zeros_like(maximum))
    last = there.sum(dim=1).sub(1).clamp(min=0)
    rows = features[torch.arange(len(features)), last]
    return rows * there.any(dim=1, keepdim=True)

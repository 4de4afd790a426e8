"""Temporal pooling: the last step, the maximum or the mean of a sequence of features.

Steps of padding do not count.

Shapes:   (batch, time, feature), mask (batch, time) -> (batch, feature)
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
    """The function `temporal_pooling` as a layer."""

    def __init__(self, how: Pool) -> None:
        super().__init__()
        self.how: Pool = how

    @property
    def DESCRIPTION(self) -> str:  # noqa: N802
        return {
            "last": "last step",
            "max": "maximum over all steps",
            "mean": "mean over all steps",
        }[self.how]

    def forward(self, features: Tensor, mask: Tensor | None) -> Tensor:
        return temporal_pooling(features, mask, self.how)

    def explain(
        self, index: tuple[int, int], features: Tensor, mask: Tensor | None
    ) -> tuple[list[Source], Combined]:
        """Returns the steps that count."""
        row, feature = index
        steps = list(range(features.shape[1] if mask is None else int(mask[row].sum())))
        weight = 1 / max(1, len(steps)) if self.how == "mean" else 1.0
        pooled = steps[-1:] if self.how == "last" else steps
        sources = [
            Source("input", (row, step, feature), features[row, step, feature], weight)
            for step in pooled
        ]
        return sources, "max" if self.how == "max" and sources else "sum"


def temporal_pooling(features: Tensor, mask: Tensor | None, how: Pool) -> Tensor:
    """Returns one row of features per sequence; zeros for an empty one."""
    if mask is None:
        return {
            "last": lambda: features[:, -1],
            "max": lambda: features.amax(dim=1),
            "mean": lambda: features.mean(dim=1),
        }[how]()
    is_step = mask.unsqueeze(-1)
    if how == "mean":
        return (features * is_step).sum(dim=1) / is_step.sum(dim=1).clamp(min=1)
    if how == "max":
        maximum = features.masked_fill(~is_step, -torch.inf).amax(dim=1)
        return torch.where(mask.any(dim=1, keepdim=True), maximum, torch.zeros_like(maximum))
    last = mask.sum(dim=1).sub(1).clamp(min=0)
    rows = features[torch.arange(len(features)), last]
    return rows * mask.any(dim=1, keepdim=True)

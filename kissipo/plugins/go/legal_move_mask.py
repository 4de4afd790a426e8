"""Legal move mask: occupied points of a board get no probability.

y_k = z_k where x_k = 0, else the minimum of the dtype

So softmax gives occupied points probability 0, and they have no gradient.

Shapes:   board (batch, 1, height, width) -> z (batch, height · width) -> y, same shape
Choices:  Suicide and ko stay possible. Suicide is 2 of 100 predictions of `kissipo fit
          go`; ko cannot be seen from one board.
Source:   Clark and Storkey 2014, Teaching deep convolutional neural networks to play Go
          (masked training).
Example:  >>> import torch
          >>> board = torch.tensor([[[[0.0, 1.0], [-1.0, 0.0]]]])
          >>> LegalMoveMask(torch.nn.Flatten())(board).softmax(1)
          tensor([[0.5000, 0.0000, 0.0000, 0.5000]])
"""

from typing import Any

import torch
from torch import Tensor, nn

from kissipo.core.protocols import has_auxiliary_heads


class LegalMoveMask(nn.Module):
    """A net of one board whose occupied points are masked."""

    DESCRIPTION = "occupied points are masked"

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, board: Tensor) -> Tensor:
        return _masked(board, self.net(board))


class LegalMoveMaskWithAuxiliary(LegalMoveMask):
    """The mask for a net with auxiliary heads."""

    def with_auxiliary(self, board: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Returns the masked outputs of the net and of its auxiliary heads."""
        net: Any = self.net
        points, others = net.with_auxiliary(board)
        return _masked(board, points), tuple(_masked(board, other) for other in others)


def legal_move_mask(net: nn.Module) -> LegalMoveMask:
    """Wraps a net so that it never predicts an occupied point."""
    return LegalMoveMaskWithAuxiliary(net) if has_auxiliary_heads(net) else LegalMoveMask(net)


def _masked(board: Tensor, points: Tensor) -> Tensor:
    return points.masked_fill(board.flatten(1) != 0, torch.finfo(points.dtype).min)

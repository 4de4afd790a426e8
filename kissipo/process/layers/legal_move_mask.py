"""Free points: a net that answers the points of a board never answers one on which a stone stands.

y_k = z_k where x_k = 0, else the least number there is; so the softmax gives taken points no probability, and no gradient.

Shapes:   board (batch, 1, height, width) -> z (batch, height · width) -> y of the same shape
Choices:  suicide and ko stay possible: the first is 2 of 100 answers of `kissipo fit go`, the second a board alone does not tell.
Source:   Clark and Storkey 2014, Teaching deep convolutional neural networks to play Go (masked training).
Example:  >>> import torch
          >>> LegalMoveMask(torch.nn.Flatten())(torch.tensor([[[[0.0, 1.0], [-1.0, 0.0]]]])).softmax(1)
          tensor([[0.5000, 0.0000, 0.0000, 0.5000]])
"""

from typing import Any

import torch
from torch import Tensor, nn

from kissipo.core.protocols import has_auxiliary_heads


class LegalMoveMask(nn.Module):
    """A net of one board, and what may not be answered taken out."""

    DESCRIPTION = "taken points are no answer"

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, board: Tensor) -> Tensor:
        return _free(board, self.net(board))


class LegalMoveMaskWithAuxiliary(LegalMoveMask):
    """The same for a net of which heads in the middle learn, too."""

    def with_auxiliary(self, board: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The answer, and that of each auxiliary head."""
        net: Any = self.net
        points, others = net.with_auxiliary(board)
        return _free(board, points), tuple(_free(board, other) for other in others)


def legal_move_mask(net: nn.Module) -> LegalMoveMask:
    """The net that never answers a taken point, whatever in it learns."""
    return LegalMoveMaskWithAuxiliary(net) if has_auxiliary_heads(net) else LegalMoveMask(net)


def _free(board: Tensor, points: Tensor) -> Tensor:
    return points.masked_fill(board.flatten(1) != 0, torch.finfo(points.dtype).min)

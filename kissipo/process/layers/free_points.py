"""Free points: a net that answers the points of a board never answers one on which a stone stands.

y_k = z_k where x_k = 0, else the least number there is; so the softmax gives taken points no probability, and no gradient.

Shapes:   board (batch, 1, height, width) -> z (batch, height · width) -> y of the same shape
Choices:  what else the rules forbid (ko, suicide) stays possible: it is rare, and a board alone does not tell a ko.
Source:   Maddison et al. 2015, Move evaluation in Go using deep convolutional neural networks, section 4.
Example:  >>> import torch
          >>> FreePoints(torch.nn.Flatten())(torch.tensor([[[[0.0, 1.0], [-1.0, 0.0]]]])).softmax(1)
          tensor([[0.5000, 0.0000, 0.0000, 0.5000]])
"""

import torch
from torch import Tensor, nn


class FreePoints(nn.Module):
    """A net of one board, and what may not be answered taken out."""

    TELL = "taken points are no answer"

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, board: Tensor) -> Tensor:
        points: Tensor = self.net(board)
        return points.masked_fill(board.flatten(1) != 0, torch.finfo(points.dtype).min)

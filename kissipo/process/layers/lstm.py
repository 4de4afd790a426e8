"""Long short-term memory: a cell whose gates decide what to keep, change and show.

i, f, o = sigmoid(x W + h U + b), each with its own W, U, b
g = tanh(x W_g + h U_g + b_g)
c' = f * c + i * g
h' = o * tanh(c')

Shapes:   x (batch, time, feature) -> y (batch, time, unit),
          (h, c) each (layer * direction, batch, unit), with batch_first=True
Choices:  arguments, results, gate order i f g o and state_dict of torch.nn.LSTM;
          projections are left to torch's kernel.
Source:   Hochreiter and Schmidhuber 1997; forget gate from Gers et al. 2000; no
          peepholes.
Raises:   ShapeError when x has no time axis, with the shape that it has.
Example:  >>> LSTM(3, 4, batch_first=True)(torch.zeros(2, 5, 3))[0].shape
          torch.Size([2, 5, 4])
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from kissipo.process.layers.recurrent import Recurrent


class LSTM(Recurrent, nn.LSTM):
    """torch.nn.LSTM with `kernel` and `lengths`."""

    states = 2

    @staticmethod
    def step(
        x: Tensor,
        state: tuple[Tensor, ...],
        w_ih: Tensor,
        w_hh: Tensor,
        b_ih: Tensor | None,
        b_hh: Tensor | None,
    ) -> tuple[Tensor, ...]:
        """Computes one step: (batch, feature), (h, c) -> (h', c')."""
        h, c = state
        i, f, g, o = (linear(x, w_ih, b_ih) + linear(h, w_hh, b_hh)).chunk(4, dim=-1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c

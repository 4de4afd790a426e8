"""Gated recurrent unit: a reset gate, and a gate that mixes the old and new state.

r, z = sigmoid(x W + h U + b), each with its own W, U, b
n = tanh(x W_n + b_n + r * (h U_n + c_n))
h' = (1 - z) * n + z * h

Shapes:   x (batch, time, feature) -> y (batch, time, unit),
          h (layer * direction, batch, unit), with batch_first=True
Choices:  arguments, results, gate order r z n and state_dict of torch.nn.GRU; the reset
          gate is applied after the product with U_n, which has its own bias, as in
          cuDNN.
Source:   Cho et al. 2014.
Raises:   ShapeError when x has no time axis, with the shape that it has.
Example:  >>> GRU(3, 4, batch_first=True)(torch.zeros(2, 5, 3))[1].shape
          torch.Size([1, 2, 4])
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from kissipo.process.layers.recurrent import Recurrent


class GRU(Recurrent, nn.GRU):
    """torch.nn.GRU with `kernel` and `lengths`."""

    @staticmethod
    def step(
        x: Tensor,
        state: tuple[Tensor, ...],
        w_ih: Tensor,
        w_hh: Tensor,
        b_ih: Tensor | None,
        b_hh: Tensor | None,
    ) -> tuple[Tensor, ...]:
        """Computes one step: (batch, feature), (h,) -> (h',)."""
        (h,) = state
        x_r, x_z, x_n = linear(x, w_ih, b_ih).chunk(3, dim=-1)
        h_r, h_z, h_n = linear(h, w_hh, b_hh).chunk(3, dim=-1)
        z = torch.sigmoid(x_z + h_z)
        n = torch.tanh(x_n + torch.sigmoid(x_r + h_r) * h_n)
        return ((1 - z) * n + z * h,)

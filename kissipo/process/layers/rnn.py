"""Vanilla recurrent layer: the new state is a function of the input and the old state.

h' = tanh(x W + h U + b), or relu instead of tanh

Shapes:   x (batch, time, feature) -> y (batch, time, unit),
          h (layer * direction, batch, unit), with batch_first=True
Weights:  D·M + M·M from D features to M units, for any number of steps: D=10, M=15 make
          150 + 225, and one output 15 more, 390 in all (not 385, as sometimes stated).
          A dense net over T=100 steps at once has T·D · T·M = 1,500,000. All without
          biases.
Choices:  arguments, results and state_dict of torch.nn.RNN, two biases included.
Source:   Elman 1990.
Raises:   ShapeError when x has no time axis, with the shape that it has.
Example:  >>> RNN(3, 4, batch_first=True)(torch.zeros(2, 5, 3))[0].shape
          torch.Size([2, 5, 4])
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from kissipo.process.layers.recurrent import Recurrent


class RNN(Recurrent, nn.RNN):
    """torch.nn.RNN with `kernel` and `lengths`."""

    @staticmethod
    def step(
        x: Tensor,
        state: tuple[Tensor, ...],
        w_ih: Tensor,
        w_hh: Tensor,
        b_ih: Tensor | None,
        b_hh: Tensor | None,
        *,
        relu: bool = False,
    ) -> tuple[Tensor, ...]:
        """Computes one step: (batch, feature), (h,) -> (h',)."""
        total = linear(x, w_ih, b_ih) + linear(state[0], w_hh, b_hh)
        return (torch.relu(total) if relu else torch.tanh(total),)

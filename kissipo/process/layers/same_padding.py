"""Same padding of TensorFlow: zeros around a map, so that a convolution by 2 halves it.

total = max(0, (ceil(n / stride) - 1) · stride + kernel - n)
half of it, rounded down, before the n values; the rest behind them

At stride 1 both sides are equal. At stride 2 a map with an even side gets one zero more
at the bottom and on the right, where PyTorch's padding of a convolution has the same
number on both sides.

Shapes:   (batch, channel, height, width) -> (batch, channel, height', width')
Source:   the padding SAME of tf.nn.conv2d.
Example:  >>> import torch
          >>> SamePadding(3, 2)(torch.ones(1, 1, 2, 2))[0, 0].tolist()
          [[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
"""

from torch import Tensor, nn
from torch.nn import functional

from kissipo.core.protocols import Combined, Source


class SamePadding(nn.Module):
    """The zeros that a convolution with this kernel and this stride needs."""

    DESCRIPTION = "zeros around the map, more of them behind"

    def __init__(self, kernel: int, stride: int) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, x: Tensor) -> Tensor:
        return functional.pad(x, (*self._sides(x.shape[3]), *self._sides(x.shape[2])))

    def _sides(self, length: int) -> tuple[int, int]:
        """Returns the number of zeros before and behind so many values."""
        windows = -(-length // self.stride)
        total = max(0, (windows - 1) * self.stride + self.kernel - length)
        return total // 2, total - total // 2

    def explain(self, index: tuple[int, ...], x: Tensor) -> tuple[list[Source], Combined]:
        """Returns the value of the map, or the zero."""
        row, channel, *where = index
        above, left = self._sides(x.shape[2])[0], self._sides(x.shape[3])[0]
        place = (row, channel, where[0] - above, where[1] - left)
        if 0 <= place[2] < x.shape[2] and 0 <= place[3] < x.shape[3]:
            return [Source("input", place, x[place])], "sum"
        return [Source("zeros", index, x.new_zeros(()))], "sum"

    def extra_repr(self) -> str:
        return f"kernel={self.kernel}, stride={self.stride}"

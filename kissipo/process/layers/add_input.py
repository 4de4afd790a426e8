"""Skip connection that adds: a block learns what is added to its input.

y = x + F(x)

Shapes:   (batch, channel, height, width) -> the same
Choices:  There is no activation after the sum, as in Darknet; `layers/residual.py` has
          one.
Source:   He, Zhang, Ren and Sun, Deep Residual Learning for Image Recognition, 2015.
Example:  >>> import torch
          >>> AddInput(nn.ReLU())(torch.tensor([3.0, -2.0])).tolist()
          [6.0, -2.0]
"""

from torch import Tensor, nn

from kissipo.core.protocols import Combined, Source


class AddInput(nn.Module):
    """A block that computes x + F(x)."""

    DESCRIPTION = "x + F(x)"

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.block = block

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x + self.block(x)
        return y

    def explain(self, index: tuple[int, ...], x: Tensor) -> tuple[list[Source], Combined]:
        """Returns the input and what is added to it."""
        added = self.block(x)[index]
        return [Source("input", index, x[index]), Source("F(x)", index, added)], "sum"

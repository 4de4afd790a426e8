"""Residual block: it learns the difference that is added to its input.

y = relu(F(x) + x)
basic:       F: convolution 3x3, norm, relu, convolution 3x3, norm
bottleneck:  F: convolution 1x1, norm, relu, convolution 3x3, norm, relu,
                convolution 1x1, norm

Where the number of channels or the size changes, the shortcut of x is a convolution of
1x1 with its own norm (option B of the paper).

Shapes:   (batch, channel, height, width)
          -> (batch, channel', height / stride, width / stride)
Choices:  In a bottleneck the convolution of 3x3 has the stride (as in torchvision,
          known as v1.5), not the first one of 1x1 as in the paper. Published weights
          fit, and the accuracy is half a point higher.
Source:   He, Zhang, Ren and Sun, Deep Residual Learning for Image Recognition, 2015.
Example:  >>> import torch
          >>> bottleneck(64, 16, 64, stride=2)(torch.zeros(1, 64, 8, 8)).shape
          torch.Size([1, 64, 4, 4])
"""

from collections import OrderedDict

from torch import Tensor, nn

from kissipo.core.protocols import Combined, Source
from kissipo.process.layers.norm import BatchNorm


class Residual(nn.Module):
    """A block that computes relu(F(x) + x)."""

    DESCRIPTION = "F(x) + x, then relu"

    def __init__(self, residual: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.residual, self.shortcut = residual, shortcut

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.residual(x)
        y += self.shortcut(x)
        return y.relu_()

    def explain(self, index: tuple[int, ...], x: Tensor) -> tuple[list[Source], Combined]:
        """Returns the values of both paths."""
        residual, shortcut = self.residual(x)[index], self.shortcut(x)[index]
        return [Source("F(x)", index, residual), Source("shortcut", index, shortcut)], "relu"


def basic(channels: int, inner: int, filters: int, *, stride: int = 1) -> Residual:
    """Returns a block of two convolutions of 3x3."""
    return _block(channels, [(inner, 3, stride), (filters, 3, 1)], stride)


def bottleneck(channels: int, inner: int, filters: int, *, stride: int = 1) -> Residual:
    """Returns a block with fewer channels between two convolutions of 1x1."""
    return _block(channels, [(inner, 1, 1), (inner, 3, stride), (filters, 1, 1)], stride)


def _block(channels: int, convolutions: list[tuple[int, int, int]], stride: int) -> Residual:
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    inputs = channels
    for number, (filters, kernel, step) in enumerate(convolutions, 1):
        layers[f"conv{number}"] = nn.Conv2d(
            inputs, filters, kernel, step, padding=kernel // 2, bias=False
        )
        layers[f"norm{number}"] = BatchNorm(filters)
        if number < len(convolutions):
            layers[f"relu{number}"] = nn.ReLU(inplace=True)
        inputs = filters
    shortcut: OrderedDict[str, nn.Module] = OrderedDict()
    if stride > 1 or channels != inputs:
        shortcut["conv"] = nn.Conv2d(channels, inputs, 1, stride, bias=False)
        shortcut["norm"] = BatchNorm(inputs)
    return Residual(nn.Sequential(layers), nn.Sequential(shortcut) if shortcut else nn.Identity())

"""Inverted residual block: wide inside, narrow outside (MBConv without squeeze-excite).

expand:     convolution 1x1 to `factor` times the channels, norm, relu6; none for 1
depthwise:  convolution k x k of each channel by itself, norm, relu6
project:    convolution 1x1 to the filters, norm
y = x + project(depthwise(expand(x)))

The sum with x is left out where the number of channels or the size changes. A relu
of few channels would lose much, so none follows.

Shapes:   (batch, channel, height, width)
          -> (batch, filter, ceil(height / stride), ceil(width / stride))
Choices:  Padding is that of TensorFlow (`same_padding.py`), which published weights
          were trained with. A norm divides by sqrt(variance + 0.001).
Source:   Sandler et al., MobileNetV2, 2018; Tan and Le, EfficientNet, 2019.
Example:  >>> import torch
          >>> block = inverted_residual(4, 8, 3, factor=6, stride=2)
          >>> block(torch.zeros(1, 4, 9, 8)).shape
          torch.Size([1, 8, 5, 4])
"""

from collections import OrderedDict

from torch import Tensor, nn

from kissipo.core.protocols import Combined, Source
from kissipo.process.layers.norm import BatchNorm
from kissipo.process.layers.same_padding import SamePadding

EPSILON = 1e-3


class InvertedResidual(nn.Module):
    """A block that computes x + F(x), or F(x).

    is_sum:  whether x is added
    """

    DESCRIPTION = "F(x); plus x where the sizes are equal"

    def __init__(self, residual: nn.Module, *, is_sum: bool) -> None:
        super().__init__()
        self.residual, self.is_sum = residual, is_sum

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.residual(x)
        return y + x if self.is_sum else y

    def explain(self, index: tuple[int, ...], x: Tensor) -> tuple[list[Source], Combined]:
        """Returns the values of both paths, or of one."""
        sources = [Source("F(x)", index, self.residual(x)[index])]
        return [*sources, Source("x", index, x[index])] if self.is_sum else sources, "sum"


def inverted_residual(
    channels: int, filters: int, kernel: int, *, factor: int, stride: int = 1
) -> InvertedResidual:
    """Returns a new block; without the sum where the sizes differ."""
    inner = channels * factor
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    if factor > 1:
        layers["expand"] = unit(channels, inner, 1)
    layers["depthwise"] = unit(inner, inner, kernel, stride=stride, groups=inner)
    layers["project"] = unit(inner, filters, 1, activation=False)
    is_sum = stride == 1 and channels == filters
    return InvertedResidual(nn.Sequential(layers), is_sum=is_sum)


def unit(
    channels: int,
    filters: int,
    kernel: int,
    *,
    stride: int = 1,
    groups: int = 1,
    activation: bool = True,
) -> nn.Sequential:
    """Returns a convolution with its norm, and relu6 if it is wanted."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    if stride > 1:
        layers["padding"] = SamePadding(kernel, stride)
    layers["conv"] = nn.Conv2d(
        channels,
        filters,
        kernel,
        stride,
        padding=0 if stride > 1 else kernel // 2,
        groups=groups,
        bias=False,
    )
    layers["norm"] = BatchNorm(filters, eps=EPSILON)
    if activation:
        layers["relu"] = nn.ReLU6(inplace=True)
    return nn.Sequential(layers)

"""Convolution with what follows it: batch normalization, where it is wanted, and relu.

y = max(0, x * W + b)                    with `norm`: y = max(0, norm(x * W)), as the shift of the norm is a bias

Shapes:   (batch, channel, height, width) -> (batch, filter, height', width')
Choices:  padding keeps the size at stride 1, for odd filters; relu writes over its input, which nobody needs any more.
Example:  >>> [name for name, _ in convolution(3, 8, 5, norm=True).named_children()]
          ['conv', 'norm', 'relu']
"""

from collections import OrderedDict

from torch import nn

from kissipo.process.layers.norm import BatchNorm


def convolution(
    channels: int,
    filters: int,
    kernel: int,
    *,
    stride: int = 1,
    norm: bool = False,
    epsilon: float = 1e-5,
) -> nn.Sequential:
    """A fresh convolution of so many filters."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    layers["conv"] = nn.Conv2d(
        channels, filters, kernel, stride, padding=kernel // 2, bias=not norm
    )
    if norm:
        layers["norm"] = BatchNorm(filters, eps=epsilon)
    layers["relu"] = nn.ReLU(inplace=True)
    return nn.Sequential(layers)

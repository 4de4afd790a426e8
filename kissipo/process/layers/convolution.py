"""Convolution with batch normalization, if it is wanted, and relu.

y = max(0, x * W + b)
y = max(0, norm(x * W))        with `norm`, whose shift is the bias
y = max(a z, z)                with a leak a, for z = norm(x * W)

Shapes:   (batch, channel, height, width) -> (batch, filter, height', width')
Choices:  padding keeps the size at stride 1, for odd filters; relu works in place.
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
    leak: float = 0.0,
) -> nn.Sequential:
    """Returns a new convolution with the given number of filters."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    layers["conv"] = nn.Conv2d(
        channels, filters, kernel, stride, padding=kernel // 2, bias=not norm
    )
    if norm:
        layers["norm"] = BatchNorm(filters, eps=epsilon)
    layers["relu"] = nn.LeakyReLU(leak, inplace=True) if leak else nn.ReLU(inplace=True)
    return nn.Sequential(layers)

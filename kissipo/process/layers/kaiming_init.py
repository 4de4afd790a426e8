"""Kaiming initialization: the variance of a signal stays the same from layer to layer.

w ~ N(0, 2 / n)    n: the number of products that are summed for one value

Source:   He, Zhang, Ren and Sun, Delving deep into rectifiers, 2015.
Example:  >>> layer = nn.Conv2d(64, 64, 3)
          >>> kaiming_init(layer)
          >>> abs(layer.weight.std().item() - (2 / (64 * 9)) ** 0.5) < 1e-3
          True
"""

from torch import nn


def kaiming_init(net: nn.Module) -> None:
    """Initializes all convolutions and linear layers; biases are zero."""
    for layer in net.modules():
        # A meta tensor has no values.
        if isinstance(layer, nn.Conv2d | nn.Linear) and not layer.weight.is_meta:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)

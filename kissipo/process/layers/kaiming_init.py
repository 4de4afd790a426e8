"""He's start: weights so large that a signal keeps its strength through any number of layers with relu.

w ~ N(0, 2 / n)    n: how many products are summed up for one value

Source:   He, Zhang, Ren and Sun, Delving deep into rectifiers, 2015.
Example:  >>> layer = nn.Conv2d(64, 64, 3)
          >>> kaiming_init(layer)
          >>> abs(layer.weight.std().item() - (2 / (64 * 9)) ** 0.5) < 1e-3
          True
"""

from torch import nn


def kaiming_init(net: nn.Module) -> None:
    """Draws the weights of all convolutions and linear layers anew; biases are zero."""
    for layer in net.modules():
        if (
            isinstance(layer, nn.Conv2d | nn.Linear) and not layer.weight.is_meta
        ):  # which has only a shape
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)

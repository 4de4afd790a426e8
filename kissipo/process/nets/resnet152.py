"""ResNet-152: 3, 8, 36 and 3 residual blocks, bottlenecks of three convolutions; 60,192,808 weights for 1,000 classes (S16).

Everything else is told in `_resnet.py`.

Shapes:   (batch, channel, height, width) -> the answer
Source:   He, Zhang, Ren and Sun 2015, table 1.
Example:  >>> sum(weight.numel() for weight in build(*USUAL, Options(width_multiplier=0.125)).parameters())
          1183088
"""

from __future__ import annotations

from torch import nn

from kissipo.core.axes import Port
from kissipo.process.nets._resnet import LEARN, USUAL, Options, ours, resnet

__all__ = ["LEARN", "USUAL", "Options", "build", "ours"]


def build(inputs: tuple[Port, ...], outputs: tuple[Port, ...], options: Options) -> nn.Module:
    """The net for these ports."""
    return resnet("resnet152", inputs, outputs, options, (3, 8, 36, 3), "bottleneck")

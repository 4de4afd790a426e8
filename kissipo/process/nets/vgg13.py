"""VGG13: ten convolutions of 3x3 and three linear layers, 133,047,848 weights for 1,000 classes (S14).

The groups have 2, 2, 2, 2 and 2 convolutions; everything else is told in `_vgg.py`.

Shapes:   (batch, channel, height, width) -> the answer
Source:   Simonyan and Zisserman 2015, configuration B.
Example:  >>> sum(weight.numel() for weight in build(*USUAL, Options(width_multiplier=0.125, units=(64,))).parameters())
          413232
"""

from __future__ import annotations

from torch import nn

from kissipo.core.axes import Port
from kissipo.process.nets._vgg import LEARN, USUAL, Options, our_name, vgg

__all__ = ["LEARN", "USUAL", "Options", "build", "ours"]

_CONVOLUTIONS = (2, 2, 2, 2, 2)


def build(inputs: tuple[Port, ...], outputs: tuple[Port, ...], options: Options) -> nn.Module:
    """The net for these ports."""
    return vgg("vgg13", inputs, outputs, options, _CONVOLUTIONS)


def ours(published: str, options: Options) -> str:
    """Our name of a published tensor."""
    return our_name(published, options, _CONVOLUTIONS)

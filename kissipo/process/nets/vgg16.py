"""VGG16: thirteen convolutions of 3x3 and three linear layers, 138,357,544 weights for 1,000 classes (S14).

The groups have 2, 2, 3, 3 and 3 convolutions; everything else is told in `_vgg.py`.

Shapes:   (batch, channel, height, width) -> the answer
Source:   Simonyan and Zisserman 2015, configuration D.
Example:  >>> sum(weight.numel() for weight in build(*USUAL, Options(width_multiplier=0.125, units=(64,))).parameters())
          496336
"""

from __future__ import annotations

from torch import nn

from kissipo.core.axes import Port
from kissipo.process.nets._vgg import LEARN, USUAL, Options, our_name, vgg

__all__ = ["LEARN", "NOTES", "USUAL", "Options", "build", "ours"]

NOTES = ("the lecture's '24M * 4 bytes = 96 MB / image' is a slip: its own rows add up to 15,237,608 values = 61 MB",)
_CONVOLUTIONS = (2, 2, 3, 3, 3)


def build(inputs: tuple[Port, ...], outputs: tuple[Port, ...], options: Options) -> nn.Module:
    """The net for these ports."""
    return vgg("vgg16", inputs, outputs, options, _CONVOLUTIONS)


def ours(published: str, options: Options) -> str:
    """Our name of a published tensor."""
    return our_name(published, options, _CONVOLUTIONS)

"""U-Net: a picture goes down to few large-sighted places and up again, and on every level meets what was seen before; a class a pixel.

level(x) = convolutions( [ x', up( level_below( greatest of each 2x2( x' ) ) ) ] )        x' = convolutions(x)

convolutions: two of 3x3, each with norm and relu. up: a transposed convolution 2x2 by 2, half the channels. Last a 1x1 for the answer.

Shapes:   (batch, channel, height, width) -> (batch, class, height, width)
Choices:  each picture is made even first, so that its exposure does not matter; padding keeps the size, where the paper loses a
          rim; a side that cannot be halved is filled up by its last row or column on the way up; batch normalisation after
          every convolution; any number of levels.
Source:   Ronneberger, Fischer and Brox, U-Net: Convolutional Networks for Biomedical Image Segmentation, 2015.
Example:  >>> picture = Port("photo", ("channel", "height", "width"), (1, 572, 572))
          >>> marks = Port("marks", ("class", "height", "width"), (2, 572, 572))
          >>> published = Options(filters=(64, 128, 256, 512, 1024), norm=False)
          >>> sum(each.numel() for each in build((picture,), (marks,), published).parameters())
          31030658
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from torch import nn

from kissipo.core.axes import Port
from kissipo.core.errors import ShapeError
from kissipo.core.schema import word
from kissipo.process.layers.across import Across
from kissipo.process.layers.convolution import convolution
from kissipo.process.layers.even import Even
from kissipo.process.layers.he_start import he_start
from kissipo.process.layers.picture import picture_of

LEARN = "supervised"


@dataclass(frozen=True)
class Options:
    """The words of the U-Net."""

    filters: tuple[int, ...] = word((16, 32, 64, 128), "filters of each level, from the full size down", at_least=1)
    norm: bool = word(True, "batch normalisation after each convolution")
    even: bool = word(True, "each picture less its mean, over its deviation, before all")


def build(inputs: tuple[Port, ...], outputs: tuple[Port, ...], options: Options) -> nn.Module:
    """The net for these ports."""
    channels, height, width = picture_of(inputs, "unet")
    if len(outputs) != 1 or outputs[0].axes != ("class", "height", "width"):
        raise ShapeError(
            "process step 'unet' answers a class for every pixel",
            given=f"the answer {outputs[0].tell()}",
            do="Use output.mask",
        )
    if min(height, width) < 2 ** (len(options.filters) - 1):
        raise ShapeError(
            f"process step 'unet' halves {height}x{width} {len(options.filters) - 1} times",
            do="Use fewer process.filters or a larger input.size",
        )
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    if options.even:
        layers["even"] = Even()
    layers["body"] = _level(channels, options.filters, norm=options.norm)
    layers["head"] = nn.Conv2d(options.filters[0], outputs[0].shape[0], 1)
    net = nn.Sequential(layers)
    he_start(net)
    return net


def _level(channels: int, filters: tuple[int, ...], *, norm: bool) -> nn.Module:
    """This level with all below it."""
    here, *below = filters
    down = _two(channels, here, norm=norm)
    if not below:
        return down
    inside = OrderedDict(pool=nn.MaxPool2d(2), level=_level(here, tuple(below), norm=norm))
    inside["up"] = nn.ConvTranspose2d(below[0], here, 2, stride=2)
    return nn.Sequential(
        OrderedDict(down=down, across=Across(nn.Sequential(inside)), join=_two(2 * here, here, norm=norm))
    )


def _two(channels: int, filters: int, *, norm: bool) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            first=convolution(channels, filters, 3, norm=norm), second=convolution(filters, filters, 3, norm=norm)
        )
    )

"""U-Net: an encoder and a decoder with skip connections; it predicts a class per pixel.

down_n = convolutions(maxpool 2x2(down_n-1))
join_n = convolutions([down_n, up(join_n+1)])
y = 1x1(join_1)

convolutions: two of 3x3, each with norm and relu
up: a transposed convolution 2x2 with stride 2, which halves the channels

Shapes:   (batch, channel, height, width) -> (batch, class, height, width)
Choices:  Each image is standardized first, so that its exposure does not matter.
          Padding keeps the size, where the paper loses a border. Where a side is odd,
          the decoder repeats the last row or column. Batch normalization follows every
          convolution. The number of levels is free.
Source:   Ronneberger, Fischer and Brox, U-Net: Convolutional Networks for Biomedical
          Image Segmentation, 2015.
Example:  >>> image = TensorSpec("photo", ("channel", "height", "width"), (1, 572, 572))
          >>> mask = TensorSpec("mask", ("class", "height", "width"), (2, 572, 572))
          >>> published = Options(filters=(64, 128, 256, 512, 1024), norm=False)
          >>> net = build((image,), (mask,), published)
          >>> sum(parameter.numel() for parameter in net.parameters())
          31030658
"""

from collections import OrderedDict
from dataclasses import dataclass

from torch import Tensor, nn

from kissipo.core.errors import ShapeError
from kissipo.core.schema import Values, option
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.convolution import convolution
from kissipo.process.layers.image_spec import image_of
from kissipo.process.layers.kaiming_init import kaiming_init
from kissipo.process.layers.skip_concat import SkipConcat
from kissipo.process.layers.standardize import Standardize


@dataclass(frozen=True)
class Options:
    """The options of the U-Net."""

    filters: tuple[int, ...] = option(
        (16, 32, 64, 128),
        "number of filters of each level, from full resolution down",
        minimum=1,
        search=Values(((8, 16, 32, 64), (16, 32, 64, 128), (32, 64, 128, 256))),
    )
    norm: bool = option(True, "batch normalization after each convolution")
    standardize: bool = option(
        True, "per-image standardization of each channel to mean 0 and standard deviation 1"
    )


def build(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
) -> nn.Module:
    """Builds the net for these inputs and outputs."""
    channels, height, width = image_of(inputs, "unet")
    if len(outputs) != 1 or outputs[0].axes != ("class", "height", "width"):
        raise ShapeError(
            "process step 'unet' predicts a class for every pixel",
            got=f"the output {outputs[0].describe()}",
            do="Use output.mask",
        )
    if min(height, width) < 2 ** (len(options.filters) - 1):
        raise ShapeError(
            f"process step 'unet' halves {height}x{width} {len(options.filters) - 1} times",
            do="Use fewer process.filters or a larger input.size",
        )
    net = UNet(channels, outputs[0].shape[0], options)
    kaiming_init(net)
    return net


class UNet(nn.Module):
    """An encoder down1 ... downN, a decoder joinN-1 ... join1, and a head."""

    def __init__(self, channels: int, classes: int, options: Options) -> None:
        super().__init__()
        self.standardize = Standardize() if options.standardize else nn.Identity()
        self.levels = len(options.filters)
        for level, filters in enumerate(options.filters, 1):
            self.add_module(f"down{level}", _two(channels, filters, norm=options.norm))
            channels = filters
            if level < self.levels:
                self.add_module(f"pool{level}", nn.MaxPool2d(2))
        for level in range(self.levels - 1, 0, -1):
            filters = options.filters[level - 1]
            self.add_module(f"up{level}", nn.ConvTranspose2d(channels, filters, 2, stride=2))
            self.add_module(f"across{level}", SkipConcat())
            self.add_module(f"join{level}", _two(2 * filters, filters, norm=options.norm))
            channels = filters
        self.head = nn.Conv2d(channels, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.standardize(x)
        skips = []
        for level in range(1, self.levels):
            skips.append(self.get_submodule(f"down{level}")(x))
            x = self.get_submodule(f"pool{level}")(skips[-1])
        x = self.get_submodule(f"down{self.levels}")(x)
        for level in range(self.levels - 1, 0, -1):
            x = self.get_submodule(f"across{level}")(
                skips[level - 1], self.get_submodule(f"up{level}")(x)
            )
            x = self.get_submodule(f"join{level}")(x)
        y: Tensor = self.head(x)
        return y


def _two(channels: int, filters: int, *, norm: bool) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            first=convolution(channels, filters, 3, norm=norm),
            second=convolution(filters, filters, 3, norm=norm),
        )
    )

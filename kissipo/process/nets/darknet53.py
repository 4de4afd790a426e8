"""Darknet-53: 52 convolutions in groups of residual blocks, and a linear layer (S41).

convolution 3x3 -> group1 ... group5 -> mean -> output
group: convolution 3x3 by 2, then blocks of 1x1 (half of the filters) and 3x3, each of
       which is added to its input

filters  32, then 64, 128, 256, 512, 1024
blocks       1,   2,   8,   8,   4

Every convolution has batch normalization and a leaky relu (0.1 x below 0). There are
41,609,928 weights for 1,000 classes, of which 40,584,928 are before the last layer.

Shapes:   (batch, channel, height, width) -> (batch, 1024, height / 32, width / 32)
          -> (batch, 1024) -> output
Choices:  Any image size fits; each halving rounds up. Kaiming initialization.
Source:   Redmon and Farhadi, YOLOv3: An Incremental Improvement, 2018, table 1.
Example:  >>> from kissipo.core.tensor_spec import TensorSpec
          >>> small = build(*DEFAULT_SPECS, Options(width_multiplier=0.125))
          >>> sum(weight.numel() for weight in small.parameters())
          767140
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from kissipo.core.schema import option
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.add_input import AddInput
from kissipo.process.layers.convolution import convolution
from kissipo.process.layers.heads import head
from kissipo.process.layers.image_spec import IMAGENET, channels_of, image_of
from kissipo.process.layers.kaiming_init import kaiming_init

DEFAULT_SPECS = IMAGENET
TAPS = ("group3", "group4", "group5")
LEAK = 0.1
_FILTERS = (32, 64, 128, 256, 512, 1024)
_BLOCKS = (1, 2, 8, 8, 4)


@dataclass(frozen=True)
class Options:
    """The options of Darknet-53."""

    width_multiplier: float = option(
        1.0, "factor of the number of filters of every layer; below 1 for small machines", above=0
    )


def build(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
) -> nn.Module:
    """Builds the net for these inputs and outputs."""
    colors = image_of(inputs, "darknet53")[0]
    filters = [channels_of(published, options.width_multiplier) for published in _FILTERS]
    layers = darknet(colors, filters, _BLOCKS)
    layers["mean"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    layers["head"] = head(filters[-1], outputs)
    net = nn.Sequential(layers)
    kaiming_init(net)
    return net


def darknet(
    channels: int, filters: Sequence[int], blocks: Sequence[int], *, stride: int = 1
) -> OrderedDict[str, nn.Module]:
    """Returns the first convolution and the groups of residual blocks.

    filters:  of the first convolution, then of each group
    blocks:   how many each group has; the groups are counted down to 5
    stride:   of the first convolution
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    layers["conv1"] = convolution(channels, filters[0], 3, stride=stride, norm=True, leak=LEAK)
    channels, first = filters[0], 6 - len(blocks)
    for number, (wide, count) in enumerate(zip(filters[1:], blocks, strict=True), first):
        group: OrderedDict[str, nn.Module] = OrderedDict()
        group["down"] = convolution(channels, wide, 3, stride=2, norm=True, leak=LEAK)
        for block in range(1, count + 1):
            group[f"block{block}"] = AddInput(_block(wide))
        layers[f"group{number}"] = nn.Sequential(group)
        channels = wide
    return layers


def _block(filters: int) -> nn.Module:
    half = max(1, filters // 2)
    return nn.Sequential(
        OrderedDict(
            reduce=convolution(filters, half, 1, norm=True, leak=LEAK),
            filter=convolution(half, filters, 3, norm=True, leak=LEAK),
        )
    )

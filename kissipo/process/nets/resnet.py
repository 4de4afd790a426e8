"""Residual nets: a convolution, four groups of residual blocks, a linear layer (S16).

convolution 7x7 by 2, norm, relu -> max pooling 3x3 by 2 -> conv2 ... conv5 -> mean
-> output

resnet18    2, 2, 2, 2 blocks of two convolutions of 3x3       11,689,512 weights
resnet34    3, 4, 6, 3 blocks of two convolutions of 3x3       21,797,672
resnet50    3, 4, 6, 3 bottlenecks of three convolutions       25,557,032
resnet101   3, 4, 23, 3 bottlenecks                            44,549,160
resnet152   3, 8, 36, 3 bottlenecks                            60,192,808

The counts are for 1,000 classes. The first block of conv3, conv4 and conv5 halves the
sides and doubles the channels: 64, 128, 256, 512, times four after bottlenecks.

Shapes:   (batch, channel, height, width) -> (batch, channel', height / 32, width / 32)
          -> (batch, channel') -> output
Choices:  Any image size fits; each halving rounds up. Groups are named conv2 ... conv5
          as in the paper, and the last linear layer is the head. There are no biases
          before norms. `layers/residual.py` explains the position of the stride.
Source:   He, Zhang, Ren and Sun, Deep Residual Learning for Image Recognition, 2015,
          table 1.
Example:  >>> small = Options(width_multiplier=0.125)
          >>> nets = [variant(name).build(*IMAGENET, small) for name in _VARIANTS]
          >>> [sum(weight.numel() for weight in net.parameters()) for net in nets]
          [241712, 400464, 631152, 933616, 1183088]
"""

import re
from collections import OrderedDict
from dataclasses import dataclass
from functools import cache, partial
from types import ModuleType
from typing import Literal

from torch import nn

from kissipo.core.schema import option
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.heads import head
from kissipo.process.layers.image_spec import IMAGENET, channels_of, image_of
from kissipo.process.layers.kaiming_init import kaiming_init
from kissipo.process.layers.norm import BatchNorm
from kissipo.process.layers.normalize import Normalize
from kissipo.process.layers.residual import basic, bottleneck

_VARIANTS: dict[str, tuple[tuple[int, ...], Literal["basic", "bottleneck"]]] = {
    "resnet18": ((2, 2, 2, 2), "basic"),
    "resnet34": ((3, 4, 6, 3), "basic"),
    "resnet50": ((3, 4, 6, 3), "bottleneck"),
    "resnet101": ((3, 4, 23, 3), "bottleneck"),
    "resnet152": ((3, 8, 36, 3), "bottleneck"),
}
_CHANNELS = (64, 128, 256, 512)
_TAPS = ("conv3", "conv4", "conv5")
_WIDER = 4  # factor of the channels after a bottleneck
_NAMES = (
    (r"^fc\b", "head"),
    (r"\.downsample\.0\b", ".shortcut.conv"),
    (r"\.downsample\.1\b", ".shortcut.norm"),
    (r"^(layer\d\.\d+)\.(conv|bn)(\d)", r"\1.residual.\2\3"),
    (r"\bbn(\d)", r"norm\1"),
    *((rf"^layer{number}\b", f"conv{number + 1}") for number in (1, 2, 3, 4)),
)


@dataclass(frozen=True)
class Options:
    """The options of these nets."""

    normalize: bool | None = option(
        None, "normalization of the channels by the mean and std of the pretraining data (ImageNet)"
    )
    width_multiplier: float = option(
        1.0, "factor of the number of channels of every layer; below 1 for small machines", above=0
    )


@cache
def variant(name: str) -> ModuleType:
    """Returns a module for the registry of nets, as if the net had its own file."""
    net = ModuleType(name, __doc__)
    vars(net).update(
        DEFAULT_SPECS=IMAGENET,
        TAPS=_TAPS,
        Options=Options,
        build=partial(_build, name),
        ours=ours,
    )
    return net


def _build(
    name: str, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
) -> nn.Module:
    """Builds the net for these inputs and outputs."""
    blocks, kind = _VARIANTS[name]
    channels = channels_of(_CHANNELS[0], options.width_multiplier)
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    colors = image_of(inputs, name)[0]
    if options.normalize:
        layers["normalize"] = Normalize(colors)
    layers["conv1"] = nn.Conv2d(colors, channels, 7, 2, padding=3, bias=False)
    layers["norm1"] = BatchNorm(channels)
    layers["relu1"] = nn.ReLU(inplace=True)
    layers["pool1"] = nn.MaxPool2d(3, 2, padding=1)
    for number, (count, published) in enumerate(zip(blocks, _CHANNELS, strict=True)):
        inner = channels_of(published, options.width_multiplier)
        filters = inner if kind == "basic" else inner * _WIDER
        group = []
        for position in range(count):
            stride = 2 if position == 0 and number > 0 else 1
            block = basic if kind == "basic" else bottleneck
            group.append(block(channels, inner, filters, stride=stride))
            channels = filters
        layers[f"conv{number + 2}"] = nn.Sequential(*group)
    layers["mean"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    layers["head"] = head(channels, outputs)
    net = nn.Sequential(layers)
    kaiming_init(net)
    return net


def ours(published: str, options: Options) -> str:
    """Returns kissipo's name of a tensor with a name of torchvision or timm.

    Example:  >>> ours("layer1.0.bn1.weight", Options())
              'conv2.0.residual.norm1.weight'
    """
    for pattern, name in _NAMES:
        published = re.sub(pattern, name, published)
    return published

"""EfficientNet-Lite: small image nets of inverted residual blocks, without attention
(S17).

convolution 3x3 by 2 -> block0 ... block15 -> convolution 1x1 -> mean -> dropout
-> output

efficientnet_lite0   16 blocks, images of 224x224    4,652,008 weights
efficientnet_lite1   21 blocks, images of 240x240    5,416,680
efficientnet_lite2   21 wider blocks, 260x260        6,092,072

The counts are for 1,000 classes. Seven stages have blocks of 16, 24, 40, 80, 112, 192
and 320 filters; the second, third, fourth and sixth halve the sides. Its weights are a
fifth of those of ResNet-50, and its multiplications a tenth.

Shapes:   (batch, channel, height, width) -> (batch, 1280, height / 32, width / 32)
          -> (batch, 1280) -> output
Choices:  Any image size fits; each halving rounds up. Norms follow the statistics with
          torch's momentum of 0.1 (the published training took 0.01 and many epochs),
          and no block is left out at random. Kaiming initialization.
Source:   Tan and Le, EfficientNet, 2019; the Lite nets of its authors, 2020: relu6 in
          place of swish, no squeeze and excitation, first and last layers not scaled.
          `kissipo data get weights:efficientnet-lite0` writes published weights.
Example:  >>> small = Options(width_multiplier=0.125)
          >>> nets = [variant(name).build(*IMAGENET, small) for name in _VARIANTS]
          >>> [sum(weight.numel() for weight in net.parameters()) for net in nets]
          [238270, 257750, 271040]
"""

import re
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import groupby
from math import ceil
from operator import itemgetter
from pathlib import Path
from types import ModuleType

from torch import nn

from kissipo.core.inferred_option import InferredOption
from kissipo.core.json_object import JsonMapping
from kissipo.core.schema import Range, option
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.heads import head
from kissipo.process.layers.image_spec import IMAGENET, channels_of, image_of
from kissipo.process.layers.inverted_residual import inverted_residual, unit
from kissipo.process.layers.kaiming_init import kaiming_init
from kissipo.process.layers.normalize import Normalize
from kissipo.process.pretrained import published_net

_VARIANTS = {  # factors of the filters and of the blocks, side of the published images
    "efficientnet_lite0": (1.0, 1.0, 224),
    "efficientnet_lite1": (1.0, 1.1, 240),
    "efficientnet_lite2": (1.1, 1.2, 260),
}
_STAGES = (  # filters, blocks, kernel, stride, factor of the channels inside
    (16, 1, 3, 1, 1),
    (24, 2, 3, 2, 6),
    (40, 2, 5, 2, 6),
    (80, 3, 3, 2, 6),
    (112, 3, 5, 1, 6),
    (192, 4, 5, 2, 6),
    (320, 1, 3, 1, 6),
)
_FIRST, _LAST = 32, 1280
_MEAN, _STD = (127 / 255,) * 3, (128 / 255,) * 3  # (x - 127) / 128 for bytes x
_NAMES = (
    (r"^_fc\b", "head"),
    (r"^_conv_stem\b", "stem.conv"),
    (r"^_bn0\b", "stem.norm"),
    (r"^_conv_head\b", "top.conv"),
    (r"^_bn1\b", "top.norm"),
    (r"^_blocks\.(\d+)\b", r"block\1.residual"),
    (r"\._(expand|depthwise|project)_conv\b", r".\1.conv"),
    (r"\._bn0\b", ".expand.norm"),
    (r"\._bn1\b", ".depthwise.norm"),
    (r"\._bn2\b", ".project.norm"),
)


@dataclass(frozen=True)
class Options:
    """The options of these nets."""

    dropout: float = option(
        0.2, "dropout rate before the head", minimum=0, below=1, search=Range(0.0, 0.7)
    )
    normalize: bool | None = option(
        None,
        "normalization of the channels as in the published training: (x - 127) / 128 of bytes",
    )
    width_multiplier: float = option(
        1.0, "factor of the number of filters of every layer; below 1 for small machines", above=0
    )


@cache
def variant(name: str) -> ModuleType:
    """Returns a module for the registry of nets, as if the net had its own file."""
    net = ModuleType(name, __doc__)
    image, classes = IMAGENET
    side = _VARIANTS[name][2]
    vars(net).update(
        DEFAULT_SPECS=((replace(image[0], shape=(3, side, side)),), classes),
        Options=Options,
        build=partial(_build, name),
        ours=ours,
        options_of_weights=partial(_options_of_weights, name),
        TAPS=_taps(name),
    )
    return net


def _build(
    name: str, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
) -> nn.Module:
    """Builds the net for these inputs and outputs."""
    colors, wide = image_of(inputs, name)[0], partial(channels_of, width=options.width_multiplier)
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    if options.normalize:
        layers["normalize"] = Normalize(colors, mean=_MEAN, std=_STD)
    channels = wide(_FIRST)
    layers["stem"] = unit(colors, channels, 3, stride=2)
    for number, (published, kernel, stride, factor) in enumerate(_blocks(name)):
        filters = wide(published)
        layers[f"block{number}"] = inverted_residual(
            channels, filters, kernel, factor=factor, stride=stride
        )
        channels = filters
    layers["top"] = unit(channels, wide(_LAST), 1)
    layers["mean"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    layers["dropout"] = nn.Dropout(options.dropout)
    layers["head"] = head(wide(_LAST), outputs)
    net = nn.Sequential(layers)
    kaiming_init(net)
    return net


def ours(published: str, options: Options) -> str:
    """Returns kissipo's name of a tensor with a published name.

    Example:  >>> ours("_blocks.3._bn1.running_mean", Options())
              'block3.residual.depthwise.norm.running_mean'
    """
    for pattern, name in _NAMES:
        published = re.sub(pattern, name, published)
    return published


def _taps(name: str) -> tuple[str, ...]:
    """Returns the last blocks of stride 8, 16 and 32.

    Example:  >>> _taps("efficientnet_lite0")
              ('block4', 'block10', 'block15')
    """
    counts = [len(list(stage)) for _, stage in groupby(_blocks(name), key=itemgetter(0))]
    ends = [sum(counts[:number]) - 1 for number in (3, 5, 7)]
    return tuple(f"block{end}" for end in ends)


def _blocks(name: str) -> Iterator[tuple[int, int, int, int]]:
    """Yields filters, kernel, stride and factor of every block.

    Example:  >>> [row for row in _blocks("efficientnet_lite2")][2:5]
              [(24, 3, 1, 6), (24, 3, 1, 6), (48, 5, 2, 6)]
    """
    width, depth, _ = _VARIANTS[name]
    for number, (filters, count, kernel, stride, factor) in enumerate(_STAGES):
        is_scaled = 0 < number < len(_STAGES) - 1
        for block in range(ceil(count * depth) if is_scaled else count):
            yield _multiple_of_8(filters * width), kernel, stride if block == 0 else 1, factor


def _multiple_of_8(filters: float) -> int:
    """Returns the nearest multiple of 8.

    Example:  >>> [_multiple_of_8(1.1 * filters) for filters in (16, 24, 40, 112, 192)]
              [16, 24, 48, 120, 208]
    """
    return int(filters + 4) // 8 * 8


def _options_of_weights(
    name: str, path: Path, saved: JsonMapping | None, answers: Sequence[JsonMapping] = ()
) -> list[InferredOption]:
    """Returns the net and the images of published weights; none for anything else."""
    has_boxes = any("boxes" in answer for answer in answers)  # of a detector on top
    if saved is not None or has_boxes or published_net(path) != name:
        return []
    side = _VARIANTS[name][2]
    return [
        InferredOption("process.net", name, f"the net of {path.name}"),
        InferredOption("input.color", "rgb", f"{path.name} is of images in color"),
        InferredOption("input.size", [side], f"{path.name} is of images of {side}x{side}"),
    ]

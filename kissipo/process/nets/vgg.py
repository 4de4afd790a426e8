"""VGG nets: convolutions of 3x3 in five groups, then three linear layers (S14).

group: convolution 3x3 -> relu, several times, then max pooling by 2
       64, 128, 256, 512, 512 filters
then:  7x7 means -> flatten -> linear 4096, relu, dropout -> linear 4096, relu, dropout
-> output

vgg11    1, 1, 2, 2, 2 convolutions, configuration A of the paper   132,863,336 weights
vgg13    2, 2, 2, 2, 2               configuration B                133,047,848
vgg16    2, 2, 3, 3, 3               configuration D                138,357,544
vgg19    2, 2, 4, 4, 4               configuration E                143,667,240

The counts are for 1,000 classes. Three convolutions of 3x3 have the receptive field of
one of 7x7, with 3 · 3²C² weights instead of 7²C² and two more activations.

Shapes:   (batch, channel, height, width) -> (batch, filter, h, w) ... -> (batch, unit)
          -> output
Choices:  Any image size fits: adaptive pooling makes the last map 7x7, as in
          torchvision, and pooling is left out where a side is 1. Kaiming initialization
          (the paper started the deep nets from a shallow one). Layers are named conv1_1
          ... fc7 as in the published model, and the last linear layer is the head.
Source:   Simonyan and Zisserman, Very Deep Convolutional Networks for Large-Scale Image
          Recognition, 2015; `norm` as in torchvision's vgg16_bn: batch normalization
          after each convolution, which keeps its bias.
Example:  >>> small = Options(width_multiplier=0.125, units=(64,))
          >>> nets = [variant(name).build(*IMAGENET, small) for name in _CONVOLUTIONS]
          >>> [sum(weight.numel() for weight in net.parameters()) for net in nets]
          [410328, 413232, 496336, 579440]
"""

from collections import OrderedDict
from dataclasses import dataclass
from functools import cache, partial
from types import ModuleType

from torch import nn

from kissipo.core.schema import Range, option
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.heads import head
from kissipo.process.layers.image_spec import IMAGENET, channels_of, image_of
from kissipo.process.layers.kaiming_init import kaiming_init
from kissipo.process.layers.norm import BatchNorm
from kissipo.process.layers.normalize import Normalize

_CONVOLUTIONS = {
    "vgg11": (1, 1, 2, 2, 2),
    "vgg13": (2, 2, 2, 2, 2),
    "vgg16": (2, 2, 3, 3, 3),
    "vgg19": (2, 2, 4, 4, 4),
}
_NOTES = {
    "vgg16": (
        "the lecture's '24M * 4 bytes = 96 MB / image' is a slip: "
        "its own rows add up to 15,237,608 values = 61 MB",
    )
}
_FILTERS = (64, 128, 256, 512, 512)
_SIDE = 7


@dataclass(frozen=True)
class Options:
    """The options of these nets."""

    norm: bool = option(False, "batch normalization after each convolution")
    units: tuple[int, ...] = option(
        (4096, 4096), "number of units of each hidden linear layer", minimum=1
    )
    dropout: float = option(
        0.5, "dropout rate of the linear layers", minimum=0, below=1, search=Range(0.0, 0.7)
    )
    normalize: bool | None = option(
        None, "normalization of the channels by the mean and std of the pretraining data (ImageNet)"
    )
    width_multiplier: float = option(
        1.0, "factor of the number of filters of every layer; below 1 for small machines", above=0
    )


@cache
def variant(name: str) -> ModuleType:
    """Returns a module for the registry of nets, as if the net had its own file."""
    net, notes = ModuleType(name, __doc__), _NOTES.get(name, ())
    vars(net).update(DEFAULT_SPECS=IMAGENET, NOTES=notes, Options=Options)
    fourth, fifth = _CONVOLUTIONS[name][3:]
    taps = (f"relu4_{fourth}", f"relu5_{fifth}", "pool5")
    vars(net).update(TAPS=taps, TAPS_OPTIONS={"units": ()})
    vars(net).update(build=partial(_build, name), ours=partial(_ours, name))
    return net


def _build(
    name: str, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
) -> nn.Module:
    """Builds the net for these inputs and outputs."""
    channels, height, width = image_of(inputs, name)
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    if options.normalize:
        layers["normalize"] = Normalize(channels)
    for group, (count, published) in enumerate(zip(_CONVOLUTIONS[name], _FILTERS, strict=True), 1):
        for number in range(1, count + 1):
            filters = channels_of(published, options.width_multiplier)
            layers[f"conv{group}_{number}"] = nn.Conv2d(channels, filters, 3, padding=1)
            if options.norm:
                layers[f"norm{group}_{number}"] = BatchNorm(filters)
            layers[f"relu{group}_{number}"] = nn.ReLU(inplace=True)
            channels = filters
        if min(height, width) > 1:
            layers[f"pool{group}"] = nn.MaxPool2d(2)
            height, width = height // 2, width // 2
    layers["parts"] = (
        nn.AdaptiveAvgPool2d(_SIDE) if (height, width) != (_SIDE, _SIDE) else nn.Identity()
    )
    layers["flatten"] = nn.Flatten()
    features = channels * _SIDE * _SIDE
    for number, units in enumerate(options.units, 6):
        layers[f"fc{number}"] = nn.Linear(features, units)
        layers[f"relu{number}"] = nn.ReLU(inplace=True)
        if options.dropout:
            layers[f"dropout{number}"] = nn.Dropout(options.dropout)
        features = units
    layers["head"] = head(features, outputs)
    net = nn.Sequential(layers)
    kaiming_init(net)
    return net


def _ours(name: str, published: str, options: Options) -> str:
    """Returns kissipo's name of a tensor with a name of torchvision or timm.

    Example:  >>> _ours("vgg11", "features.3.weight", Options())
              'conv2_1.weight'
    """
    layer, _, parameter = published.rpartition(".")
    return f"{_layer_names(name, options).get(layer, layer)}.{parameter}"


def _layer_names(name: str, options: Options) -> dict[str, str]:
    """Maps the published names of layers to kissipo's names."""
    names, index = {}, 0
    for group, count in enumerate(_CONVOLUTIONS[name], 1):
        for number in range(1, count + 1):
            names[f"features.{index}"] = f"conv{group}_{number}"
            if options.norm:
                names[f"features.{index + 1}"] = f"norm{group}_{number}"
            index += 3 if options.norm else 2
        index += 1
    for number in range(len(options.units)):
        names[f"classifier.{3 * number}"] = names[f"pre_logits.fc{number + 1}"] = f"fc{6 + number}"
    return {**names, f"classifier.{3 * len(options.units)}": "head", "head.fc": "head"}

"""The nets of the Visual Geometry Group: filters of 3x3 only, in five groups, then three linear layers (S14).

group: convolution 3x3 -> relu, several times, then max-pooling by 2                 64, 128, 256, 512, 512 filters
then:  7x7 parts -> flatten -> linear 4096, relu, dropout -> linear 4096, relu, dropout -> the answer

vgg11    1, 1, 2, 2, 2 convolutions, configuration A of the paper    132,863,336 weights for 1,000 classes
vgg13    2, 2, 2, 2, 2               configuration B                 133,047,848
vgg16    2, 2, 3, 3, 3               configuration D                 138,357,544
vgg19    2, 2, 4, 4, 4               configuration E                 143,667,240

Three convolutions of 3x3 see 7x7 as one of 7x7 does, with 3 · 3²C² weights instead of 7²C² and two bends more.

Shapes:   (batch, channel, height, width) -> (batch, filter, h, w) ... -> (batch, unit) -> the answer
Choices:  any size of image: the last map is brought to 7x7 by means, as in torchvision, and pooling is left out where a side has
          shrunk to one. Weights start as He et al. 2015 say (the paper started the deep nets from a shallow one).
          Layers are called conv1_1 ... fc7 as in the published model, the last linear layer is the head.
Source:   Simonyan and Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, 2015; `norm` as torchvision's
          vgg16_bn and its like: batch normalization behind each convolution, which keeps its bias.
Example:  >>> small = Options(width_multiplier=0.125, units=(64,))
          >>> [sum(each.numel() for each in variant(name).build(*IMAGENET, small).parameters()) for name in _CONVOLUTIONS]
          [410328, 413232, 496336, 579440]
"""

from collections import OrderedDict
from dataclasses import dataclass
from functools import partial
from types import ModuleType

from torch import nn

from kissipo.core.schema import word
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
        "the lecture's '24M * 4 bytes = 96 MB / image' is a slip: its own rows add up to 15,237,608 values = 61 MB",
    )
}
_FILTERS = (64, 128, 256, 512, 512)
_SIDE = 7


@dataclass(frozen=True)
class Options:
    """The options of these nets."""

    norm: bool = word(False, "batch normalization after each convolution")
    units: tuple[int, ...] = word(
        (4096, 4096), "number of units of each hidden linear layer", at_least=1
    )
    dropout: float = word(0.5, "dropout rate of the linear layers", at_least=0, below=1)
    normalize: bool | None = word(
        None, "normalization of the channels by the mean and std of the pretraining data (ImageNet)"
    )
    width_multiplier: float = word(
        1.0, "factor of the number of filters of every layer; below 1 for small machines", above=0
    )


def variant(name: str) -> ModuleType:
    """The net of that name, as the family of nets knows it: what a file of its own would hold."""
    net, notes = ModuleType(name, __doc__), _NOTES.get(name, ())
    vars(net).update(ALGORITHM="supervised", USUAL=IMAGENET, NOTES=notes, Options=Options)
    vars(net).update(build=partial(_build, name), ours=partial(_ours, name))
    return net


def _build(
    name: str, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
) -> nn.Module:
    """The net for these ports."""
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
    """What a tensor is called here: `features.2.weight` -> `conv1_2.weight`, in torchvision's names and in timm's."""
    place, _, what = published.rpartition(".")
    return f"{_places(name, options).get(place, place)}.{what}"


def _places(name: str, options: Options) -> dict[str, str]:
    """Published places of layers -> ours."""
    places, at = {}, 0
    for group, count in enumerate(_CONVOLUTIONS[name], 1):
        for number in range(1, count + 1):
            places[f"features.{at}"] = f"conv{group}_{number}"
            if options.norm:
                places[f"features.{at + 1}"] = f"norm{group}_{number}"
            at += 3 if options.norm else 2
        at += 1
    for number in range(len(options.units)):
        places[f"classifier.{3 * number}"] = places[f"pre_logits.fc{number + 1}"] = (
            f"fc{6 + number}"
        )
    return {**places, f"classifier.{3 * len(options.units)}": "head", "head.fc": "head"}

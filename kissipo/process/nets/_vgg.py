"""What the nets of the Visual Geometry Group share: filters of 3x3 only, in five groups, then three linear layers (S14).

group: convolution 3x3 -> relu, several times, then max-pooling by 2                 64, 128, 256, 512, 512 filters
then:  7x7 parts -> flatten -> linear 4096, relu, dropout -> linear 4096, relu, dropout -> the answer

Three convolutions of 3x3 see 7x7 as one of 7x7 does, with 3 · 3²C² weights instead of 7²C² and two bends more.

Shapes:   (batch, channel, height, width) -> (batch, filter, h, w) ... -> (batch, unit) -> the answer
Choices:  any size of picture: the last map is brought to 7x7 by means, as in torchvision, and pooling is left out where a side has
          shrunk to one. Weights start as He et al. 2015 say (the paper started the deep nets from a shallow one).
          Layers are called conv1_1 ... fc7 as in the published model, the last linear layer is the head.
Source:   Simonyan and Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, 2015; `norm` as torchvision's
          vgg16_bn and its like: batch normalization behind each convolution, which keeps its bias.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from torch import nn

from kissipo.core.axes import Port
from kissipo.core.schema import word
from kissipo.process.layers.centre import Centre
from kissipo.process.layers.he_start import he_start
from kissipo.process.layers.heads import head
from kissipo.process.layers.norm import BatchNorm
from kissipo.process.layers.picture import IMAGENET, channels_of, picture_of

LEARN = "supervised"
USUAL = IMAGENET
_FILTERS = (64, 128, 256, 512, 512)
_SIDE = 7


@dataclass(frozen=True)
class Options:
    """The words of these nets."""

    norm: bool = word(False, "batch normalization after each convolution")
    units: tuple[int, ...] = word((4096, 4096), "width of each linear layer before the answer", at_least=1)
    dropout: float = word(
        0.5, "share of the values of a linear layer that are set to zero while learning", at_least=0, below=1
    )
    centre: bool | None = word(None, "colours less their mean, over their deviation, as published weights saw them")
    width: float = word(1.0, "share of the published numbers of filters; below 1 for small machines", above=0)


def vgg(
    name: str, inputs: tuple[Port, ...], outputs: tuple[Port, ...], options: Options, convolutions: tuple[int, ...]
) -> nn.Module:
    """The net with so many convolutions in each group."""
    channels, height, width = picture_of(inputs, name)
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    if options.centre:
        layers["centre"] = Centre(channels)
    for group, (count, published) in enumerate(zip(convolutions, _FILTERS, strict=True), 1):
        for number in range(1, count + 1):
            filters = channels_of(published, options.width)
            layers[f"conv{group}_{number}"] = nn.Conv2d(channels, filters, 3, padding=1)
            if options.norm:
                layers[f"norm{group}_{number}"] = BatchNorm(filters)
            layers[f"relu{group}_{number}"] = nn.ReLU(inplace=True)
            channels = filters
        if min(height, width) > 1:
            layers[f"pool{group}"] = nn.MaxPool2d(2)
            height, width = height // 2, width // 2
    layers["parts"] = nn.AdaptiveAvgPool2d(_SIDE) if (height, width) != (_SIDE, _SIDE) else nn.Identity()
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
    he_start(net)
    return net


def our_name(published: str, options: Options, convolutions: tuple[int, ...]) -> str:
    """What a tensor is called here: `features.2.weight` -> `conv1_2.weight`, in torchvision's names and in timm's."""
    place, _, what = published.rpartition(".")
    return f"{_places(options, convolutions).get(place, place)}.{what}"


def _places(options: Options, convolutions: tuple[int, ...]) -> dict[str, str]:
    """Published places of layers -> ours."""
    places, at = {}, 0
    for group, count in enumerate(convolutions, 1):
        for number in range(1, count + 1):
            places[f"features.{at}"] = f"conv{group}_{number}"
            if options.norm:
                places[f"features.{at + 1}"] = f"norm{group}_{number}"
            at += 3 if options.norm else 2
        at += 1
    for number in range(len(options.units)):
        places[f"classifier.{3 * number}"] = places[f"pre_logits.fc{number + 1}"] = f"fc{6 + number}"
    return {**places, f"classifier.{3 * len(options.units)}": "head", "head.fc": "head"}

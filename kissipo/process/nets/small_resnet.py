"""Residual net for small images: a convolution, three groups of blocks, a mean.

convolution 3x3, norm, relu -> conv2, conv3, conv4 -> mean over the image -> output

Each group has n blocks of two convolutions of 3x3. The first block of conv3 and of
conv4 halves the sides, and the channels are doubled: 16, 32, 64. With n blocks the net
has 6n + 2 layers with weights: n = 1 is ResNet-8, and n = 3 is ResNet-20.

Shapes:   (batch, channel, height, width) -> (batch, channel', height / 4, width / 4)
          -> (batch, channel') -> output
Choices:  The shortcuts of conv3 and conv4 are convolutions of 1x1 (option B); the paper
          pads x with zeros (option A), which has 2,752 weights less. `stride` of the
          first convolution is 1 in the paper; 2 takes a quarter of the time.
Source:   He, Zhang, Ren and Sun, Deep Residual Learning for Image Recognition, 2015,
          section 4.2.
Raises:   ShapeError when the input is not an image.
Example:  >>> nets = [build(*DEFAULT_SPECS, Options(num_blocks=n)) for n in (1, 3, 5)]
          >>> [sum(weight.numel() for weight in net.parameters()) for net in nets]
          [78042, 272474, 466906]
"""

from collections import OrderedDict
from dataclasses import dataclass

import torch
from torch import nn

from kissipo.core.inferred_option import Candidate, DataFacts, InferredOption
from kissipo.core.schema import Values, option
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.heads import head
from kissipo.process.layers.image_spec import image_of
from kissipo.process.layers.kaiming_init import kaiming_init
from kissipo.process.layers.norm import BatchNorm
from kissipo.process.layers.residual import basic
from kissipo.process.nets._image_candidates import (
    image_epochs,
    is_image,
    residual_candidates,
)

DEFAULT_SPECS = (
    (TensorSpec("image", ("channel", "height", "width"), (3, 32, 32)),),
    (TensorSpec("class", ("class",), (10,)),),
)
_SMALL = 24  # sides that the first convolution need not halve


@dataclass(frozen=True)
class Options:
    """The options of the residual net for small images."""

    num_blocks: int = option(
        1, "number of residual blocks of each group", minimum=1, search=Values((1, 2, 3))
    )
    filters: tuple[int, ...] = option(
        (16, 32, 64),
        "number of channels of each group; the first convolution has as many as the first group",
        minimum=1,
        search=Values(((16, 32, 64), (32, 64, 128))),
    )
    stride: int = option(1, "stride of the first convolution; 2 halves the sides", minimum=1)
    dropout: float = option(0.0, "dropout rate of the means before the output", minimum=0, below=1)


def suggested_options(facts: DataFacts) -> tuple[InferredOption, ...]:
    """Returns the stride of the first convolution for the size of the images, and the
    epochs."""
    height, width = facts.inputs[0].shape[1:]
    stride = 1 if min(height, width) <= _SMALL else 2
    with torch.device("meta"):
        net = build(facts.inputs, facts.outputs, Options(stride=stride))
    reason = f"images of {height}x{width}"
    return (InferredOption("process.stride", stride, reason), *image_epochs(net, facts))


def candidates(facts: DataFacts) -> tuple[Candidate, ...]:
    """Returns the options for images with a class or a number."""
    return residual_candidates(facts, suggested_options(facts)) if is_image(facts) else ()


def build(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
) -> nn.Module:
    """Builds the net for these inputs and outputs."""
    channels = options.filters[0]
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    colors = image_of(inputs, "small_resnet")[0]
    layers["conv1"] = nn.Conv2d(colors, channels, 3, options.stride, padding=1, bias=False)
    layers["norm1"] = BatchNorm(channels)
    layers["relu1"] = nn.ReLU(inplace=True)
    for number, filters in enumerate(options.filters):
        group = []
        for position in range(options.num_blocks):
            stride = 2 if position == 0 and number > 0 else 1
            group.append(basic(channels, filters, filters, stride=stride))
            channels = filters
        layers[f"conv{number + 2}"] = nn.Sequential(*group)
    layers["mean"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    if options.dropout:
        layers["dropout"] = nn.Dropout(options.dropout)
    layers["head"] = head(channels, outputs)
    net = nn.Sequential(layers)
    kaiming_init(net)
    return net

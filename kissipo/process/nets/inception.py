"""A single inception module, to count what the bottleneck saves (S15).

The lecture's module on 28x28x256 has 128 filters of 1x1, 192 of 3x3, 96 of 5x5 and
pooling. The naive module takes 854,196,224 multiplications and gives 672 channels. With
bottlenecks of 64 it takes 271,351,808 and gives 480.

Shapes:   (batch, channel, height, width) -> (batch, channel', height, width)
          -> (batch, channel') -> output
Choices:  Without an output the net is the module alone.
Source:   Szegedy et al., Going Deeper with Convolutions, 2015.
Example:  >>> import torch
          >>> net = build(DEFAULT_SPECS[0], (), Options(module="naive"))
          >>> net(torch.zeros(1, 256, 28, 28)).shape
          torch.Size([1, 672, 28, 28])
"""

from collections import OrderedDict
from dataclasses import dataclass

from torch import nn

from kissipo.core.schema import option
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.heads import head
from kissipo.process.layers.image_spec import image_of
from kissipo.process.layers.inception import Inception, Module, Widths
from kissipo.process.layers.kaiming_init import kaiming_init

DEFAULT_SPECS: tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]] = (
    (TensorSpec("map", ("channel", "height", "width"), (256, 28, 28)),),
    (),
)
NOTES = (
    "on 28x28x256 the naive module (module=naive) takes 854,196,224 multiplications, "
    "with bottlenecks of 64 it takes 271,351,808",
    "the lecture's 353M is a slip: its row of the 5x5 filters counts '264' channels, "
    "where the bottleneck leaves 64",
)
_WIDTHS = Widths(one=128, three_reduced=64, three=192, five_reduced=64, five=96, pooled=64)


@dataclass(frozen=True)
class Options:
    """The options of the single module."""

    module: Module = option(
        "bottleneck",
        "inception module: bottleneck (1x1 convolutions reduce the channels first) or naive",
    )


def build(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
) -> nn.Module:
    """Builds the net for these inputs and outputs."""
    module = Inception(image_of(inputs, "inception")[0], _WIDTHS, module=options.module)
    layers: OrderedDict[str, nn.Module] = OrderedDict(module=module)
    if outputs:
        layers["mean"] = nn.AdaptiveAvgPool2d(1)
        layers["flatten"] = nn.Flatten()
        layers["head"] = head(module.channels, outputs)
    net = nn.Sequential(layers)
    kaiming_init(net)
    return net

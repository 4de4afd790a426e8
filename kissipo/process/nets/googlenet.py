"""GoogLeNet: nine inception modules in sequence, 22 layers with weights (S15).

convolution 7x7 by 2, pool, norm -> convolution 1x1, convolution 3x3, norm, pool
-> inception 3a 3b, pool -> 4a 4b 4c 4d 4e, pool -> 5a 5b -> mean -> dropout -> output
Training has two more outputs, after 4a and 4d (auxiliary).

Shapes:   (batch, channel, height, width) -> (batch, 1024, h, w) -> (batch, 1024)
          -> output
Choices:  The net is that of the paper: filters of 5x5, biases, local response
          normalization in the first layers, no batch normalization. Pooling rounds up
          and is left out where a side is 1, so any image size fits. There are 6,998,552
          weights for 1,000 classes, and 13,378,280 with both auxiliary heads (the
          lecture says "5 million": 5,973,552 before the last layer). `norm: true` fits
          published weights (torchvision): batch normalization after each convolution
          replaces biases and local response normalization, 3x3 replaces 5x5, and the
          last pooling is 2x2; 6,624,904 and 13,004,888 weights. Kaiming initialization;
          dropout 0.4 before the output, 0.7 in auxiliary heads.
Source:   Szegedy et al., Going Deeper with Convolutions, 2015, table 1 and figure 3.
Example:  >>> import torch
          >>> net = build(*DEFAULT_SPECS, Options(width_multiplier=0.125))
          >>> [len(rows) for rows in net.with_auxiliary(torch.zeros(1, 3, 64, 64))]
          [1, 2]
"""

import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from kissipo.core.schema import Range, option
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.auxiliary import AuxiliaryHead
from kissipo.process.layers.convolution import convolution
from kissipo.process.layers.heads import head
from kissipo.process.layers.image_spec import IMAGENET, channels_of, image_of
from kissipo.process.layers.inception import EPSILON, Inception, Module, Widths
from kissipo.process.layers.kaiming_init import kaiming_init
from kissipo.process.layers.normalize import Normalize

DEFAULT_SPECS = IMAGENET
TAPS, TAPS_OPTIONS = ("inception3b", "inception4e", "inception5b"), {"auxiliary": False}
_MODULES = {
    "3a": Widths(64, 96, 128, 16, 32, 32),
    "3b": Widths(128, 128, 192, 32, 96, 64),
    "4a": Widths(192, 96, 208, 16, 48, 64),
    "4b": Widths(160, 112, 224, 24, 64, 64),
    "4c": Widths(128, 128, 256, 24, 64, 64),
    "4d": Widths(112, 144, 288, 32, 64, 64),
    "4e": Widths(256, 160, 320, 32, 128, 128),
    "5a": Widths(256, 160, 320, 32, 128, 128),
    "5b": Widths(384, 192, 384, 48, 128, 128),
}
_POOLED = {"3b": "pool3", "4e": "pool4"}
_HEADED = ("4a", "4d")
_NAMES = (
    (r"^fc\b", "head"),
    (r"\.branch1\b", ".one"),
    (r"\.branch2\.0\b", ".three.reduce"),
    (r"\.branch2\.1\b", ".three.filter"),
    (r"\.branch3\.0\b", ".five.reduce"),
    (r"\.branch3\.1\b", ".five.filter"),
    (r"\.branch4\.1\b", ".pool.reduce"),
    (r"^aux1\b", "auxiliary.inception4a"),
    (r"^aux2\b", "auxiliary.inception4d"),
    (r"^(auxiliary\.\w+)\.fc1\b", r"\1.linear"),
    (r"^(auxiliary\.\w+)\.fc2\b", r"\1.head"),
    (r"\.bn\b", ".norm"),
)


@dataclass(frozen=True)
class Options:
    """The options of GoogLeNet."""

    module: Module = option(
        "bottleneck",
        "inception module: bottleneck (1x1 convolutions reduce the channels first) or naive",
    )
    norm: bool = option(
        False, "batch normalization, and 3x3 in place of 5x5, as in the published weights"
    )
    auxiliary: bool = option(
        True, "two auxiliary heads during training; they are not used for predictions"
    )
    dropout: float = option(
        0.4, "dropout rate before the head", minimum=0, below=1, search=Range(0.0, 0.7)
    )
    normalize: bool | None = option(
        None, "normalization of the channels by the mean and std of the pretraining data (ImageNet)"
    )
    width_multiplier: float = option(
        1.0, "factor of the number of filters of every layer; below 1 for small machines", above=0
    )


def build(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
) -> nn.Module:
    """Builds the net for these inputs and outputs."""
    channels, height, width = image_of(inputs, "googlenet")
    side = -(-min(height, width) // 2)  # after the first convolution
    layers, auxiliary, norm = _first_layers(channels, side, options), {}, options.norm
    channels, side = channels_of(192, options.width_multiplier), side // 4
    for name, widths in _MODULES.items():
        module = Inception(
            channels, widths.scaled(options.width_multiplier), module=options.module, norm=norm
        )
        layers[f"inception{name}"], channels = module, module.channels
        if name in _HEADED:
            auxiliary[f"inception{name}"] = AuxiliaryHead(
                channels, outputs, width=options.width_multiplier, norm=norm
            )
        if name in _POOLED:
            layers[_POOLED[name]] = _pool(2 if norm and name == "4e" else 3, side)
            side //= 2
    layers["mean"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    layers["dropout"] = nn.Dropout(options.dropout)
    layers["head"] = head(channels, outputs)
    net = GoogLeNet(layers, auxiliary) if options.auxiliary else nn.Sequential(layers)
    kaiming_init(net)
    return net


class GoogLeNet(nn.Module):
    """Layers in sequence, and auxiliary heads after some of them."""

    def __init__(
        self, layers: OrderedDict[str, nn.Module], auxiliary: Mapping[str, nn.Module]
    ) -> None:
        super().__init__()
        for name, layer in layers.items():
            self.add_module(name, layer)
        self.auxiliary = nn.ModuleDict(auxiliary)
        self._order = tuple(layers)

    def forward(self, x: Tensor) -> Tensor:
        for name in self._order:
            x = self.get_submodule(name)(x)
        return x

    def with_auxiliary(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Returns the output, and that of each auxiliary head."""
        outputs = []
        for name in self._order:
            x = self.get_submodule(name)(x)
            if name in self.auxiliary:
                outputs.append(self.auxiliary[name](x))
        return x, tuple(outputs)


def ours(published: str, options: Options) -> str:
    """Returns kissipo's name of a tensor with a name of torchvision.

    Example:  >>> ours("inception3a.branch2.0.bn.weight", Options())
              'inception3a.three.reduce.norm.weight'
    """
    for pattern, name in _NAMES:
        published = re.sub(pattern, name, published)
    return published


def _first_layers(channels: int, side: int, options: Options) -> OrderedDict[str, nn.Module]:
    norm, few, many = (
        options.norm,
        channels_of(64, options.width_multiplier),
        channels_of(192, options.width_multiplier),
    )
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    if options.normalize:
        layers["normalize"] = Normalize(channels, mean=(0.5,) * 3, std=(0.5,) * 3)
    layers["conv1"] = convolution(channels, few, 7, stride=2, norm=norm, epsilon=EPSILON)
    layers["pool1"] = _pool(3, side)
    if not norm:
        layers["norm1"] = _local_norm()
    layers["conv2"] = convolution(few, few, 1, norm=norm, epsilon=EPSILON)
    layers["conv3"] = convolution(few, many, 3, norm=norm, epsilon=EPSILON)
    if not norm:
        layers["norm3"] = _local_norm()
    layers["pool2"] = _pool(3, side // 2)
    return layers


def _pool(size: int, side: int) -> nn.Module:
    """Returns a pooling by 2, or an identity where the shorter side is 1."""
    return nn.MaxPool2d(size, 2, ceil_mode=True) if side > 1 else nn.Identity()


def _local_norm() -> nn.Module:
    """Returns the normalization of AlexNet (Krizhevsky et al. 2012)."""
    return nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75)

"""Convolutional net: filters that slide over the image, pooling, then linear layers (S13).

For each number of filters: convolution, max-pooling by 2, relu; then flatten, and linear layers as in the feed-forward net. With
`flatten: false` the linear layers are the same at every point, and each point is answered from what lies around it (a move of go, S19).

Shapes:   (batch, channel, height, width) -> (batch, filter, h, w) ... -> (batch, feature) -> (batch, unit) -> the answer
          with flatten: false ... -> (batch, filter, h, w) -> (batch, unit, h, w) -> (batch, 1, h, w) -> (batch, h · w)
Choices:  padding 'same' (a net for small images loses no rim; the lecture's net says 'valid'); pooling is left out where
          a side has shrunk to one. Pooling comes before a bend that rises: max(relu(x)) = relu(max(x)), slopes too, and a quarter as
          many numbers are bent; a bend that also falls (gelu, silu) stays before it.
Source:   LeCun et al. 1998; batch normalization (norm: true) Ioffe and Szegedy 2015.
Raises:   ShapeError when the input is no image or shrinks to nothing.
Example:  >>> from kissipo.core.tensor_spec import TensorSpec
          >>> image = TensorSpec("image", ("channel", "height", "width"), (1, 28, 28))
          >>> net = build((image,), (TensorSpec("digit", ("class",), (10,)),), Options(filters=(25, 50), units=(100,), padding="valid"))
          >>> sum(parameter.numel() for parameter in net.parameters())
          137660
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from torch import nn

from kissipo.core.errors import ShapeError
from kissipo.core.schema import word
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.activation import RISING, Activation, activation
from kissipo.process.layers.heads import head
from kissipo.process.layers.image_spec import image_of
from kissipo.process.layers.norm import BatchNorm

ALGORITHM = "supervised"
USUAL = (
    (TensorSpec("digit", ("channel", "height", "width"), (1, 28, 28)),),
    (TensorSpec("class", ("class",), (10,)),),
)


@dataclass(frozen=True)
class Options:
    """The options of the convolutional net."""

    filters: tuple[int, ...] = word((32, 64), "number of filters of each convolution", at_least=1)
    kernel_size: int = word(3, "height and width of each filter", at_least=1)
    padding: Literal["same", "valid"] = word(
        "same", "padding of each convolution: same (the size stays) or valid (none)"
    )
    pool_size: int = word(
        2,
        "height and width of the max-pooling window after each convolution; 1 disables it",
        at_least=1,
    )
    norm: bool = word(False, "batch normalization after each convolution")
    flatten: bool = word(
        True,
        "whether the feature maps are flattened before the linear layers; false: 1x1 layers give one output per point",
    )
    units: tuple[int, ...] = word(
        (100,), "number of units of each linear layer after the convolutions", at_least=1
    )
    activation: Activation = word("relu", "activation of each layer")
    dropout: float = word(0.0, "dropout rate of the linear layers", at_least=0, below=1)


def build(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
) -> nn.Module:
    """The net for these ports."""
    channels, height, width = image_of(inputs, "cnn")
    kernel = options.kernel_size
    layers: list[nn.Module] = []
    for number, filters in enumerate(options.filters, 1):
        shrink = 0 if options.padding == "same" else kernel - 1
        if min(height, width) - shrink < 1:
            raise ShapeError(
                f"process step 'cnn': convolution {number} slides a filter of {kernel}x{kernel} over {height}x{width}",
                do="Use fewer process.filters, a smaller process.kernel_size, process.padding=same or a larger input.size",
            )
        layers.append(
            nn.Conv2d(channels, filters, kernel, padding=options.padding, bias=not options.norm)
        )
        layers += [BatchNorm(filters)] if options.norm else []
        bend = [activation(options.activation)]
        channels, height, width = filters, height - shrink, width - shrink
        if min(height, width) >= options.pool_size > 1:
            pool: list[nn.Module] = [nn.MaxPool2d(options.pool_size)]
            bend = pool + bend if options.activation in RISING else bend + pool
            height, width = height // options.pool_size, width // options.pool_size
        layers += bend
    if not options.flatten:
        return nn.Sequential(*layers, *_by_point(channels, (height, width), outputs, options))
    layers.append(nn.Flatten())
    features = channels * height * width
    for units in options.units:
        layers += [nn.Linear(features, units), activation(options.activation)]
        layers += [nn.Dropout(options.dropout)] if options.dropout else []
        features = units
    return nn.Sequential(*layers, head(features, outputs))


def _by_point(
    channels: int, sides: tuple[int, int], outputs: tuple[TensorSpec, ...], options: Options
) -> Iterator[nn.Module]:
    """Linear layers at every point, which are filters of 1x1, down to one number each."""
    if [spec.shape for spec in outputs] != [(sides[0] * sides[1],)]:
        raise ShapeError(
            f"process step 'cnn' with flatten: false answers each of {sides[0]}x{sides[1]} points",
            given=f"output step {' and '.join(f'{spec.name!r} {spec.describe()}' for spec in outputs)}",
            do="Say process.flatten=true, or process.pool_size=1 and process.padding=same where the answer has a number for each point",
        )
    for units in options.units:
        yield nn.Conv2d(channels, units, 1, padding="same")
        yield activation(options.activation)
        if options.dropout:
            yield nn.Dropout(options.dropout)
        channels = units
    yield nn.Conv2d(channels, 1, 1, padding="same")
    yield nn.Flatten()

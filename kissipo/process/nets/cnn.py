"""Convolutional net: convolutions and pooling, then linear layers (S13).

For each number of filters there are a convolution, max pooling by 2 and relu. Then the
maps are flattened, and linear layers follow as in the feed-forward net. With `flatten:
false` the linear layers are the same at every point, and every point gets one output
from its surroundings. Recordings of different lengths are read as images of frames and
bands; of their maps the maximum over time is taken, so none is truncated or padded.

Shapes:   (batch, channel, height, width) -> (batch, filter, h, w) ...
          -> (batch, feature) -> (batch, unit) -> output
          with flatten: false ... -> (batch, filter, h, w) -> (batch, unit, h, w)
          -> (batch, 1, h, w) -> (batch, h · w)
          recordings (batch, time, feature) -> (batch, filter, t, f) ...
          -> (batch, filter · f) -> (batch, unit) -> output
Choices:  The padding is 'same', so that small images keep their border (the lecture's
          net has 'valid'). Pooling is left out where a side is 1. Pooling comes before
          a monotonic activation, because max(relu(x)) = relu(max(x)), also for
          gradients, with a quarter of the values. It comes after the others (gelu,
          silu).
Source:   LeCun et al. 1998; batch normalization (norm: true) Ioffe and Szegedy 2015.
Raises:   ShapeError when the input is not an image or becomes too small.
Example:  >>> from kissipo.core.tensor_spec import TensorSpec
          >>> image = TensorSpec("image", ("channel", "height", "width"), (1, 28, 28))
          >>> digit = TensorSpec("digit", ("class",), (10,))
          >>> options = Options(filters=(25, 50), units=(100,), padding="valid")
          >>> net = build((image,), (digit,), options)
          >>> sum(parameter.numel() for parameter in net.parameters())
          137660
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from kissipo.core.errors import ShapeError
from kissipo.core.inferred_option import Candidate, DataFacts, InferredOption
from kissipo.core.schema import Range, Values, option
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.activation import MONOTONIC, Activation, activation
from kissipo.process.layers.heads import head
from kissipo.process.layers.image_spec import image_of
from kissipo.process.layers.norm import BatchNorm
from kissipo.process.layers.over_time import ConvolutionsOverTime
from kissipo.process.nets._image_candidates import cnn_candidates, image_epochs, is_image

ALGORITHMS = ("supervised", "dqn")
DEFAULT_SPECS = (
    (TensorSpec("digit", ("channel", "height", "width"), (1, 28, 28)),),
    (TensorSpec("class", ("class",), (10,)),),
)


@dataclass(frozen=True)
class Options:
    """The options of the convolutional net."""

    filters: tuple[int, ...] = option(
        (32, 64),
        "number of filters of each convolution",
        minimum=1,
        search=Values(((16, 32), (32, 64), (64, 128))),
    )
    kernel_size: int = option(3, "height and width of each filter", minimum=1)
    padding: Literal["same", "valid"] = option(
        "same", "padding of each convolution: same (the size stays) or valid (none)"
    )
    pool_size: int = option(
        2,
        "height and width of the max-pooling window after each convolution; 1 disables it",
        minimum=1,
    )
    norm: bool = option(False, "batch normalization after each convolution")
    flatten: bool = option(
        True,
        "whether the feature maps are flattened before the linear layers; false: 1x1 layers give "
        "one output per point",
    )
    units: tuple[int, ...] = option(
        (100,),
        "number of units of each linear layer after the convolutions",
        minimum=1,
        search=Values(((50,), (100,), (200,))),
    )
    activation: Activation = option("relu", "activation of each layer")
    dropout: float = option(
        0.0, "dropout rate of the linear layers", minimum=0, below=1, search=Range(0.0, 0.5)
    )


def suggested_options(facts: DataFacts) -> tuple[InferredOption, ...]:
    """Returns one convolution per halving of the image, up to three, and the epochs."""
    height, width = facts.inputs[0].shape[1:]
    filters = (32, 64) if min(height, width) <= 32 else (16, 32, 64)
    sizes = (
        InferredOption("process.filters", list(filters), f"images of {height}x{width}"),
        InferredOption("process.dropout", 0.3),
    )
    if not is_image(facts):
        return sizes
    with torch.device("meta"):
        net = build(facts.inputs, facts.outputs, Options(filters=filters))
    return (*sizes, *image_epochs(net, facts))


def candidates(facts: DataFacts) -> tuple[Candidate, ...]:
    """Returns the options for images with a class or a number."""
    return cnn_candidates(suggested_options(facts)) if is_image(facts) else ()


def build(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
) -> nn.Module:
    """Builds the net for these inputs and outputs."""
    if len(inputs) == 1 and inputs[0].is_padded_sequence:
        return _over_time(inputs[0], outputs, options)
    channels, height, width = image_of(inputs, "cnn")
    kernel = options.kernel_size
    layers: list[nn.Module] = []
    for number, filters in enumerate(options.filters, 1):
        shrink = 0 if options.padding == "same" else kernel - 1
        if min(height, width) - shrink < 1:
            raise ShapeError(
                f"process step 'cnn': the filter {kernel}x{kernel} of convolution {number} "
                f"is larger than its input {height}x{width}",
                do="Use fewer process.filters, a smaller process.kernel_size, "
                "process.padding=same or a larger input.size",
            )
        layers.append(
            nn.Conv2d(channels, filters, kernel, padding=options.padding, bias=not options.norm)
        )
        layers += [BatchNorm(filters)] if options.norm else []
        block = [activation(options.activation)]
        channels, height, width = filters, height - shrink, width - shrink
        if min(height, width) >= options.pool_size > 1:
            pool: list[nn.Module] = [nn.MaxPool2d(options.pool_size)]
            block = pool + block if options.activation in MONOTONIC else block + pool
            height, width = height // options.pool_size, width // options.pool_size
        layers += block
    if not options.flatten:
        return nn.Sequential(*layers, *_by_point(channels, (height, width), outputs, options))
    layers.append(nn.Flatten())
    return nn.Sequential(*layers, *_linear(channels * height * width, outputs, options))


def _linear(
    features: int, outputs: tuple[TensorSpec, ...], options: Options
) -> Iterator[nn.Module]:
    """Yields the linear layers after the convolutions, the last one with the output."""
    for units in options.units:
        yield nn.Linear(features, units)
        yield activation(options.activation)
        if options.dropout:
            yield nn.Dropout(options.dropout)
        features = units
    yield head(features, outputs)


def _over_time(spec: TensorSpec, outputs: tuple[TensorSpec, ...], options: Options) -> nn.Module:
    """Returns convolutions over recordings, whose filters have a maximum over time."""
    if options.padding == "valid" or not options.flatten:
        raise ShapeError(
            "process step 'cnn' reads recordings with process.padding=same and "
            "process.flatten=true",
            got=f"padding {options.padding}, flatten {str(options.flatten).lower()}",
        )
    channels, width = 1, spec.shape[1]
    blocks: list[tuple[nn.Module, nn.Module, nn.Module]] = []
    pools: list[int] = []
    for filters in options.filters:
        convolution = nn.Conv2d(
            channels, filters, options.kernel_size, padding="same", bias=not options.norm
        )
        before: list[nn.Module] = [convolution, *([BatchNorm(filters)] if options.norm else [])]
        active: nn.Module = activation(options.activation)
        pool: nn.Module = nn.Identity()
        is_pooled = width >= options.pool_size > 1
        if is_pooled:
            pool = nn.MaxPool2d(options.pool_size, ceil_mode=True)
            width = -(-width // options.pool_size)
        if options.activation not in MONOTONIC:
            before, active = [*before, active], nn.Identity()
        blocks.append((nn.Sequential(*before), pool, active))
        pools.append(options.pool_size if is_pooled else 1)
        channels = filters
    convolutions = ConvolutionsOverTime(blocks, pools)
    dropout = [nn.Dropout(options.dropout)] if options.dropout else []
    return nn.Sequential(convolutions, *dropout, *_linear(channels * width, outputs, options))


def _by_point(
    channels: int, sides: tuple[int, int], outputs: tuple[TensorSpec, ...], options: Options
) -> Iterator[nn.Module]:
    """Yields 1x1 convolutions: linear layers at every point, with one output."""
    if [spec.shape for spec in outputs] != [(sides[0] * sides[1],)]:
        description = " and ".join(f"{spec.name!r} {spec.describe()}" for spec in outputs)
        raise ShapeError(
            "process step 'cnn' with flatten: false has one output for each of "
            f"{sides[0]}x{sides[1]} points",
            got=f"output step {description}",
            do="Set process.flatten=true; or, for a target with one number per point, "
            "process.pool_size=1 and process.padding=same",
        )
    for units in options.units:
        yield nn.Conv2d(channels, units, 1, padding="same")
        yield activation(options.activation)
        if options.dropout:
            yield nn.Dropout(options.dropout)
        channels = units
    yield nn.Conv2d(channels, 1, 1, padding="same")
    yield nn.Flatten()

"""Convolutional net over time for signals: convolutions, a mean, a linear layer.

x -> convolution, norm, relu (once per number of filters) -> mean over time -> output
residual: each number of filters is a block of three convolutions, whose input is added

The mean over time is the same wherever a form occurs, so a signal may be shifted.

Shapes:   (batch, time, feature) -> (batch, filter, time) ... -> (batch, filter)
          -> one row per output; a row of features (batch, feature) is one signal
Choices:  Filters are shorter by one than the paper's where those are even, so that they
          have a middle, and a quarter as many by default (the paper: 128, 256, 128).
Source:   Wang, Yan and Oates, Time Series Classification from Scratch with Deep Neural
          Networks, 2017: FCN, and with `residual` ResNet.
Raises:   ShapeError when the input is not one signal, or is padded.
Example:  >>> from kissipo.core.tensor_spec import TensorSpec
          >>> beat = TensorSpec("beat", ("time", "feature"), (187, 1))
          >>> kind = TensorSpec("kind", ("class",), (5,))
          >>> paper = Options(filters=(128, 256, 128), kernel_sizes=(8, 5, 3))
          >>> net = build((beat,), (kind,), paper)
          >>> sum(parameter.numel() for parameter in net.parameters())
          264837
"""

from dataclasses import dataclass

from torch import Tensor, nn

from kissipo.core.errors import ShapeError, TaskError
from kissipo.core.inferred_option import Candidate, DataFacts, InferredOption
from kissipo.core.schema import option
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.heads import head
from kissipo.process.layers.norm import BatchNormOverTime
from kissipo.process.layers.residual import Residual
from kissipo.process.nets._series_candidates import is_signal

DEFAULT_SPECS = (
    (TensorSpec("signal", ("time", "feature"), (128, 1)),),
    (TensorSpec("class", ("class",), (5,)),),
)


@dataclass(frozen=True)
class Options:
    """The options of the convolutional net over time."""

    filters: tuple[int, ...] = option(
        (32, 64, 32), "number of filters of each convolution, or of each block", minimum=1
    )
    kernel_sizes: tuple[int, ...] = option(
        (7, 5, 3),
        "length of the filters of each convolution; with residual: of the three of each block",
        minimum=1,
    )
    residual: bool = option(False, "blocks of three convolutions whose input is added")
    dropout: float = option(0.0, "dropout rate before the output", minimum=0, below=1)


def candidates(facts: DataFacts) -> tuple[Candidate, ...]:
    """Returns convolutions for signals, and blocks of them whose input is added."""
    if not is_signal(facts):
        return ()
    plain = (InferredOption("process.net", "signal_cnn"), *suggested_options(facts))
    blocks = (
        InferredOption("process.residual", True),
        InferredOption("process.filters", [16, 32, 32]),
    )
    return (
        Candidate("convolutions over the signal", plain),
        Candidate("residual convolutions over the signal", (*plain, *blocks)),
    )


def suggested_options(facts: DataFacts) -> tuple[InferredOption, ...]:
    """Returns the training of small sets."""
    return (
        InferredOption("process.optimizer", "adamw"),
        InferredOption("process.learning_rate", 3e-3),
        InferredOption("process.schedule", "cosine"),
    )


def build(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
) -> nn.Module:
    """Builds the net for these inputs and outputs."""
    steps, features = _signal(inputs)
    first = [nn.Unflatten(1, (steps, features))] if len(inputs[0].shape) == 1 else []
    last = head(options.filters[-1], outputs)
    return nn.Sequential(*first, *_convolutions(features, options), last)


def _signal(inputs: tuple[TensorSpec, ...]) -> tuple[int, int]:
    """Returns the number of steps and of features of the one signal."""
    spec = inputs[0]
    if len(inputs) == 1 and not spec.vocab_size and not spec.padded:
        if spec.axes in (("time", "feature"), ("time", "variable")):
            return spec.shape[0], spec.shape[1]
        if spec.axes == ("feature",):
            return spec.shape[0], 1
    described = " and ".join(f"'{spec.name}' {spec.describe()}" for spec in inputs)
    raise ShapeError(
        "process step 'signal_cnn' takes one signal of a fixed length (batch, time, feature)",
        got=f"input step {described}",
        do="Use process.net=recurrent for sequences of different lengths, or process.net=ffn",
    )


def _convolutions(features: int, options: Options) -> list[nn.Module]:
    """Returns the layers from (batch, time, feature) to (batch, filter)."""
    kernels = options.kernel_sizes
    if not options.residual and len(kernels) != len(options.filters):
        raise TaskError(
            "process.kernel_sizes needs one length per number in process.filters",
            got=f"{len(kernels)} and {len(options.filters)}",
            do="Write as many of both, such as process.filters=[32,64] process.kernel_sizes=[7,5]",
        )
    layers: list[nn.Module] = [TimeLast()]
    for number, filters in enumerate(options.filters):
        if options.residual:
            layers.append(_block(features, filters, kernels))
        else:
            layers += [*_layer(features, filters, kernels[number]), nn.ReLU()]
        features = filters
    layers += [nn.AdaptiveAvgPool1d(1), nn.Flatten()]
    return [*layers, nn.Dropout(options.dropout)] if options.dropout else layers


def _layer(channels: int, filters: int, kernel: int) -> list[nn.Module]:
    return [
        nn.Conv1d(channels, filters, kernel, padding="same", bias=False),
        BatchNormOverTime(filters),
    ]


def _block(channels: int, filters: int, kernels: tuple[int, ...]) -> Residual:
    """Returns convolutions whose input is added, by a convolution of length 1."""
    layers: list[nn.Module] = []
    for number, kernel in enumerate(kernels):
        layers += [nn.ReLU()] if number else []
        layers += _layer(filters if number else channels, filters, kernel)
    shortcut = (
        nn.Identity() if channels == filters else nn.Sequential(*_layer(channels, filters, 1))
    )
    return Residual(nn.Sequential(*layers), shortcut)


class TimeLast(nn.Module):
    """A layer that moves the axis of time to the end, as convolutions need it."""

    DESCRIPTION = "time is the last axis"

    def forward(self, x: Tensor) -> Tensor:
        return x.transpose(1, 2)

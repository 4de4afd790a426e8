"""Feed-forward net: linear layers with an activation and dropout after each (S02).

h_1 = f(W_1 x + b_1)   ...   h_k = f(W_k h_{k-1} + b_k)      y = W h_k + b
With `wide`: y = W h_k + b + V x; for a forecast V x is a linear autoregression of each
variable

Shapes:   any inputs -> (batch, feature), flattened -> (batch, unit) ...
          -> one row per output
Choices:  relu; the initialization of torch.nn.Linear (uniform in 1/sqrt(inputs)).
Source:   Rumelhart, Hinton and Williams 1986; dropout Srivastava et al. 2014.
Example:  >>> from kissipo.core.tensor_spec import TensorSpec
          >>> x = TensorSpec("x", ("feature",), (64,))
          >>> y = TensorSpec("y", ("class",), (10,))
          >>> net = build((x,), (y,), Options(units=(128,), dropout=0.2))
          >>> sum(parameter.numel() for parameter in net.parameters())
          9610
"""

from dataclasses import dataclass
from typing import Literal

from torch import nn

from kissipo.core.inferred_option import Candidate, DataFacts, InferredOption, candidate
from kissipo.core.schema import Range, Values, option
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.activation import Activation, activation
from kissipo.process.layers.concat_features import ConcatFeatures
from kissipo.process.layers.heads import head
from kissipo.process.layers.number_embedding import NumberEmbedding
from kissipo.process.layers.series_wrapper import (
    SeriesWords,
    beside_autoregression,
    is_forecast,
    on_series,
    required_options,
)
from kissipo.process.layers.stack import stack
from kissipo.process.layers.wide import WideAndDeep, WideInputs
from kissipo.process.nets._image_candidates import image_ffn_candidates
from kissipo.process.nets._series_candidates import ffn_candidates
from kissipo.process.nets._text_candidates import text_candidates, text_sizes

__all__ = ["ALGORITHMS", "Options", "build", "candidates", "required_options", "suggested_options"]
ALGORITHMS = ("supervised", "dqn")
_MAX_WIDE_FEATURES = 2_000
_MANY_SAMPLES = 500  # of a table, from which embeddings of numbers are tried


@dataclass(frozen=True)
class Options(SeriesWords):
    """The options of the feed-forward net."""

    units: tuple[int, ...] = option(
        (128,),
        "number of units of each hidden layer",
        minimum=1,
        search=Values(((32,), (64,), (128,), (256,), (64, 64), (128, 128))),
    )
    activation: Activation = option("relu", "activation of each hidden layer")
    dropout: float = option(
        0.0, "dropout rate of the hidden layers", minimum=0, below=1, search=Range(0.0, 0.5)
    )
    bias: bool = option(True, "bias in every layer")
    wide: bool | None = option(
        None, "a linear path beside the hidden layers (wide and deep); for a single output only"
    )
    image_features: Literal["values", "statistics"] = option(
        "values", "what is read of an image: its pixels, or statistics of brightness and edges"
    )
    embedding_dim: int | None = option(
        None,
        "size of each embedding of categories or tokens",
        minimum=1,
        search=Values((4, 8, 16, 32)),
    )
    number_embedding: NumberEmbedding | None = option(
        None, "embedding of each column of numbers of a table"
    )


def suggested_options(facts: DataFacts) -> tuple[InferredOption, ...]:
    """Returns the sizes for a forecast, or for a table."""
    if facts.forecasts:
        return (
            InferredOption("process.units", [64, 64]),
            InferredOption("process.dropout", 0.1),
            InferredOption("process.epochs", 100),
            *beside_autoregression(facts),
        )
    if any(spec.is_weighted_bag for spec in facts.inputs):
        return text_sizes(facts)
    options = [
        InferredOption("process.units", [64, 64]),
        InferredOption("process.dropout", 0.2),
        InferredOption("process.optimizer", "adamw"),
        InferredOption("process.schedule", "cosine"),
    ]
    if any(spec.unit for spec in facts.inputs):
        reason = "the mean of the embeddings of its tokens represents a text"
        options.append(InferredOption("process.embedding_dim", 32, reason))
    one_answer = len(facts.outputs) == 1 and len(facts.outputs[0].shape) == 1
    are_features = all(spec.axes == ("feature",) for spec in facts.inputs)
    features = sum(spec.size for spec in facts.inputs)
    if one_answer and are_features and features <= _MAX_WIDE_FEATURES:
        reason = "a linear path beside the hidden layers, which model only what is not linear"
        options.append(InferredOption("process.wide", True, reason))
        options += [InferredOption("process.init", "linear")] * facts.suits_regression
    return tuple(options)


def candidates(facts: DataFacts) -> tuple[Candidate, ...]:
    """Returns the options for tables, texts, forecasts, signals and images."""
    if facts.is_table:
        return table_candidates(facts)
    return (*text_candidates(facts), *ffn_candidates(facts), *image_ffn_candidates(facts))


def table_candidates(facts: DataFacts) -> tuple[Candidate, ...]:
    """Returns larger nets for a table: one with much dropout, one that is deeper, and
    from 500 samples on the deeper one with embeddings of numbers.

    Measured on tables of `benchmarks/defaults.py`: the first has the lowest log loss on
    small ones, the second the lowest error where columns act together. On synthetic
    tables the third has half the error where the answer jumps, or rises and falls, with
    a column. Where it is smooth, its error is 2 to 23 % higher.
    """
    deep = {"units": [256, 256, 256], "dropout": 0.1, "activation": "silu"}
    sizes: dict[str, dict[str, object]] = {
        "ffn with much dropout": {"units": [256, 256], "dropout": 0.4},
        "deep ffn": deep,
    }
    has_numbers = any(spec.axes == ("feature",) and not spec.vocab_size for spec in facts.inputs)
    if has_numbers and facts.samples >= _MANY_SAMPLES:
        sizes["deep ffn on embeddings of numbers"] = {**deep, "number_embedding": "periodic"}
    training = {"optimizer": "adamw", "schedule": "cosine"}
    return tuple(
        candidate(title, {"net": "ffn", **options, **training}) for title, options in sizes.items()
    )


def build(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
) -> nn.Module:
    """Builds the net for these inputs and outputs."""
    is_wide = bool(options.wide) and is_forecast(inputs, outputs)
    return on_series(
        lambda inputs, outputs: _plain(inputs, outputs, options),
        inputs,
        outputs,
        options,
        wide=is_wide,
    )


def _plain(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
) -> nn.Module:
    join = ConcatFeatures(
        inputs,
        embed=options.embedding_dim,
        statistics=options.image_features == "statistics",
        numbers=options.number_embedding,
    )
    reads_terms = any(spec.is_weighted_bag for spec in inputs)
    layers: list[nn.Module] = []
    width = join.width
    for units in options.units:
        layers += [nn.Linear(width, units, bias=options.bias), activation(options.activation)]
        layers += [nn.Dropout(options.dropout)] if options.dropout else []
        width = units
    last = head(width, outputs, bias=options.bias)
    if options.wide and isinstance(last, nn.Linear) and reads_terms:
        from kissipo.process.nets._wide_inputs import WideAndDeepTexts  # for texts only

        wide = WideInputs(inputs, last.out_features)
        return WideAndDeepTexts(wide, join, nn.Sequential(*layers), last)
    if options.wide and isinstance(last, nn.Linear) and layers:
        return stack(join, WideAndDeep(nn.Sequential(*layers), last, join.width))
    return stack(join, *layers, last)

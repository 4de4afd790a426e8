"""Linear net: one weight per feature and output; logistic regression for a category.

y = W x + b

Shapes:   any inputs -> (batch, feature), flattened -> one row per output
Source:   Legendre 1805 (least squares); Rosenblatt 1958 (perceptron, trained in steps).
Example:  >>> from kissipo.core.tensor_spec import TensorSpec
          >>> x = TensorSpec("x", ("feature",), (2,))
          >>> y = TensorSpec("y", ("answer",), (1,))
          >>> build((x,), (y,), Options(bias=False))
          Sequential(
            (0): Flatten(start_dim=1, end_dim=-1)
            (1): Linear(in_features=2, out_features=1, bias=False)
          )
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import nn

from kissipo.core.description import Detail, Line, Section, Table
from kissipo.core.schema import option
from kissipo.core.tensor_spec import TensorSpec
from kissipo.core.text import list_some
from kissipo.process.layers.concat_features import ConcatFeatures
from kissipo.process.layers.heads import head
from kissipo.process.layers.series_wrapper import (
    SeriesWords,
    TensorSpecs,
    on_series,
    required_options,
)
from kissipo.process.layers.stack import stack

__all__ = ["Options", "build", "details", "required_options"]
_MAX_PRINTED, _MAX_ROWS = 12, 40


@dataclass(frozen=True)
class Options(SeriesWords):
    """The options of the linear net."""

    bias: bool = option(True, "bias (intercept)")
    embedding_dim: int | None = option(None, "size of each embedding of categories", minimum=1)


def details(net: nn.Module, labels: Sequence[str]) -> dict[str, Detail]:
    """Returns the weights by feature, where there are one layer and one output."""
    layers = [layer for layer in net.modules() if isinstance(layer, nn.Linear)]
    if len(layers) != 1 or layers[0].weight.shape != (1, len(labels)):
        return {}
    weight, bias = layers[0].weight.detach()[0], layers[0].bias
    named = {name: float(value) for name, value in zip(labels, weight, strict=True)}
    constant = {} if bias is None else {"(constant)": bias.item()}
    return {"weights": _describe_weights({**named, **constant})}


def build(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
) -> nn.Module:
    """Builds the net for these inputs and outputs."""

    def plain(inputs: TensorSpecs, outputs: TensorSpecs) -> nn.Module:
        join = ConcatFeatures(inputs, embed=options.embedding_dim)
        return stack(join, head(join.width, outputs, bias=options.bias))

    return on_series(plain, inputs, outputs, options)


def _describe_weights(weights: Mapping[str, float]) -> Detail:
    """Returns the weights by feature, the largest first where there are many."""
    ordered = sorted(weights.items(), key=lambda pair: -abs(pair[1]))
    pairs = weights.items() if len(weights) <= _MAX_PRINTED else ordered
    printed = list_some([f"{name} = {value:.4g}" for name, value in pairs], _MAX_PRINTED)
    rows = [[name, f"{value:.6g}"] for name, value in ordered[:_MAX_ROWS]]
    return Detail(
        dict(weights),
        summary=[Line(f"Weights: {printed}")],
        sections=[Section("Weights", [Table(["feature", "weight"], rows, numbers=[1])])],
    )

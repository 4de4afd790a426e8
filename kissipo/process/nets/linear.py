"""Linear net: one weight per feature and output; logistic regression for a category.

y = W x + b

Shapes:   any inputs -> (batch, feature), flattened -> one row per output
Source:   Legendre 1805 (least squares); Rosenblatt 1958 (perceptron, trained in steps).
Example:  >>> from kissipo.core.tensor_spec import TensorSpec
          >>> x = TensorSpec("x", ("feature",), (2,))
          >>> y = TensorSpec("y", ("answer",), (1,))
          >>> build((x,), (y,), Options(bias=False))
          LinearSequential(
            (0): Flatten(start_dim=1, end_dim=-1)
            (1): Linear(in_features=2, out_features=1, bias=False)
          )
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from kissipo.core.batch import Batch, joined_weights
from kissipo.core.description import Detail, Line, Section, Table
from kissipo.core.errors import TaskError
from kissipo.core.inferred_option import Candidate, DataFacts, candidate
from kissipo.core.schema import Values, option
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
from kissipo.process.layers.stack import Joined
from kissipo.process.linear_init import solve
from kissipo.process.nets._image_candidates import image_linear_candidates
from kissipo.process.nets._linear_sections import (
    classes_section,
    example_section,
    feature_names,
    is_plain_text,
    text_section,
)
from kissipo.process.nets._text_candidates import linear_candidates
from kissipo.process.nets._wide_inputs import LinearInputs

__all__ = [
    "ALGORITHMS",
    "TAKES_SAMPLE_WEIGHTS",
    "Options",
    "build",
    "candidates",
    "details",
    "required_options",
]
ALGORITHMS = ("supervised", "closed_form")
TAKES_SAMPLE_WEIGHTS = True
_MAX_PRINTED, _MAX_ROWS = 12, 40
_PASSES, _FIXED = 400, 80_000_000  # of the solution, in multiplications


@dataclass(frozen=True)
class Options(SeriesWords):
    """The options of the linear net."""

    bias: bool = option(True, "bias (intercept)")
    image_features: Literal["values", "statistics"] = option(
        "values", "what is read of an image: its pixels, or statistics of brightness and edges"
    )
    embedding_dim: int | None = option(
        None,
        "size of each embedding of categories",
        minimum=1,
        search=Values((4, 8, 16, 32)),
    )


def candidates(facts: DataFacts) -> tuple[Candidate, ...]:
    """Returns the solved model of a table, of n-grams of texts, or of pixels."""
    if not facts.is_table:
        return (*linear_candidates(facts), *image_linear_candidates(facts))
    return (candidate("linear", {"net": "linear", "algorithm": "closed_form"}),)


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
        if any(spec.is_weighted_bag for spec in inputs) and len(outputs) == 1:
            if not options.bias:
                raise _needs_bias("a linear net on n-grams has a bias")
            return LinearInputs(inputs, outputs[0].size)
        join = ConcatFeatures(
            inputs, embed=options.embedding_dim, statistics=options.image_features == "statistics"
        )
        last = head(join.width, outputs, bias=options.bias)
        if len(join.branches) == 1:
            return LinearSequential(join.branches[0], last)
        return LinearJoined(join, last)

    return on_series(plain, inputs, outputs, options)


class DescribesFeatures:
    """Describes the weights of named features, where there is one output layer."""

    def last(self) -> object:
        """Returns the layer of the output."""
        raise NotImplementedError

    def features(self, samples: tuple[Tensor, ...]) -> Tensor:
        """Returns the features (batch, feature) of samples."""
        raise NotImplementedError

    def solve(self, samples: Iterable[Batch], seed: int) -> str:
        """Sets the weights of logistic or ridge regression on all samples.

        Raises:   TaskError for several outputs, and where features are learned, too;
                  without a bias, which the solution has.
        """
        layer = self.last()
        assert isinstance(self, nn.Module)
        count = sum(weight.numel() for weight in self.parameters())
        if not isinstance(layer, nn.Linear) or count > layer.weight.numel() + _biases(layer):
            raise TaskError(
                "process.algorithm=closed_form solves one output of a linear net on numbers",
                got="several outputs, or embeddings, which are learned step by step",
                do="Leave process.algorithm out",
            )
        if layer.bias is None:
            raise _needs_bias("process.algorithm=closed_form solves a linear net with a bias")
        batches = list(samples)
        features = torch.cat([self.features(batch.inputs) for batch in batches]).numpy()
        targets = torch.cat([batch.targets[0] for batch in batches])
        weights = joined_weights(batches)
        sample_weight = None if weights is None else weights.numpy()
        solution = solve(features, targets, layer.out_features, sample_weight)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(solution.weight))
            layer.bias.copy_(torch.from_numpy(solution.bias))
        return f"solved by {solution.description}"

    def solution_multiplications(self, samples: int) -> int:
        """Returns the cost of the regression: of some hundred passes over all samples,
        and of the products of all pairs of features."""
        layer = self.last()
        if not isinstance(layer, nn.Linear):
            return 0
        features = layer.in_features
        passes = _PASSES * layer.out_features + features
        return _FIXED + samples * features * passes

    def describe_example(
        self,
        samples: tuple[Tensor, ...],
        inputs: Sequence[TensorSpec],
        outputs: Sequence[TensorSpec],
        tokens: Sequence[Sequence[str]],
    ) -> list[Section]:
        """Returns what the features of a sample add to the output.

        Of several classes, it is the most probable one, compared with the second.
        """
        names, layer = feature_names(inputs), self.last()
        if not names or not isinstance(layer, nn.Linear) or not outputs[0].labels:
            return []
        values, labels = self.features(samples)[0].detach(), outputs[0].labels
        weight, answer = layer.weight[0].detach(), labels[0]
        bias = 0.0 if layer.bias is None else float(layer.bias[0])
        if len(labels) > 1:
            first, second = layer(values).topk(2).indices.tolist()
            weight = (layer.weight[first] - layer.weight[second]).detach()
            answer = f"{labels[first]} rather than {labels[second]}"
            bias = 0.0 if layer.bias is None else float(layer.bias[first] - layer.bias[second])
        added = (weight * values).tolist()
        sections, start = [example_section(added, values.tolist(), bias, names, answer)], 0
        for spec, read in zip(inputs, tokens, strict=True):
            own = weight[start : start + spec.size]
            start += spec.size
            if is_plain_text(read, spec):
                sections.append(text_section(own.tolist(), read, spec, answer))
        return sections

    def describe_samples(
        self,
        batches: Iterable[tuple[Tensor, ...]],
        inputs: Sequence[TensorSpec],
        outputs: Sequence[TensorSpec],
    ) -> list[Section]:
        """Returns the features that speak for each class, and against it."""
        names, layer = feature_names(inputs), self.last()
        if not names or not isinstance(layer, nn.Linear) or outputs[0].axes != ("class",):
            return []
        return [classes_section(layer.weight.detach(), names, outputs[0].labels)]


class LinearSequential(DescribesFeatures, nn.Sequential):
    """One input, flattened or looked up, and the linear layer of the output."""

    def last(self) -> object:
        return self[1]

    def features(self, samples: tuple[Tensor, ...]) -> Tensor:
        features: Tensor = self[0](*samples)
        return features


class LinearJoined(DescribesFeatures, Joined):
    """Several inputs, concatenated, and the linear layer of the output."""

    def last(self) -> object:
        return self.body

    def features(self, samples: tuple[Tensor, ...]) -> Tensor:
        features: Tensor = self.join(*samples)
        return features


def _needs_bias(problem: str) -> TaskError:
    return TaskError(problem, got="process.bias=false", do="Leave process.bias out")


def _biases(layer: nn.Linear) -> int:
    return 0 if layer.bias is None else layer.bias.numel()


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

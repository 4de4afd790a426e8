"""Nets with a linear path that reads the terms of texts, and what this path says.

What a term adds to an output is its weight in the text times its weight in the net. All
of them together with the bias are the output of the linear path.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Sized

import torch
from torch import Tensor, nn

from kissipo.core.batch import Batch
from kissipo.core.description import Section
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.sparse_linear import SparseLinear
from kissipo.process.layers.wide import WideAndDeepInputs, WideInputs
from kissipo.process.linear_init import rows_read, solve_inputs
from kissipo.process.nets._linear_sections import classes_section, example_section


class LinearInputs(WideInputs):
    """A linear layer per input, which can be solved."""

    def solve(self, samples: Iterable[Batch], seed: int) -> str:
        """Sets the weights of logistic or ridge regression on all samples."""
        solution = solve_inputs(self, samples)
        count = len(samples) if isinstance(samples, Sized) else solution.samples
        return f"solved by {solution.description}{rows_read(solution.samples, count)}"

    def describe_example(
        self,
        samples: tuple[Tensor, ...],
        inputs: Sequence[TensorSpec],
        outputs: Sequence[TensorSpec],
        tokens: Sequence[Sequence[str]],
    ) -> list[Section]:
        """Returns what the terms of a sample add to the output."""
        return terms_section(self, samples, inputs, outputs)

    def describe_samples(
        self,
        batches: Iterable[tuple[Tensor, ...]],
        inputs: Sequence[TensorSpec],
        outputs: Sequence[TensorSpec],
    ) -> list[Section]:
        """Returns the terms that speak for each class, and against it."""
        return weights_section(self, inputs, outputs)


class WideAndDeepTexts(WideAndDeepInputs):
    """A linear and a deep path, of which the linear one is described."""

    def describe_example(
        self,
        samples: tuple[Tensor, ...],
        inputs: Sequence[TensorSpec],
        outputs: Sequence[TensorSpec],
        tokens: Sequence[Sequence[str]],
    ) -> list[Section]:
        """Returns what the terms of a sample add to the linear path."""
        deep = self.head(self.deep(self.join(*samples)))[0].detach()
        return terms_section(self.wide, samples, inputs, outputs, deep=deep)

    def describe_samples(
        self,
        batches: Iterable[tuple[Tensor, ...]],
        inputs: Sequence[TensorSpec],
        outputs: Sequence[TensorSpec],
    ) -> list[Section]:
        """Returns the terms that speak for each class on the linear path."""
        return weights_section(self.wide, inputs, outputs)


def weights_section(
    wide: WideInputs, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]
) -> list[Section]:
    """Returns the features that speak for each class, and against it."""
    names = _names(wide, inputs)
    if not names or outputs[0].axes != ("class",) or not outputs[0].labels:
        return []
    weights = torch.cat(list(wide.weights())).detach().T
    return [classes_section(weights, names, outputs[0].labels)]


def terms_section(
    wide: WideInputs,
    samples: tuple[Tensor, ...],
    inputs: Sequence[TensorSpec],
    outputs: Sequence[TensorSpec],
    *,
    deep: Tensor | None = None,
) -> list[Section]:
    """Returns what the features of a sample add to the output.

    Of several classes, it is the most probable one, compared with the second.

    deep:  the outputs of the deep path, which are added
    """
    names, labels = _names(wide, inputs), outputs[0].labels
    if not names or not labels:
        return []
    output = wide(*samples)[0].detach() if deep is None else wide(*samples)[0].detach() + deep
    first, answer = 0, labels[0]
    second: int | None = None
    if len(labels) > 1:
        first, second = output.topk(2).indices.tolist()
        answer = f"{labels[first]} rather than {labels[second]}"

    def compared(rows: Tensor) -> Tensor:
        return rows[..., first] if second is None else rows[..., first] - rows[..., second]

    added: list[float] = []
    values: list[float] = []
    rows: list[str] = []
    start = 0
    for place, layer, weights in zip(wide.places, wide.layers, wide.weights(), strict=True):
        ids, own = _occurring(layer, samples[place])
        added += (compared(weights.detach()[ids]) * own).tolist()
        values += own.tolist()
        rows += [names[start + number] for number in ids.tolist()]
        start += len(weights)
    if deep is not None:
        rows.append("(the hidden layers)")
        values.append(1.0)
        added.append(float(compared(deep)))
    bias = float(compared(wide.bias.bias.detach()))
    return [example_section(added, values, bias, rows, answer)]


def _occurring(layer: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the numbers and the values of the features of the first sample that are
    not 0."""
    if isinstance(layer, SparseLinear):
        terms = x[0][x[0, :, 0] != 0]
        return terms[:, 0].long(), terms[:, 1]
    if isinstance(layer, nn.Embedding):
        return x[:1].long(), torch.ones(1)
    row = x[:1].flatten()
    return torch.arange(len(row)), row


def _names(wide: WideInputs, inputs: Sequence[TensorSpec]) -> tuple[str, ...]:
    """Returns the names of all features; none where an input has no named features."""
    names: list[str] = []
    for place in wide.places:
        spec = inputs[place]
        if len(spec.labels) != (spec.vocab_size or spec.size):
            return ()
        is_class = bool(spec.vocab_size) and not spec.axes
        names += [f"{spec.name}={name}" for name in spec.labels] if is_class else spec.labels
    return tuple(names)

"""Trees: what nets of decision trees share: their rows, their answers, their paths.

A net of trees reads all training samples as rows of numbers, lets scikit-learn grow the
trees, and keeps them as arrays. scikit-learn is not needed any more for predictions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kissipo.core.batch import Batch, joined_weights
from kissipo.core.description import Line, Section
from kissipo.core.errors import ShapeError, TaskError
from kissipo.core.inferred_option import DataFacts
from kissipo.core.numpy_array import NumpyArray
from kissipo.core.schema import option
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.log_odds import LogOdds, LogProbability
from kissipo.process.layers.number_row import NumberRow
from kissipo.process.layers.series_wrapper import target_columns
from kissipo.process.layers.subtract_last import RelativeToLastValue
from kissipo.process.layers.tree_ensemble import TreeEnsemble
from kissipo.process.nets._described_by_details import DescribedByDetails
from kissipo.process.nets._tree_sections import TreeNames, example_sections

Kind = Literal["class", "label", "number"]
_KINDS: dict[tuple[str, ...], Kind] = {
    ("class",): "class",
    ("label",): "label",
    ("answer",): "number",
    ("horizon", "variable"): "number",
}
_RELATIVE = Section(
    "Trees on changes",
    [
        Line(
            "The numbers below are differences from the last value, which is added to the forecast."
        )
    ],
)
_LOSSES = ("mean_squared_error", "sparse_categorical_cross_entropy", "binary_cross_entropy")


@dataclass(frozen=True, kw_only=True)
class TreeOptions:
    """The options of every net of trees."""

    max_depth: int | None = option(
        None, "maximum number of comparisons on a path; as many as needed when omitted", minimum=1
    )
    image_features: Literal["values", "statistics"] = option(
        "values", "what is read of an image: its pixels, or statistics of brightness and edges"
    )
    class_weights: Literal["balanced"] | None = option(
        None, "weights of the samples; balanced: inversely proportional to class frequencies"
    )
    subtract_last: bool | None = option(
        None,
        "time series: subtract the last value of the window from it, and add it to the forecast",
    )


@dataclass(frozen=True)
class TreeSamples:
    """The training samples of one output.

    rows:     (sample, feature)
    targets:  (sample) class numbers, or (sample, output) labels or numbers
    weights:  (sample); None where all are equal
    """

    rows: NumpyArray
    targets: NumpyArray
    weights: NDArray[np.float64] | None


class TreeNet(DescribedByDetails, nn.Module):
    """A net of trees: one ensemble per output.

    importances:  (output, feature) how much each number helped; they sum to 1
    """

    SHOWS_STEPS = True
    importances: Tensor

    def __init__(
        self,
        name: str,
        inputs: tuple[TensorSpec, ...],
        outputs: tuple[TensorSpec, ...],
        ensemble: Callable[[int, int], TreeEnsemble],
        *,
        dtype: torch.dtype,
        logits: bool,
        means: bool = False,
        statistics: bool = False,
    ) -> None:
        super().__init__()
        self.inputs, self.outputs = inputs, outputs
        self.kinds = [kind_of(name, spec) for spec in outputs]
        self.means = sum(spec.size for spec in outputs) if means else 0
        self.row = NumberRow(inputs, net=name, dtype=dtype, means=self.means, statistics=statistics)
        width = self.row.width
        self.trees = nn.ModuleList([ensemble(width, spec.size) for spec in outputs])
        self.heads = nn.ModuleList(
            [
                _head(kind, spec, logits=logits)
                for kind, spec in zip(self.kinds, outputs, strict=True)
            ]
        )
        self.register_buffer("importances", torch.zeros(len(outputs), width, dtype=torch.float64))

    @property
    def ensembles(self) -> list[TreeEnsemble]:
        """The trees of each output."""
        return [layer for layer in self.trees if isinstance(layer, TreeEnsemble)]

    @property
    def is_solved(self) -> bool:
        """Whether the trees were grown."""
        return all(bool(trees.is_grown) for trees in self.ensembles)

    @property
    def names(self) -> TreeNames:
        """The names and units of the numbers of a row."""
        return TreeNames.of(self.row.specs, self.outputs if self.means else ())

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        rows = self.row(*inputs)
        outputs = tuple(
            head(trees(rows)) for trees, head in zip(self.trees, self.heads, strict=True)
        )
        return outputs[0] if len(outputs) == 1 else outputs

    def grow(self, number: int, samples: TreeSamples, seed: int) -> str:
        """Grows the trees of one output; returns a remark, or none."""
        raise NotImplementedError

    def tree_multiplications(self, number: int, samples: int) -> int:
        """Returns what growing the trees of one output costs, in multiplications."""
        raise NotImplementedError

    def solution_multiplications(self, samples: int) -> int:
        """Returns what growing all trees costs, in multiplications."""
        return sum(self.tree_multiplications(place, samples) for place in range(len(self.kinds)))

    def solve(self, samples: Iterable[Batch], seed: int) -> str:
        """Grows the trees from all samples."""
        remarks = []
        rows, targets, weights = self._read(samples)
        for number, target in enumerate(targets):
            own = TreeSamples(rows, target, self._balanced(number, target, weights))
            remarks.append(self.grow(number, own, seed))
        leaves = sum(len(trees.values) for trees in self.ensembles)
        count = sum(len(trees.roots) for trees in self.ensembles)
        depth = max(trees.depth for trees in self.ensembles)
        return "; ".join([
            f"solved: {count:,} trees with {leaves:,} leaves, up to {depth} levels deep, from "
            f"{len(rows):,} samples",
            *dict.fromkeys(filter(None, remarks)),
        ])  # fmt: skip

    def _read(
        self, samples: Iterable[Batch]
    ) -> tuple[NumpyArray, list[NumpyArray], NDArray[np.float64] | None]:
        """Returns all rows, the targets of each output, and the weights."""
        batches = list(samples)
        parts = zip(*(batch.targets for batch in batches), strict=True)
        targets = [_joined(kind, some) for kind, some in zip(self.kinds, parts, strict=True)]
        weights = joined_weights(batches)
        with torch.no_grad():
            if self.means:
                columns = zip(targets, self.outputs, strict=True)
                all_targets = np.concatenate(
                    [_columns(target, spec) for target, spec in columns], axis=1
                )
                self.row.fit([batch.inputs for batch in batches], torch.from_numpy(all_targets))
            rows = torch.cat([self.row(*batch.inputs) for batch in batches])
        return rows.numpy(), targets, None if weights is None else weights.double().numpy()

    def _balanced(
        self, number: int, target: NumpyArray, weights: NDArray[np.float64] | None
    ) -> NDArray[np.float64] | None:
        """Returns the weights of the samples, with those of their classes."""
        if not self.balances or self.kinds[number] != "class":
            return weights
        sums = np.bincount(target, weights)
        by_class = sums.sum() / (np.count_nonzero(sums) * np.where(sums > 0, sums, 1))
        own: NDArray[np.float64] = by_class[target]
        return own if weights is None else own * weights

    balances = False

    def describe_example(
        self,
        samples: tuple[Tensor, ...],
        inputs: Sequence[TensorSpec],
        outputs: Sequence[TensorSpec],
        tokens: Sequence[Sequence[str]],
    ) -> Sequence[Section]:
        """Returns the paths of this sample, and how the trees add up to the answer."""
        if not self.is_solved:
            return []
        row = self.row(*samples)[0]
        return [
            section
            for trees, spec in zip(self.ensembles, self.outputs, strict=True)
            for section in example_sections(trees, row, self.names, spec)
        ]


class RelativeTrees(DescribedByDetails, RelativeToLastValue):
    """A net of trees on windows that are relative to their last value."""

    SHOWS_STEPS = True

    def __init__(self, net: TreeNet, answered: tuple[int, ...]) -> None:
        super().__init__(net, answered)
        self.net: TreeNet = net

    def solve(self, samples: Iterable[Batch], seed: int) -> str:
        """Grows the trees from relative windows and relative targets."""
        return self.net.solve(map(self._relative, samples), seed)

    def solution_multiplications(self, samples: int) -> int:
        """Returns what growing all trees costs, in multiplications."""
        return self.net.solution_multiplications(samples)

    def _relative(self, batch: Batch) -> Batch:
        window, *ahead = batch.inputs
        (target,) = batch.targets
        last = window[:, -1:, self.answered]
        return replace(batch, inputs=(self.subtract_last(window), *ahead), targets=(target - last,))

    def describe_example(
        self,
        samples: tuple[Tensor, ...],
        inputs: Sequence[TensorSpec],
        outputs: Sequence[TensorSpec],
        tokens: Sequence[Sequence[str]],
    ) -> Sequence[Section]:
        """Returns the paths of this window."""
        window, *ahead = samples
        relative = (self.subtract_last(window), *ahead)
        sections = self.net.describe_example(relative, inputs, outputs, tokens)
        return [*([_RELATIVE] if sections else []), *sections]


def on_windows(
    build: Callable[[tuple[TensorSpec, ...], tuple[TensorSpec, ...]], TreeNet],
    inputs: tuple[TensorSpec, ...],
    outputs: tuple[TensorSpec, ...],
    *,
    relative: bool,
) -> nn.Module:
    """Builds a net of trees; of windows relative to their last value, if asked for.

    Raises:   ShapeError where there is no window to subtract the last value from.
    """
    if not relative:
        return build(inputs, outputs)
    targets = target_columns(inputs, outputs, "subtract_last")
    (window, *ahead), (forecast,) = inputs, outputs
    net = build((_differences(window), *ahead), (_differences(forecast),))
    return RelativeTrees(net, targets)


def tree_net_in(net: nn.Module) -> TreeNet | None:
    """Returns the net of trees in a net, if there is one."""
    return next((layer for layer in net.modules() if isinstance(layer, TreeNet)), None)


def kind_of(name: str, spec: TensorSpec) -> Kind:
    """Returns what the trees predict for an output.

    Raises:   ShapeError for an output that is neither classes nor numbers.
    """
    if spec.axes not in _KINDS or not spec.size:
        raise ShapeError(
            f"process step '{name}' predicts categories, labels, numbers and forecasts",
            got=f"the output {spec.describe()}",
            do="Leave process.net out, and kissipo chooses one",
        )
    return _KINDS[spec.axes]


def refuse_losses(name: str, facts: DataFacts) -> None:
    """Refuses an answer whose outputs are neither logits nor numbers.

    Raises:   TaskError with the answer.
    """
    for answer, loss in zip(facts.answers, facts.losses, strict=True):
        if loss not in _LOSSES:
            raise TaskError(
                f"process.net={name} does not suit the answer {answer}, whose loss is {loss}",
                do="Leave process.net out, and kissipo chooses one",
            )


def _head(kind: Kind, spec: TensorSpec, *, logits: bool) -> nn.Module:
    """Returns what turns the output of the trees into that of the net.

    logits:  whether the trees of classes give logits; else probabilities
    """
    if kind == "number":
        return nn.Identity() if len(spec.shape) == 1 else nn.Unflatten(1, spec.shape)
    if logits:
        return nn.Identity()
    return LogOdds() if kind == "label" or spec.size == 1 else LogProbability()


def _joined(kind: Kind, parts: Sequence[Tensor]) -> NumpyArray:
    """Returns the targets of all batches, as `TreeSamples` has them."""
    whole = torch.cat(list(parts))
    array: NumpyArray = (
        whole.reshape(-1).long() if kind == "class" else whole.flatten(1).double()
    ).numpy()
    return array


def _columns(targets: NumpyArray, spec: TensorSpec) -> NDArray[np.float64]:
    """Returns the targets with a column per output: of classes 0 or 1."""
    if targets.ndim > 1:
        return targets
    shares: NDArray[np.float64] = np.eye(max(2, spec.size))[targets]
    return shares[:, 1:] if spec.size == 1 else shares


def _differences(spec: TensorSpec) -> TensorSpec:
    """Returns the spec of differences, whose center is 0."""
    return replace(spec, scales=tuple((0.0, spread) for _, spread in spec.scales))


def leaf_budget(outputs: Iterable[TensorSpec], max_bytes: int) -> int:
    """Returns how many leaves fit into so many bytes.

    A leaf has a number per output, and about two nodes of 21 bytes.

    Example:  >>> leaf_budget([TensorSpec("y", ("class",), (10,))], 1_220)
              10
    """
    return max(1, max_bytes // (42 + 8 * max(spec.size for spec in outputs)))

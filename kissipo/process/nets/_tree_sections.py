"""What nets of trees show: the importance of each column, and the path of a sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from kissipo.core.description import Bars, Detail, Line, Record, Section, Table
from kissipo.core.finding import counted
from kissipo.core.tensor_spec import TensorSpec
from kissipo.core.text import format_value
from kissipo.process.layers.number_row import width_of
from kissipo.process.layers.tree_ensemble import PathStep, SumOfTrees, TreeEnsemble
from kissipo.process.nets._maps import feature_names

_PATHS, _OUTPUTS, _LEAF_VALUES = 3, 6, 3
_LISTED, _SAVED = 20, 100
_SUMS = (1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000)
_DIGITS = 6


@dataclass(frozen=True)
class TreeNames:
    """The names and units of the numbers of a row.

    scales:   center and spread of each number
    words:    the number that is an id -> the names of its ids, if they have any
    """

    names: tuple[str, ...]
    scales: tuple[tuple[float, float], ...]
    words: dict[int, tuple[str, ...]]

    @classmethod
    def of(cls, inputs: Sequence[TensorSpec], means: Sequence[TensorSpec] = ()) -> Self:
        """Returns the names for the inputs of a net.

        means:  the outputs of which an id becomes the means
        """
        names: list[str] = []
        scales: list[tuple[float, float]] = []
        words: dict[int, tuple[str, ...]] = {}
        for spec in inputs:
            if spec.vocab_size and means:
                for output in means:
                    names += [f"{spec.name}: mean of {name}" for name in _output_names(output)]
                    places = range(output.size)
                    scales += [_scale(output, place) for place in places]
                continue
            if spec.vocab_size:
                words[len(names)] = spec.labels
            width = width_of(spec)
            names += _names(spec, width)
            columns = spec.shape[-1] if spec.scales else 1
            scales += [spec.scale_of(place % columns) for place in range(width)]
        return cls(tuple(names), tuple(scales), words)

    def show(self, feature: int, value: float) -> str:
        """Returns a number of the row in the unit of the data, or the name of an id."""
        words = None if np.isnan(value) else self.words.get(feature)
        if words is not None:
            return words[int(value)] if words else f"id {int(value)}"
        return "missing" if np.isnan(value) else self.show_number(feature, value)

    def show_number(self, feature: int, value: float) -> str:
        """Returns a number of the row in the unit of the data."""
        center, spread = self.scales[feature]
        return format_value(value * spread + center, digits=_DIGITS)


def _names(spec: TensorSpec, width: int) -> Sequence[str]:
    """Returns a name for each number of an input, such as `sales(t-2)`."""
    if width == 1 and not spec.axes:
        return [spec.name]
    columns = spec.labels or tuple(f"{spec.name} {place + 1}" for place in range(spec.shape[-1]))
    if spec.axes == ("time", "variable"):
        lags = ["t" if not lag else f"t-{lag}" for lag in reversed(range(spec.shape[0]))]
        return [f"{column}({lag})" for lag in lags for column in columns]
    if spec.axes == ("ahead", "feature"):
        steps = range(1, spec.shape[0] + 1)
        return [f"{column}(t+{step})" for step in steps for column in columns]
    return columns if len(columns) == width else feature_names([spec])


def solution_detail(
    ensembles: Sequence[TreeEnsemble], importances: Tensor, names: TreeNames, how: str
) -> Detail:
    """Returns the size of the trees, and the importance of each column.

    how:  how the importance is computed, in a sentence
    """
    trees = sum(len(ensemble.roots) for ensemble in ensembles)
    leaves = sum(len(ensemble.values) for ensemble in ensembles)
    depth = max(ensemble.depth for ensemble in ensembles)
    shares = importances.mean(dim=0).numpy()
    order = np.argsort(-shares, kind="stable")
    named = {names.names[place]: float(shares[place]) for place in order.tolist()}
    top = {name: share for name, share in list(named.items())[:_LISTED] if share > 0}
    sentence = f"{trees:,} trees with {leaves:,} leaves; the deepest has {counted(depth, 'level')}."
    if top:
        first = list(top.items())[:3]
        sentence += " Most important: " + ", ".join(f"{name} {share:.1%}" for name, share in first)
        sentence += "."
    value = {
        "trees": trees,
        "leaves": leaves,
        "depth": depth,
        "importance": dict(list(named.items())[:_SAVED]),
    }
    note = f"the first {len(top)} of {len(shares):,}" if len(top) < len(shares) else ""
    sections = [Section("Trees", [Line(sentence)])]
    if top:
        bars: list[Record] = [Bars(top, next(iter(top))), Line(how, "dim")]
        sections.append(Section("Importance of the columns", bars, note))
    return Detail(value, summary=[Line(sentence)], sections=sections)


def example_sections(
    ensemble: TreeEnsemble, row: Tensor, names: TreeNames, spec: TensorSpec
) -> list[Section]:
    """Returns the paths of a row through the first trees, and how the trees add up."""
    count = min(_PATHS, len(ensemble.roots))
    paths = [_path_section(tree, ensemble, row, names, spec) for tree in range(count)]
    note = f"the first {count} of {len(ensemble.roots):,} trees"
    title = f"Paths through the trees: {spec.name}"
    if isinstance(ensemble, SumOfTrees):
        total = Section("Sum of the trees", [_sums(ensemble, row, spec)])
    else:
        total = Section("Mean of the trees", [_votes(ensemble, row, spec)])
    return [Section(title, paths, note), total]


def _path_section(
    tree: int, ensemble: TreeEnsemble, row: Tensor, names: TreeNames, spec: TensorSpec
) -> Section:
    """Returns the comparisons of one tree, and what its leaf says."""
    steps, leaf = ensemble.path(row, tree)
    values = ensemble.values[leaf].tolist()
    if isinstance(ensemble, SumOfTrees):
        output = int(ensemble.column[tree])
        added = values[0] * (_scale(spec, output)[1] if _is_number(spec) else 1.0)
        text = f"The leaf adds {_short(added)} to {_output_names(spec)[output]}."
    else:
        says = _in_units(values, spec)
        order = range(len(says)) if _is_number(spec) else np.argsort(-np.array(says)).tolist()
        listed = [f"{_output_names(spec)[place]} {_short(says[place])}" for place in order]
        more = ", ..." if len(listed) > _LEAF_VALUES else ""
        text = f"The leaf says: {', '.join(listed[:_LEAF_VALUES])}{more}."
    rows = [_comparison(step, float(row[step.feature]), ensemble, names) for step in steps]
    titles = ["column", "of this sample", "", "threshold", "goes"]
    table = [Table(titles, rows, numbers=(1, 3))] if rows else []
    return Section(f"Tree {tree + 1}", [*table, Line(text)])


def _comparison(
    step: PathStep, value: float, ensemble: TreeEnsemble, names: TreeNames
) -> list[str]:
    """Returns the cells of one comparison, such as alcohol, 12.8, >, 12.2, right."""
    side = "left" if step.goes_left else "right"
    name, cell = names.names[step.feature], names.show(step.feature, value)
    if step.category_set >= 0:
        size = int(ensemble.categories[step.category_set].sum())
        return [name, cell, "in" if step.goes_left else "not in", f"{size} categories", side]
    threshold = names.show_number(step.feature, step.threshold)
    sign = "<=" if step.goes_left else ">"
    return [name, cell, "" if np.isnan(value) else sign, threshold, side]


def _votes(ensemble: TreeEnsemble, row: Tensor, spec: TensorSpec) -> Table:
    """Returns how the trees of a forest vote, and their mean."""
    values = ensemble.values[ensemble.leaves(row[None])[0]].numpy()
    names = _output_names(spec)
    if _is_number(spec):
        units = np.array([_in_units(tree, spec) for tree in values.tolist()])
        rows = [
            [
                names[place],
                *(
                    _short(float(function(units[:, place])))
                    for function in (np.mean, np.std, np.min, np.max)
                ),
            ]
            for place in range(min(_OUTPUTS, len(names)))
        ]
        titles = ["output", "mean", "std of the trees", "minimum", "maximum"]
        return Table(titles, rows, numbers=range(1, 5))
    several = spec.axes == ("class",) and len(names) > 1
    ahead = values == values.max(axis=1, keepdims=True) if several else values > 0.5
    means = values.mean(axis=0)
    rows = [
        [names[place], f"{int(ahead[:, place].sum()):,} of {len(values):,}", f"{means[place]:.4f}"]
        for place in np.argsort(-means, kind="stable")[:_OUTPUTS].tolist()
    ]
    return Table(["class", "trees that vote for it", "mean probability"], rows, numbers=(1, 2))


def _sums(ensemble: SumOfTrees, row: Tensor, spec: TensorSpec) -> Table:
    """Returns the output after the start, after the first trees, and after all."""
    added = ensemble.contributions(row[None])[0]
    curves = []
    for output in range(ensemble.outputs):
        own = added[ensemble.column == output]
        curve = ensemble.start[output] + torch.cat([torch.zeros(1, dtype=own.dtype), own.cumsum(0)])
        center, spread = _scale(spec, output) if _is_number(spec) else (0.0, 1.0)
        curves.append((curve * spread + center).tolist())
    names = _output_names(spec)
    places = list(range(len(names)))
    if not _is_number(spec):
        places.sort(key=lambda output: -curves[output][-1])
    places = places[:_OUTPUTS]
    longest = max(map(len, curves)) - 1
    counts = [0, *(count for count in _SUMS if count < longest), *([longest] if longest else [])]
    rows = [
        [
            f"{count:,}" if count else "start",
            *(_short(curves[place][min(count, len(curves[place]) - 1)]) for place in places),
        ]
        for count in counts
    ]
    titles = ["trees", *(names[place] for place in places)]
    return Table(titles, rows, numbers=range(1 + len(places)))


def _is_number(spec: TensorSpec) -> bool:
    return spec.axes not in (("class",), ("label",))


def _output_names(spec: TensorSpec) -> Sequence[str]:
    """Returns the names of all outputs in a row."""
    if spec.axes == ("horizon", "variable"):
        steps = range(1, spec.shape[0] + 1)
        return [f"{name}(t+{step})" for step in steps for name in spec.labels]
    if len(spec.labels) == spec.size:
        return spec.labels
    return [f"{spec.name} {number + 1}" for number in range(spec.size)]


def _scale(spec: TensorSpec, output: int) -> tuple[float, float]:
    return spec.scale_of(output % spec.shape[-1])


def _in_units(values: Sequence[float], spec: TensorSpec) -> list[float]:
    """Returns the values of a leaf in the unit of the data."""
    if not _is_number(spec):
        return list(values)
    scales = [_scale(spec, output) for output in range(len(values))]
    return [value * scale[1] + scale[0] for value, scale in zip(values, scales, strict=True)]


def _short(value: float) -> str:
    return format_value(value, digits=4)

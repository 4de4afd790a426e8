"""Gradient boosting: each tree corrects the sum of the trees before it.

F_0 = a constant      F_m = F_(m-1) + learning_rate · tree_m

Tree m is grown on the gradients of the loss at F_(m-1): log loss for categories, with
one tree per class and iteration, the squared error for numbers. Numbers are sorted into
at most 255 bins before, so that large data are fast. A missing number has its own side
at each node, and ids are split as categories. scikit-learn grows the trees; here they
are arrays with the same predictions.

Shapes:   any numbers and ids -> (batch, feature) -> logits or numbers of each output
Choices:  Several numbers or labels have trees of their own. Of a column of ids the
          most frequent categories have a place each, and all beyond 254 share one.
Source:   Friedman 2001; Ke et al. 2017 (LightGBM); scikit-learn.
Raises:   ShapeError for a text, and for an answer that is neither classes nor numbers.
Example:  >>> row = TensorSpec("row", ("feature",), (4,))
          >>> net = build((row,), (TensorSpec("kind", ("class",), (3,)),), Options())
          >>> net(torch.zeros(5, 4)).shape
          torch.Size([5, 3])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log2
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from kissipo.core.description import Detail
from kissipo.core.inferred_option import Candidate, DataFacts, InferredOption, candidate
from kissipo.core.numpy_array import NumpyArray
from kissipo.core.schema import option
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.series_wrapper import required_options as series_options
from kissipo.process.layers.tree_ensemble import (
    MAX_CATEGORIES,
    SumOfTrees,
    TreeNodes,
    leaf_only,
)
from kissipo.process.nets._tree_sections import solution_detail
from kissipo.process.nets._trees import (
    Kind,
    TreeNet,
    TreeOptions,
    TreeSamples,
    on_windows,
    refuse_losses,
    tree_net_in,
)

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor

ALGORITHMS = ("closed_form",)
TAKES_SAMPLE_WEIGHTS = True
_ABSENT = -100.0  # logit of a class without training samples
_LARGE, _PATIENCE, _RATE = 10_000, 10, 0.1
# Multiplications in the time of a tree besides its nodes, of a number, and of a bin
_PER_TREE, _PER_NUMBER, _PER_BIN = 8_000_000, 24, 16
_USUAL_LEAF, _LEAVES_OF_SMALL = 20, 20
_IMPORTANCE = (
    "The importance of a column is the sum of the gains at its nodes: how much its splits lowered "
    "the loss of the training samples."
)


@dataclass(frozen=True)
class Stop:
    """The options of early stopping."""

    SHORT: ClassVar[str] = "patience"
    patience: int = option(
        0,
        "number of iterations without a lower loss of a tenth of the training samples, which is "
        "left out, before training stops; 0 disables it",
        minimum=0,
    )


@dataclass(frozen=True)
class Options(TreeOptions):
    """The options of gradient boosting."""

    max_iterations: int = option(100, "maximum number of trees per class or number", minimum=1)
    learning_rate: float | None = option(
        None, f"factor of each tree; {_RATE} when omitted", above=0
    )
    max_leaves: int = option(31, "maximum number of leaves per tree", minimum=2)
    min_samples_leaf: int = option(
        _USUAL_LEAF, "minimum number of training samples in a leaf", minimum=1
    )
    l2: float = option(0.0, "L2 regularization of the values of the leaves", minimum=0)
    early_stopping: Stop = option(Stop(), "early stopping, for large data when omitted")


def build(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
) -> nn.Module:
    """Builds the net, whose trees are not grown yet."""
    return on_windows(
        lambda inputs, outputs: GradientBoosting(inputs, outputs, options),
        inputs,
        outputs,
        relative=bool(options.subtract_last),
    )


def candidates(facts: DataFacts) -> tuple[Candidate, ...]:
    """Returns the net with its default options for a table."""
    if not facts.is_table:
        return ()
    return (candidate("gradient boosting", {"net": "gradient_boosting"}),)


def required_options(facts: DataFacts) -> tuple[InferredOption, ...]:
    """Returns early stopping for large data, and smaller leaves for small data.

    Raises:   TaskError for an answer of counts.
    """
    refuse_losses("gradient_boosting", facts)
    options = list(series_options(facts))
    if facts.samples > _LARGE:
        reason = f"{facts.samples:,} training samples are enough to leave some out"
        stop = {"patience": _PATIENCE}
        options.append(InferredOption("process.early_stopping", stop, reason))
    smallest = max(1, facts.samples // _LEAVES_OF_SMALL)
    if smallest < _USUAL_LEAF:
        reason = f"{facts.samples:,} training samples; {_USUAL_LEAF} is usual"
        options.append(InferredOption("process.min_samples_leaf", smallest, reason))
    return tuple(options)


def details(net: nn.Module, labels: Sequence[str]) -> dict[str, Detail]:
    """Returns the size of the trees, and the importance of each column."""
    boosted = tree_net_in(net)
    if boosted is None:
        return {}
    detail = solution_detail(boosted.ensembles, boosted.importances, boosted.names, _IMPORTANCE)
    return {"gradient_boosting": detail}


class GradientBoosting(TreeNet):
    """Keeps the trees of all iterations, and gives their sum."""

    def __init__(
        self, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
    ) -> None:
        super().__init__(
            "gradient_boosting",
            inputs,
            outputs,
            SumOfTrees,
            dtype=torch.float64,
            logits=True,
            statistics=options.image_features == "statistics",
        )
        self.options, self.balances = options, options.class_weights is not None

    def tree_multiplications(self, number: int, samples: int) -> int:
        """Returns the cost of the trees: on each level, each number is put into the bin
        of its column; each node looks at all bins."""
        options, size = self.options, self.outputs[number].size
        leaves = max(2, min(options.max_leaves, samples // options.min_samples_leaf))
        depth = min(log2(leaves), options.max_depth or log2(leaves))
        bins = 2 * leaves * min(samples, MAX_CATEGORIES)
        columns = self.row.width * (_PER_NUMBER * samples * depth + _PER_BIN * bins)
        return round(options.max_iterations * size * (_PER_TREE + columns))

    def grow(self, number: int, samples: TreeSamples, seed: int) -> str:
        """Grows the trees of one output."""
        kind, rows, remark = self.kinds[number], samples.rows, ""
        ids = sorted(self.names.words)
        rows[:, ids] = np.minimum(rows[:, ids], MAX_CATEGORIES - 1)
        categories = Categories(rows, ids)
        trees: list[TreeNodes] = []
        columns: list[int] = []
        gains = np.zeros(rows.shape[1])
        start, problems = problems_of(kind, samples.targets, self.outputs[number].size)
        for target, outputs in problems:
            patience = self.options.early_stopping.patience
            if patience and kind != "number" and not _can_leave_out(target):
                patience, remark = 0, "no early stopping, as a class is too rare to be left out"
            model = boosting_of(kind, self.options, ids=ids, patience=patience, seed=seed)
            model.fit(rows, target, sample_weight=samples.weights)
            start[list(outputs)] = model._baseline_prediction.ravel()
            for predictors in model._predictors:
                trees += map(categories.nodes_of, predictors)
                columns += outputs
                gains += sum(map(categories.gains_of, predictors))
        ensemble = self.ensembles[number]
        assert isinstance(ensemble, SumOfTrees)
        ensemble.set_columns(trees or [leaf_only(np.zeros(1))], columns or [0], start)
        self.importances[number] = torch.from_numpy(gains / (gains.sum() or 1.0))
        return remark


class Categories:
    """The categories of the columns of ids, and the nodes that split them.

    scikit-learn puts these columns first, and numbers their categories in order.
    """

    def __init__(self, rows: NumpyArray, ids: Sequence[int]) -> None:
        self.values = [np.unique(rows[:, place]).astype(np.int64) for place in ids]
        numbers = [place for place in range(rows.shape[1]) if place not in set(ids)]
        self.places = np.array([*ids, *numbers], dtype=np.int64)

    def nodes_of(self, predictor: TreePredictor) -> TreeNodes:
        """Returns the nodes of a tree of scikit-learn."""
        nodes = predictor.nodes
        is_leaf = nodes["is_leaf"].astype(np.bool_)
        missing_left = nodes["missing_go_to_left"].astype(np.bool_)
        left, right = (
            np.where(is_leaf, -1, nodes[name].astype(np.int64)) for name in ("left", "right")
        )
        tree = TreeNodes(
            self.places[nodes["feature_idx"]],
            nodes["num_threshold"],
            left,
            right,
            missing_left,
            nodes["value"][:, None],
        )
        splits = np.flatnonzero(nodes["is_categorical"].astype(np.bool_) & ~is_leaf)
        if not len(splits):
            return tree
        sets = np.full(len(nodes), -1)
        sets[splits] = np.arange(len(splits))
        table = np.repeat(missing_left[splits][:, None], MAX_CATEGORIES, axis=1)
        for row, node in enumerate(splits):
            values = self.values[nodes["feature_idx"][node]]
            bits = predictor.raw_left_cat_bitsets[nodes["bitset_idx"][node]]
            table[row, values] = np.unpackbits(bits.view(np.uint8), bitorder="little")[
                : len(values)
            ]
        return replace(tree, category_sets=sets, categories=table)

    def gains_of(self, predictor: TreePredictor) -> NDArray[np.float64]:
        """Returns the sum of the gains of each column (feature)."""
        nodes = predictor.nodes
        inner = nodes[~nodes["is_leaf"].astype(np.bool_)]
        places = self.places[inner["feature_idx"]]
        gains = np.zeros(len(self.places))
        np.add.at(gains, places, inner["gain"])
        return gains


def problems_of(
    kind: Kind, targets: NumpyArray, size: int
) -> tuple[NDArray[np.float64], list[tuple[NumpyArray, tuple[int, ...]]]]:
    """Returns the start of each output, and what is boosted: targets and their outputs.

    A class without samples has a logit of -100, and a target of one class has no trees.

    Example:  >>> start, problems = problems_of("class", np.array([0, 2, 0]), 3)
              >>> start.tolist(), [outputs for _, outputs in problems]
              ([0.0, -100.0, 0.0], [(2,)])
    """
    if kind == "number":
        return np.zeros(size), [(targets[:, place], (place,)) for place in range(size)]
    if kind == "class" and size > 1:
        present = np.unique(targets)
        start = np.full(size, _ABSENT)
        start[present] = 0.0
        outputs = tuple(present.tolist())
        outputs = outputs if len(outputs) > 2 else outputs[1:]
        return start, [(targets, outputs)] if outputs else []
    columns = targets.reshape(len(targets), size).T
    start = np.array([-_ABSENT if column.all() else _ABSENT for column in columns])
    return start, [
        (column, (place,)) for place, column in enumerate(columns) if len(np.unique(column)) > 1
    ]


def boosting_of(
    kind: Kind, options: Options, *, ids: Sequence[int], patience: int, seed: int
) -> HistGradientBoostingClassifier | HistGradientBoostingRegressor:
    """Returns the boosting of scikit-learn that grows the trees."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    is_number = kind == "number"
    model = HistGradientBoostingRegressor if is_number else HistGradientBoostingClassifier
    return model(
        max_iter=options.max_iterations,
        learning_rate=options.learning_rate or _RATE,
        max_leaf_nodes=options.max_leaves,
        max_depth=options.max_depth,
        min_samples_leaf=options.min_samples_leaf,
        l2_regularization=options.l2,
        categorical_features=list(ids) or None,
        early_stopping=patience > 0,
        n_iter_no_change=patience or 1,
        random_state=seed,
    )


def _can_leave_out(target: NumpyArray) -> bool:
    """Returns whether a tenth of the samples can have samples of every class."""
    counts = np.unique(target, return_counts=True)[1]
    return counts.min() >= 2 and len(target) // 10 >= len(counts)

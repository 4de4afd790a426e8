"""Random forest: many trees, each grown on other rows and columns; their mean decides.

Every tree is grown on a bootstrap sample of the rows. At each node it looks at a random
part of the columns only, and takes the split that lowers the impurity most: Gini for
categories, the squared error for numbers. A leaf says the shares of its classes, or its
mean. scikit-learn grows the trees; here they are arrays with the same predictions.

Shapes:   any numbers and ids -> (batch, feature) -> logits or numbers of each output
Choices:  Several numbers or labels of one answer share their trees; several answers
          have forests of their own. Logits are log p, so softmax gives the shares back.
          An id becomes the mean of the targets of the samples of its category.
Source:   Breiman 2001; min_samples_leaf as in scikit-learn; features_per_split is
          its max_features.
Raises:   ShapeError for a text, and for an answer that is neither classes nor numbers.
Example:  >>> row = TensorSpec("row", ("feature",), (4,))
          >>> net = build((row,), (TensorSpec("kind", ("class",), (3,)),), Options())
          >>> net(torch.zeros(5, 4)).shape
          torch.Size([5, 3])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from kissipo.core.description import Detail
from kissipo.core.inferred_option import Candidate, DataFacts, InferredOption, candidate
from kissipo.core.schema import option
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.series_wrapper import required_options as series_options
from kissipo.process.layers.tree_ensemble import MeanOfTrees, TreeNodes
from kissipo.process.nets._image_candidates import image_forest_candidates
from kissipo.process.nets._tree_sections import solution_detail
from kissipo.process.nets._trees import (
    Kind,
    TreeNet,
    TreeOptions,
    TreeSamples,
    leaf_budget,
    on_windows,
    refuse_losses,
    tree_net_in,
)

if TYPE_CHECKING:
    from sklearn.ensemble._forest import BaseForest
    from sklearn.tree._tree import Tree

ALGORITHMS = ("closed_form",)
TAKES_SAMPLE_WEIGHTS = True
_MAX_BYTES = 100_000_000
_FEW_COLUMNS = 10
# Multiplications in the time that a tree takes besides its nodes, and that a number is
# sorted in on a level
_PER_TREE, _PER_NUMBER = 20_000_000, 400
_SHARES = {"sqrt": "sqrt", "third": 1 / 3, "all": 1.0}
_IMPORTANCE = (
    "The importance of a column is the mean decrease of the impurity at its nodes, over all trees. "
    "Columns with many different values are overrated by it."
)


@dataclass(frozen=True)
class Options(TreeOptions):
    """The options of a random forest."""

    num_trees: int = option(200, "number of trees", minimum=1)
    min_samples_leaf: int = option(
        1, "minimum number of training samples in a leaf; more for large data", minimum=1
    )
    features_per_split: Literal["sqrt", "third", "all"] | None = option(
        None,
        "number of columns that each node looks at: the square root of all, a third or all. When "
        "omitted: sqrt for categories and labels; for numbers third, or all of less than 10",
    )


def build(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
) -> nn.Module:
    """Builds the net, whose trees are not grown yet."""
    return on_windows(
        lambda inputs, outputs: RandomForest(inputs, outputs, options),
        inputs,
        outputs,
        relative=bool(options.subtract_last),
    )


def candidates(facts: DataFacts) -> tuple[Candidate, ...]:
    """Returns the net with its default options for a table, or on statistics of
    images."""
    if not facts.is_table:
        return image_forest_candidates(facts)
    return (candidate("random forest", {"net": "random_forest"}),)


def required_options(facts: DataFacts) -> tuple[InferredOption, ...]:
    """Returns larger leaves for large data, so that the net stays small.

    Raises:   TaskError for an answer of counts.
    """
    refuse_losses("random_forest", facts)
    trees = facts.process.get("num_trees") or Options.num_trees
    leaves = max(1, leaf_budget(facts.outputs, _MAX_BYTES) // (trees * len(facts.outputs)))
    smallest = -(-facts.samples // leaves)
    reason = (
        f"{facts.samples:,} samples in leaves of one sample would be a net of more than "
        f"{_MAX_BYTES // 1_000_000:,} MB"
    )
    large = InferredOption("process.min_samples_leaf", smallest, reason)
    return (*series_options(facts), *((large,) if smallest > 1 else ()))


def details(net: nn.Module, labels: Sequence[str]) -> dict[str, Detail]:
    """Returns the size of the forest, and the importance of each column."""
    forest = tree_net_in(net)
    if forest is None:
        return {}
    detail = solution_detail(forest.ensembles, forest.importances, forest.names, _IMPORTANCE)
    return {"random_forest": detail}


class RandomForest(TreeNet):
    """Keeps the trees of a forest, and gives the mean of their leaves."""

    def __init__(
        self, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
    ) -> None:
        super().__init__(
            "random_forest",
            inputs,
            outputs,
            MeanOfTrees,
            dtype=torch.float32,
            logits=False,
            means=True,
            statistics=options.image_features == "statistics",
        )
        self.options, self.balances = options, options.class_weights is not None

    def tree_multiplications(self, number: int, samples: int) -> int:
        """Returns the cost of the trees: on each level, each column that nodes look at
        is sorted."""
        kind, columns = self.kinds[number], self.row.width
        looked_at = {"sqrt": columns**0.5, "third": columns / 3, "all": columns}[
            self.options.features_per_split or _usual_share(kind, columns)
        ]
        depth = log2(max(2, samples / self.options.min_samples_leaf))
        depth = min(depth, self.options.max_depth or depth)
        nodes = _PER_NUMBER * samples * depth * max(1.0, looked_at)
        return round(self.options.num_trees * (_PER_TREE + nodes))

    def grow(self, number: int, samples: TreeSamples, seed: int) -> str:
        """Grows the forest of one output."""
        kind, size = self.kinds[number], self.outputs[number].size
        model = forest_of(kind, self.options, samples.rows.shape[1], seed)
        targets = samples.targets
        if kind != "class" and size == 1:
            targets = targets[:, 0]
        model.fit(samples.rows, targets, sample_weight=samples.weights)
        self.ensembles[number].set_trees(
            [nodes_of(tree.tree_, _values(model, tree.tree_, kind, size)) for tree in model]
        )
        self.importances[number] = torch.from_numpy(model.feature_importances_)
        return ""


def forest_of(kind: Kind, options: Options, width: int, seed: int) -> BaseForest:
    """Returns the forest of scikit-learn that is grown."""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    model = RandomForestRegressor if kind == "number" else RandomForestClassifier
    return model(
        options.num_trees,
        max_depth=options.max_depth,
        min_samples_leaf=options.min_samples_leaf,
        max_features=_SHARES[options.features_per_split or _usual_share(kind, width)],
        random_state=seed,
        n_jobs=-1,
    )


def _usual_share(kind: Kind, width: int) -> str:
    """Returns the usual number of columns that each node looks at."""
    if kind != "number":
        return "sqrt"
    return "all" if width < _FEW_COLUMNS else "third"


def nodes_of(tree: Tree, values: NDArray[np.float64]) -> TreeNodes:
    """Returns the nodes of a tree of scikit-learn with the values of an output."""
    return TreeNodes(
        tree.feature,
        tree.threshold,
        tree.children_left,
        tree.children_right,
        tree.missing_go_to_left.astype(np.bool_),
        values,
    )


def _values(model: BaseForest, tree: Tree, kind: Kind, size: int) -> NDArray[np.float64]:
    """Returns the probabilities or the numbers of each node (node, output)."""
    if kind == "number":
        numbers: NDArray[np.float64] = tree.value[:, :, 0]
        return numbers
    if kind == "label":
        classes = model.classes_ if size > 1 else [model.classes_]
        columns = [
            tree.value[:, label, list(some).index(1)] if 1 in some else np.zeros(tree.node_count)
            for label, some in enumerate(classes)
        ]
        return np.stack(columns, axis=1)
    shares = np.zeros((tree.node_count, max(size, 2)))
    shares[:, model.classes_] = tree.value[:, 0, : len(model.classes_)]
    return shares[:, 1:] if size == 1 else shares

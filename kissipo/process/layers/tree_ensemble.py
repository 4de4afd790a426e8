"""Tree ensemble: many decision trees as arrays; a sample passes all of them at once.

A node compares one number of the row with its threshold:

number    left where x[feature] <= threshold, else right
missing   NaN goes where the training sent missing numbers
category  left where the id is in the set of the node, else right

The right child stands behind the left one, and a leaf is its own child. So one step for
all samples and trees is a few lookups, and as many steps as there are levels end in the
leaves. MeanOfTrees takes the mean of the leaves (a forest), SumOfTrees adds them to a
start (boosting).

Shapes:   (batch, feature) -> (batch, output)
Choices:  Thresholds and leaves have double precision, as in scikit-learn, so that the
          predictions are the same. Before the training the trees are random.
Source:   Breiman 2001 (forests); Friedman 2001 (boosting).
Example:  >>> x_2_above_1 = TreeNodes(
          ...     np.array([1, 0, 0]), np.array([1.0, 0, 0]), np.array([1, -1, -1]),
          ...     np.array([2, -1, -1]), np.array([True] * 3),
          ...     np.array([[0], [10.0], [20.0]]),
          ... )
          >>> layer = MeanOfTrees(2, 1)
          >>> layer.set_trees([x_2_above_1])
          >>> rows = torch.tensor([[0.0, 1.0], [0.0, 1.5], [0.0, torch.nan]])
          >>> layer(rows).flatten().tolist()
          [10.0, 20.0, 10.0]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kissipo.core.finding import counted
from kissipo.core.protocols import Combined, Source
from kissipo.process.layers.resized_buffers import ResizedBuffers

MAX_CATEGORIES = 255  # ids from 0 on; larger ids count as the last one
_MIN_STUMPS, _MAX_STUMPS = 8, 64  # random trees of one comparison before the training
_NO_SET = -1


@dataclass(frozen=True)
class TreeNodes:
    """The nodes of one tree as arrays; node 0 is the root.

    left, right:     the numbers of the children; -1 in a leaf
    missing_left:    whether a missing number goes left
    values:          (node, output) of which those of leaves count
    category_sets:   (node) the row of `categories`; -1 where numbers are compared
    categories:      (set, 255) whether an id goes left
    """

    feature: NDArray[np.int64]
    threshold: NDArray[np.float64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    missing_left: NDArray[np.bool_]
    values: NDArray[np.float64]
    category_sets: NDArray[np.int64] | None = None
    categories: NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class PathStep:
    """One node on the path of a sample.

    category_set:  its number, where the node compares a category; else -1
    """

    feature: int
    threshold: float
    goes_left: bool
    category_set: int = _NO_SET


class TreeEnsemble(ResizedBuffers):
    """The arrays of all trees, one after the other, and the paths through them.

    roots:         (tree) the first node of each tree
    feature:       (node) the number that is compared
    threshold:     (node) infinite in a leaf
    child:         (node) the left child, behind which the right one stands; a leaf is
                   its own child
    missing_left:  (node) whether a missing number goes left
    leaf:          (node) the row of `values`, 0 of other nodes
    values:        (leaf, value) what a leaf adds
    category_set:  (node) the row of `categories`, -1 of numbers; empty without sets
    categories:    (set, 255) whether an id goes left
    level_sizes:   (level) the number of nodes below the roots, level by level
    is_grown:      whether these are the trees of a training
    """

    roots: Tensor
    feature: Tensor
    threshold: Tensor
    child: Tensor
    missing_left: Tensor
    leaf: Tensor
    values: Tensor
    category_set: Tensor
    categories: Tensor
    level_sizes: Tensor
    is_grown: Tensor

    def __init__(self, width: int, outputs: int) -> None:
        super().__init__()
        self.width, self.outputs = width, outputs
        for name, array in _merged(_random_stumps(width, outputs)).items():
            self.register_buffer(name, torch.from_numpy(array))
        self.register_buffer("is_grown", torch.tensor(False))

    @property
    def DESCRIPTION(self) -> str:  # noqa: N802
        if not self.is_grown:
            return f"{self.HOW} of trees, which the training grows"
        trees, depth = counted(len(self.roots), "tree"), counted(self.depth, "level")
        return f"{self.HOW} of {trees} of up to {depth}, {len(self.values):,} leaves"

    HOW = "leaves"

    @property
    def depth(self) -> int:
        """The number of comparisons on the longest path."""
        return len(self.level_sizes)

    def set_trees(self, trees: Sequence[TreeNodes]) -> None:
        """Replaces all trees."""
        for name, array in _merged(trees).items():
            setattr(self, name, torch.from_numpy(array))
        self.is_grown = torch.tensor(True)

    def leaves(self, rows: Tensor) -> Tensor:
        """Returns the leaf of each tree that a sample reaches: rows of `values`.

        Shapes:   (batch, feature) -> (batch, tree)
        """
        nodes = self.roots.expand(len(rows), -1)
        for _ in range(len(self.level_sizes)):
            nodes = self.child[nodes] + ~self._goes_left(rows, nodes)
        return self.leaf[nodes]

    def _goes_left(self, rows: Tensor, nodes: Tensor) -> Tensor:
        """Returns whether each sample goes left at its node of each tree."""
        x = rows.gather(1, self.feature[nodes].long())
        left = torch.where(x.isnan(), self.missing_left[nodes], x <= self.threshold[nodes])
        if not len(self.categories):
            return left
        sets = self.category_set[nodes]
        ids = x.nan_to_num().clamp(0, MAX_CATEGORIES - 1).long()
        is_in = self.categories[sets.clamp(min=0), ids]
        return torch.where((sets >= 0) & ~x.isnan(), is_in, left)

    def path(self, row: Tensor, tree: int) -> tuple[list[PathStep], int]:
        """Returns the nodes that a sample (feature) passes in a tree, and its leaf."""
        node, steps = self.roots[tree : tree + 1], []
        while int(self.child[node]) != int(node):
            goes_left = self._goes_left(row[None], node[None])[0]
            category_set = int(self.category_set[node]) if len(self.categories) else _NO_SET
            steps.append(
                PathStep(
                    int(self.feature[node]),
                    float(self.threshold[node]),
                    bool(goes_left),
                    category_set,
                )
            )
            node = self.child[node] + ~goes_left
        return steps, int(self.leaf[node])


class MeanOfTrees(TreeEnsemble):
    """The mean of the leaves of all trees; a leaf has a value per output."""

    HOW = "mean"

    def forward(self, rows: Tensor) -> Tensor:
        return nn.functional.embedding_bag(self.leaves(rows), self.values, mode="mean")

    def explain(self, index: tuple[int, ...], rows: Tensor) -> tuple[list[Source], Combined]:
        """Returns the leaf of each tree, each with an equal weight."""
        row, output = index
        leaves = self.leaves(rows[row : row + 1])[0].tolist()
        return [
            Source("leaf of tree", (row, tree), self.values[leaf, output], 1 / len(leaves))
            for tree, leaf in enumerate(leaves, 1)
        ], "sum"


class SumOfTrees(TreeEnsemble):
    """A start and the sum of the leaves; each tree adds to one output.

    start:   (output) what is there before the first tree
    column:  (tree) the output to which a tree adds
    """

    HOW = "sum"
    start: Tensor
    column: Tensor

    def __init__(self, width: int, outputs: int) -> None:
        super().__init__(width, outputs)
        self.values = self.values[:, :1].clone()
        self.register_buffer("start", torch.zeros(outputs, dtype=torch.float64))
        self.register_buffer("column", torch.arange(len(self.roots)) % outputs)

    def forward(self, rows: Tensor) -> Tensor:
        start = self.start.expand(len(rows), -1)
        return start.index_add(1, self.column, self.contributions(rows))

    def contributions(self, rows: Tensor) -> Tensor:
        """Returns what each tree adds (batch, tree)."""
        return self.values[:, 0][self.leaves(rows)]

    def set_columns(
        self, trees: Sequence[TreeNodes], columns: Sequence[int], start: NDArray[np.float64]
    ) -> None:
        """Replaces all trees, the output of each one, and the start."""
        self.set_trees(trees)
        self.column, self.start = torch.tensor(columns), torch.from_numpy(start)

    def explain(self, index: tuple[int, ...], rows: Tensor) -> tuple[list[Source], Combined]:
        """Returns the start, and the leaf of each tree that adds to this output."""
        row, output = index
        leaves = self.leaves(rows[row : row + 1])[0].tolist()
        added = [
            Source("leaf of tree", (row, tree), self.values[leaf, 0])
            for tree, (leaf, column) in enumerate(zip(leaves, self.column.tolist(), strict=True), 1)
            if column == output
        ]
        return [Source("start", (row, output), self.start[output]), *added], "sum"


def leaf_only(value: NDArray[np.float64]) -> TreeNodes:
    """Returns a tree of one leaf (output).

    Example:  >>> leaf_only(np.array([3.0])).values.tolist()
              [[3.0]]
    """
    none = np.array([-1])
    return TreeNodes(
        np.array([0]), np.array([0.0]), none, none, np.array([True]), value[None].astype(np.float64)
    )


def _random_stumps(width: int, outputs: int) -> list[TreeNodes]:
    """Returns trees of one comparison, with random leaves that sum to 1."""
    count = max(_MIN_STUMPS, 2 * outputs, min(width, _MAX_STUMPS))
    values = torch.rand(count, 3, outputs, dtype=torch.float64).numpy()
    values /= values.sum(axis=2, keepdims=True) + values.mean()
    return [
        TreeNodes(
            np.array([number * width // count, 0, 0]),
            np.zeros(3),
            np.array([1, -1, -1]),
            np.array([2, -1, -1]),
            np.ones(3, dtype=np.bool_),
            values[number],
        )
        for number in range(count)
    ]


def _merged(trees: Sequence[TreeNodes]) -> dict[str, NDArray[np.generic]]:
    """Returns the buffers of an ensemble: the nodes of all trees in one array each."""
    sizes = [len(tree.feature) for tree in trees]
    roots = np.cumsum([0, *sizes[:-1]])
    orders = [_children_side_by_side(tree) for tree in trees]
    child = np.concatenate([
        _first_child(tree, order) + root
        for tree, order, root in zip(trees, orders, roots, strict=True)
    ])  # fmt: skip
    is_leaf = child == np.arange(len(child))

    def joined(name: str) -> NDArray[np.generic]:
        return np.concatenate([
            getattr(tree, name)[order] for tree, order in zip(trees, orders, strict=True)
        ])  # fmt: skip

    categories, category_set = _merged_sets(trees, orders)
    return {
        "roots": roots.astype(np.int32),
        "feature": np.where(is_leaf, 0, joined("feature")).astype(np.int32),
        "threshold": np.where(is_leaf, np.inf, joined("threshold")),
        "child": child.astype(np.int32),
        "missing_left": is_leaf | joined("missing_left").astype(np.bool_),
        "leaf": np.where(is_leaf, np.cumsum(is_leaf) - 1, 0).astype(np.int32),
        "values": joined("values")[is_leaf].astype(np.float64),
        "category_set": category_set,
        "categories": categories,
        "level_sizes": _nodes_by_level(roots, child, is_leaf),
    }


def _children_side_by_side(tree: TreeNodes) -> NDArray[np.int64]:
    """Returns the numbers of the nodes in an order in which a right child follows its
    left one."""
    inner = np.flatnonzero(tree.left >= 0)
    return np.concatenate([[0], np.stack([tree.left[inner], tree.right[inner]], axis=1).ravel()])


def _first_child(tree: TreeNodes, order: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns the new number of the left child of each node; that of a leaf itself."""
    new = np.empty(len(order), dtype=np.int64)
    new[order] = np.arange(len(order))
    left = tree.left[order]
    return np.where(left >= 0, new[left], np.arange(len(order)))


def _merged_sets(
    trees: Sequence[TreeNodes], orders: Sequence[NDArray[np.int64]]
) -> tuple[NDArray[np.bool_], NDArray[np.int32]]:
    """Returns the sets of categories of all trees, and the set of each node."""
    tables, numbers, count = [], [], 0
    for tree, order in zip(trees, orders, strict=True):
        if tree.categories is None or tree.category_sets is None:
            numbers.append(np.full(len(order), _NO_SET))
            continue
        own = tree.category_sets[order]
        numbers.append(np.where(own == _NO_SET, _NO_SET, own + count))
        tables.append(tree.categories)
        count += len(tree.categories)
    if not count:
        return np.zeros((0, MAX_CATEGORIES), dtype=np.bool_), np.zeros(0, dtype=np.int32)
    return np.concatenate(tables), np.concatenate(numbers).astype(np.int32)


def _nodes_by_level(
    roots: NDArray[np.int64], child: NDArray[np.int64], is_leaf: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Returns the number of nodes on each level below the roots."""
    level, counts = roots, []
    while len(inner := level[~is_leaf[level]]):
        level = np.concatenate([child[inner], child[inner] + 1])
        counts.append(len(level))
    return np.array(counts, dtype=np.int64)

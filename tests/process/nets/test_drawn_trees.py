"""Forests and boosting with options, columns and answers drawn by a seed predict as
scikit-learn does."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.utils.class_weight import compute_sample_weight

from kissipo.core.batch import Batch
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.nets import gradient_boosting, random_forest

pytestmark = pytest.mark.usefixtures("one_thread")
Array = NDArray[Any]
KINDS = ("class", "two classes", "labels", "number", "numbers")
SHARES = {"sqrt": "sqrt", "third": 1 / 3, "all": 1.0}
VOCABULARY, CLASSES, PRIOR = 300, 6, 10


class Drawn:
    """Samples, an answer and options; a fifth of the samples is predicted only."""

    def __init__(self, seed: int) -> None:
        draw = self.draw = np.random.default_rng([seed, 42])
        self.seed, self.kind = seed, KINDS[seed % len(KINDS)]
        self.rows = int(draw.integers(12, 120))
        count = self.rows + self.rows // 4 + 1
        self.width, self.id_columns = int(draw.integers(1, 7)), int(draw.integers(0, 3))
        x = draw.normal(size=(count, self.width)) * 10.0 ** draw.integers(-2, 4, self.width)
        x = x.round(int(draw.integers(0, 4))).astype(np.float32)
        x[draw.random(x.shape) < draw.choice([0.0, 0.1, 0.4])] = np.nan
        self.x = x
        self.ids = [draw.integers(1, draw.integers(3, 40), count) for _ in range(self.id_columns)]
        first = np.nan_to_num(x[:, 0])
        signal = (
            first / (first.std() or 1.0)
            + sum(ids % 3 for ids in self.ids)
            + draw.normal(0, 0.3, count)
        )
        self.target = self._target(signal)
        self.weights = None
        if draw.random() < 0.3:
            self.weights = (draw.random(self.rows) + 0.2).astype(np.float32)
        self.balanced = self.kind in KINDS[:2] and self.weights is None and draw.random() < 0.3

    def _target(self, signal: Array) -> Array:
        cuts = np.quantile(signal, np.sort(self.draw.random(4)))
        classes = np.searchsorted(cuts, signal)
        if self.kind == "class":
            return classes
        if self.kind == "two classes":
            return (signal > np.median(signal)).astype(np.int64)
        if self.kind == "labels":
            return np.stack([signal > cut for cut in cuts[:3]], axis=1).astype(np.float32)
        columns = [signal] if self.kind == "number" else [signal, -2 * signal + self.x.shape[1]]
        return np.stack(columns, axis=1)

    @property
    def spec(self) -> TensorSpec:
        size = self.target.shape[1] if self.target.ndim > 1 else 1
        if self.kind in KINDS[:2]:
            size = CLASSES if self.kind == "class" else 1
            return TensorSpec("kind", ("class",), (size,))
        return TensorSpec("y", ("label",) if self.kind == "labels" else ("answer",), (size,))

    @cached_property
    def is_number(self) -> bool:
        return self.kind.startswith("number")

    @property
    def sample_weights(self) -> Array | None:
        if self.balanced:
            return np.asarray(compute_sample_weight("balanced", self.target[: self.rows]))
        return None if self.weights is None else self.weights.astype(np.float64)

    def answers(self, module: Any, options: Any) -> Array:
        """The predictions of a net that was solved in two batches, saved and loaded."""
        specs = (
            TensorSpec("x", ("feature",), (self.width,)),
            *(TensorSpec(f"id {n}", (), (), vocab_size=VOCABULARY) for n in range(self.id_columns)),
        )
        columns = [torch.from_numpy(column) for column in (self.x, *self.ids)]
        target = torch.from_numpy(self.target)
        net, again = (module.build(specs, (self.spec,), options) for _ in range(2))
        batches = []
        for part in (slice(0, 9), slice(9, self.rows)):
            weights = None if self.weights is None else torch.from_numpy(self.weights[part])
            inputs = tuple(column[part] for column in columns)
            batches.append(Batch(inputs, (target[part],), weights))
        net.solve(batches, self.seed)
        again.load_state_dict(net.state_dict())
        outputs = again(*columns)
        if self.kind == "class":
            outputs = outputs.softmax(dim=1)
        elif not self.is_number:
            outputs = outputs.sigmoid()
        return np.asarray(outputs)

    def with_means(self) -> Array:
        """The table of a forest: an id is the mean of the targets of its samples."""
        targets = self.target[: self.rows]
        if self.kind == "class":
            targets = np.eye(CLASSES)[targets]
        elif self.kind == "two classes":
            targets = targets[:, None]
        columns = [self.x]
        for ids in self.ids:
            fitted = ids[: self.rows]
            means = [
                (targets[fitted == some].sum(axis=0) + PRIOR * targets.mean(axis=0))
                / ((fitted == some).sum() + PRIOR)
                for some in ids
            ]
            columns.append(np.array(means, dtype=np.float32))
        return np.concatenate(columns, axis=1)


def probabilities(model: Any, table: Array, kind: str) -> Array:
    """The probabilities of scikit-learn in the form of the answers of a net."""
    got = model.predict_proba(table)
    if kind != "class":
        return positive(got, model.classes_)
    columns = np.zeros((len(table), CLASSES))
    columns[:, model.classes_] = got
    return columns


def positive(shares: Array, classes: Array) -> Array:
    """The probability of 1, where there may have been samples of one class only."""
    if 1 not in classes:
        return np.zeros((len(shares), 1))
    return shares[:, [list(classes).index(1)]]


def check_forest(drawn: Drawn) -> None:
    draw = drawn.draw
    table, kind = drawn.with_means(), drawn.kind
    split = draw.choice([None, *SHARES])
    options = random_forest.Options(
        num_trees=int(draw.integers(1, 7)),
        max_depth=draw.choice([None, 1, 3, 8]),
        min_samples_leaf=int(draw.integers(1, 6)),
        features_per_split=split,
        class_weights="balanced" if drawn.balanced else None,
    )
    usual = "sqrt" if not drawn.is_number else ("all" if table.shape[1] < 10 else "third")
    model = (RandomForestRegressor if drawn.is_number else RandomForestClassifier)(
        options.num_trees,
        max_depth=options.max_depth,
        min_samples_leaf=options.min_samples_leaf,
        max_features=SHARES[split or usual],
        random_state=drawn.seed,
    )
    target = drawn.target[: drawn.rows]
    if target.ndim > 1 and target.shape[1] == 1:
        target = target[:, 0]
    model.fit(table[: drawn.rows], target, sample_weight=drawn.sample_weights)
    if drawn.is_number:
        expected = model.predict(table).reshape(len(table), -1)
    elif kind == "labels":
        shares = zip(model.predict_proba(table), model.classes_, strict=True)
        expected = np.concatenate([positive(some, classes) for some, classes in shares], axis=1)
    else:
        expected = probabilities(model, table, kind)
    got = drawn.answers(random_forest, options)
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-6)


def check_boosting(drawn: Drawn) -> None:
    draw = drawn.draw
    table = np.concatenate(
        [drawn.x, *(ids[:, None] for ids in drawn.ids)], axis=1, dtype=np.float64
    )
    options = gradient_boosting.Options(
        max_iterations=int(draw.integers(1, 6)),
        learning_rate=draw.choice([None, 0.03, 0.5]),
        max_leaves=int(draw.integers(2, 32)),
        max_depth=draw.choice([None, 1, 3]),
        min_samples_leaf=int(draw.integers(1, 21)),
        l2=float(draw.choice([0.0, 0.3])),
        class_weights="balanced" if drawn.balanced else None,
    )
    model = (HistGradientBoostingRegressor if drawn.is_number else HistGradientBoostingClassifier)(
        max_iter=options.max_iterations,
        learning_rate=options.learning_rate or 0.1,
        max_leaf_nodes=options.max_leaves,
        max_depth=options.max_depth,
        min_samples_leaf=options.min_samples_leaf,
        l2_regularization=options.l2,
        categorical_features=list(range(drawn.width, table.shape[1])) or None,
        early_stopping=False,
        random_state=drawn.seed,
    )
    columns = drawn.target if drawn.target.ndim > 1 else drawn.target[:, None]
    expected = []
    for target in columns.T:
        fitted = target[: drawn.rows]
        if not drawn.is_number and len(np.unique(fitted)) == 1:  # scikit-learn refuses one class
            row = np.eye(CLASSES)[fitted[0]] if drawn.kind == "class" else fitted[:1]
            expected.append(np.repeat(row[None], len(table), axis=0))
            continue
        model.fit(table[: drawn.rows], fitted, sample_weight=drawn.sample_weights)
        expected.append(
            model.predict(table)[:, None]
            if drawn.is_number
            else probabilities(model, table, drawn.kind)
        )
    got = drawn.answers(gradient_boosting, options)
    np.testing.assert_allclose(got, np.concatenate(expected, axis=1), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("check", [check_forest, check_boosting])
def test_drawn_models_predict_as_sklearn(check: Any) -> None:
    for seed in range(15):  # three of each kind of answer
        check(Drawn(seed))


@pytest.mark.slow
@pytest.mark.parametrize("check", [check_forest, check_boosting])
def test_1000_drawn_models_predict_as_sklearn(check: Any) -> None:
    for seed in range(15, 515):
        check(Drawn(seed))

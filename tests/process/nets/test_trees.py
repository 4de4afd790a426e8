"""Trees as arrays: forests and boosting predict the same as in scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_sample_image
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

from kissipo.core.batch import Batch
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.image_statistics import NAMES, statistics
from kissipo.process.nets import gradient_boosting, random_forest
from kissipo.process.nets._trees import TreeNet

pytestmark = pytest.mark.usefixtures("one_thread")
SHOP = TensorSpec("shop", (), (), vocab_size=400)


class Case:
    """Random samples and options, and what scikit-learn predicts with the same ones."""

    def __init__(self, number: int) -> None:
        self.generator = generator = np.random.default_rng(number)
        self.seed, self.rows = number % 5, int(generator.integers(12, 40))
        self.width = int(generator.integers(1, 5))
        x = generator.normal(size=(self.rows + 10, self.width)).round(1).astype(np.float32)
        if number % 3 == 0:  # missing numbers, which both kinds of trees know
            x[generator.random(x.shape) < 0.2] = np.nan
        self.x = x
        self.ids = generator.integers(1, generator.integers(3, 9), len(x))
        signal = np.nan_to_num(x[:, 0]) + (self.ids % 2) + generator.normal(0, 0.3, len(x))
        self.numbers = np.stack([signal, -signal * 2 + x.shape[1]], axis=1)
        self.classes = int(generator.integers(2, 5))
        cuts = np.quantile(signal, np.linspace(0, 1, self.classes + 1)[1:-1])
        self.target = np.searchsorted(cuts, signal)
        self.weights = generator.random(len(x)) + 0.5 if number % 4 == 0 else None
        self.depth = [None, 1, 2, 3][number % 4]

    def inputs(self, rows: slice) -> tuple[torch.Tensor, ...]:
        return torch.from_numpy(self.x[rows]), torch.from_numpy(self.ids[rows])

    @property
    def specs(self) -> tuple[TensorSpec, ...]:
        return TensorSpec("x", ("feature",), (self.width,)), SHOP

    @property
    def table(self) -> np.ndarray:
        return np.concatenate([self.x, self.ids[:, None]], axis=1, dtype=np.float64)

    def with_means(self, targets: np.ndarray) -> np.ndarray:
        """The table with the mean of each id and of 10 samples of the mean of all."""
        targets, ids = targets[: self.rows], self.ids[: self.rows]
        means = [
            (targets[ids == some].sum(axis=0) + 10 * targets.mean(axis=0))
            / ((ids == some).sum() + 10)
            for some in self.ids
        ]
        return np.concatenate([self.x, np.array(means, dtype=np.float32)], axis=1)

    def solved(self, module: Any, target: np.ndarray, spec: TensorSpec, **words: Any) -> TreeNet:
        """The net, solved in two batches, and loaded into another one."""
        options = module.Options(max_depth=self.depth, **words)
        net, again = (module.build(self.specs, (spec,), options) for _ in range(2))
        batches = [
            Batch(
                self.inputs(rows),
                (torch.from_numpy(target[rows]),),
                None if self.weights is None else torch.from_numpy(self.weights[rows]).float(),
            )
            for rows in (slice(0, 9), slice(9, self.rows))
        ]
        net.solve(batches, self.seed)
        again.load_state_dict(net.state_dict())
        return again

    def fitted(self, model: Any, target: np.ndarray, table: np.ndarray | None = None) -> Any:
        model.set_params(max_depth=self.depth, random_state=self.seed)
        weights = None if self.weights is None else self.weights[: self.rows].astype(np.float32)
        rows = (self.table if table is None else table)[: self.rows]
        return model.fit(rows, target[: self.rows], sample_weight=weights)


def softmax(net: TreeNet, case: Case) -> np.ndarray:
    outputs = net(*case.inputs(slice(0, None)))
    return np.asarray(outputs.softmax(dim=1))


def check_forest(case: Case) -> None:
    words = {"num_trees": 4, "min_samples_leaf": 1 + case.seed % 3}
    sk_words = {"n_estimators": 4, "min_samples_leaf": 1 + case.seed % 3}
    spec = TensorSpec("kind", ("class",), (5,))
    table = case.with_means(np.eye(5)[case.target])
    model = case.fitted(RandomForestClassifier(**sk_words), case.target, table)
    expected = np.zeros((len(case.x), 5))
    expected[:, model.classes_] = model.predict_proba(table)
    got = softmax(case.solved(random_forest, case.target, spec, **words), case)
    np.testing.assert_allclose(got, expected, atol=1e-9)
    spec = TensorSpec("y", ("horizon", "variable"), (2, 1))
    regressor = RandomForestRegressor(**sk_words)
    table = case.with_means(case.numbers)
    expected = case.fitted(regressor, case.numbers, table).predict(table)
    net = case.solved(random_forest, case.numbers[:, :, None], spec, **words)
    got = net(*case.inputs(slice(0, None)))[:, :, 0]
    np.testing.assert_allclose(got, expected, atol=1e-9)


def check_boosting(case: Case) -> None:
    words = {"max_iterations": 3, "min_samples_leaf": 1 + case.seed, "l2": 0.1 * case.seed}
    sk_words = {
        "max_iter": 3,
        "min_samples_leaf": 1 + case.seed,
        "l2_regularization": 0.1 * case.seed,
        "categorical_features": [case.width],
        "early_stopping": False,
    }
    model = case.fitted(HistGradientBoostingClassifier(**sk_words), case.target)
    probabilities = model.predict_proba(case.table)
    size = 1 if case.classes == 2 else 5
    spec = TensorSpec("kind", ("class",), (size,))
    net = case.solved(gradient_boosting, case.target, spec, **words)
    if size == 1:
        got = net(*case.inputs(slice(0, None))).sigmoid().numpy()
        np.testing.assert_allclose(got[:, 0], probabilities[:, 1], atol=1e-9)
    else:
        expected = np.zeros((len(case.x), 5))
        expected[:, model.classes_] = probabilities
        np.testing.assert_allclose(softmax(net, case), expected, atol=1e-9)
    regressor = case.fitted(HistGradientBoostingRegressor(**sk_words), case.numbers[:, 0])
    spec = TensorSpec("y", ("answer",), (1,))
    net = case.solved(gradient_boosting, case.numbers[:, :1], spec, **words)
    got = net(*case.inputs(slice(0, None)))[:, 0]
    np.testing.assert_allclose(got, regressor.predict(case.table), atol=1e-9)


@pytest.mark.parametrize("check", [check_forest, check_boosting])
def test_predictions_of_loaded_trees_equal_sklearn(check: Any) -> None:
    for number in range(60):  # two models of each case
        check(Case(number))


def test_trees_on_statistics_of_images_equal_sklearn_and_name_them() -> None:
    """scikit-learn's own sample photos, cut into squares."""
    photos = [load_sample_image(name) for name in ("china.jpg", "flower.jpg")]
    squares = [
        photo[place : place + 24, place : place + 24]
        for place in range(0, 400, 10)
        for photo in photos
    ]
    x = torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2).float() / 255
    y = torch.arange(len(x)) % 2
    spec = TensorSpec("photo", ("channel", "height", "width"), (3, 24, 24))
    kind = TensorSpec("kind", ("class",), (2,))
    rows = statistics(x).numpy()
    models = {
        random_forest: RandomForestClassifier(20, random_state=3),
        gradient_boosting: HistGradientBoostingClassifier(
            max_iter=20, random_state=3, early_stopping=False
        ),
    }
    for module, model in models.items():
        size = {"num_trees": 20} if module is random_forest else {"max_iterations": 20}
        options = module.Options(image_features="statistics", **size)
        outputs = (kind if module is random_forest else TensorSpec("kind", ("class",), (1,)),)
        net = module.build((spec,), outputs, options)
        net.solve([Batch((x[:60],), (y[:60],))], 3)
        expected = model.fit(rows[:60], y[:60].numpy()).predict_proba(rows[60:])
        logits = net(x[60:])
        scores = logits.softmax(1) if logits.shape[1] > 1 else logits.sigmoid()
        np.testing.assert_allclose(scores, expected[:, -scores.shape[1] :], atol=1e-6)
        assert net.row.width == len(NAMES) == 170
        assert net.names.names == NAMES
    light = x[:1].mean(dim=1)[0].numpy()
    named = dict(zip(NAMES, rows[0].tolist(), strict=True))
    cell = light[4:8, 8:12]  # of the grid of 6x6 cells of 4x4 pixels
    assert named["mean brightness of cell 2, 3"] == pytest.approx(
        cell.mean() - light.mean(), abs=1e-5
    )
    down, across = np.gradient(light)
    steep = np.hypot(down, across)
    assert named["maximum edge strength of cell 6, 1"] == pytest.approx(
        steep[20:, :4].max() - steep.max(), abs=1e-5
    )
    inside = (light >= 0.25) & (light < 0.3125)
    assert named["pixels of brightness 0.25 to 0.31"] == pytest.approx(inside.mean(), abs=1e-5)

"""The linear net, solved in one step, equals scikit-learn's regressions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_diabetes, load_wine
from sklearn.linear_model import LogisticRegression, RidgeCV
from torch import nn

import kissipo as ki
from kissipo.core.batch import Batch
from kissipo.core.description import Line
from kissipo.core.errors import TaskError
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.algorithms.closed_form import ClosedForm, Options
from kissipo.process.linear_init import ALPHAS
from kissipo.process.nets import linear
from kissipo.process.nets._linear_sections import classes_section, example_section

ROW = TensorSpec("row", ("feature",), (13,))
CITY = TensorSpec("city", (), (), vocab_size=9)
KIND = TensorSpec("kind", ("class",), (3,))


def test_classes_equal_those_of_logistic_regression() -> None:
    x, y = load_wine(return_X_y=True)
    x = ((x - x.mean(0)) / x.std(0)).astype(np.float32)
    net = linear.build((ROW,), (KIND,), linear.Options())
    assert isinstance(net, linear.LinearSequential)
    parts = [Batch((torch.tensor(x[i::2]),), (torch.tensor(y[i::2]),)) for i in (0, 1)]
    assert net.solve(parts, 0) == "solved by logistic regression (C = 1)"
    expected = LogisticRegression(max_iter=1000).fit(x, y).predict_proba(x)
    with torch.no_grad():
        np.testing.assert_allclose(net(torch.tensor(x)).softmax(1).numpy(), expected, atol=2e-3)


def test_numbers_equal_those_of_ridge_regression() -> None:
    x, y = load_diabetes(return_X_y=True)
    x, y = (x / x.std(0)).astype(np.float32), ((y - y.mean()) / y.std()).astype(np.float32)
    specs = TensorSpec("row", ("feature",), (10,)), TensorSpec("y", ("answer",), (1,))
    net = linear.build(specs[:1], specs[1:], linear.Options())
    assert isinstance(net, linear.LinearSequential)
    net.solve([Batch((torch.tensor(x),), (torch.tensor(y)[:, None],))], 0)
    expected = RidgeCV(alphas=ALPHAS).fit(x, y).predict(x)
    with torch.no_grad():
        np.testing.assert_allclose(net(torch.tensor(x))[:, 0].numpy(), expected, atol=1e-4)


def test_embeddings_and_several_outputs_are_not_solved() -> None:
    for inputs, outputs in (((ROW, CITY), (KIND,)), ((ROW,), (KIND, KIND))):
        net = linear.build(inputs, outputs, linear.Options())
        with pytest.raises(TaskError, match="closed_form solves one output of a linear net"):
            ClosedForm(net, (), Options()).begin([])  # type: ignore[arg-type]


def test_net_without_a_solution_is_refused() -> None:
    with pytest.raises(TaskError, match="closed_form cannot solve the net"):
        ClosedForm(nn.Linear(2, 1), (), Options())


def test_net_without_a_bias_is_not_solved_as_if_it_had_one() -> None:
    x, y = load_wine(return_X_y=True)
    net = linear.build((ROW,), (KIND,), linear.Options(bias=False))
    assert isinstance(net, linear.LinearSequential)
    batch = Batch((torch.tensor(x, dtype=torch.float32),), (torch.tensor(y),))
    with pytest.raises(TaskError, match="closed_form solves a linear net with a bias"):
        net.solve([batch], 0)
    text = TensorSpec("text", ("term", "weight"), (5, 2), vocab_size=6, padded=True)
    with pytest.raises(TaskError, match="a linear net on n-grams has a bias"):
        linear.build((text,), (KIND,), linear.Options(bias=False))


def test_sample_weights_of_a_task_count_as_in_sklearn(tmp_path: Path) -> None:
    x, y = load_wine(return_X_y=True)
    weights = np.arange(len(y)) % 5 + 1
    rows = np.column_stack([x[:, :2], weights, y + 10])
    header = "acid,alcohol,weight,kind"
    np.savetxt(tmp_path / "wine.csv", rows, delimiter=",", header=header, comments="")
    task = ki.Task(
        input={"table": str(tmp_path / "wine.csv"), "sample_weight": "weight"},
        process={"net": "linear", "algorithm": "closed_form"},
        output={"category": "kind", "baselines": []},
    )
    run = task.fit(out=tmp_path / "run")
    train = run.pipeline().datasets["train"].everything()
    assert train.weights is not None and len(train.weights.unique()) == 5
    inputs, classes = train.inputs[0].numpy(), train.targets[0].numpy()
    model = LogisticRegression(max_iter=1000).fit(inputs, classes, train.weights.numpy())
    with torch.no_grad():
        shares = run.net(*train.inputs).softmax(1).numpy()
    np.testing.assert_allclose(shares, model.predict_proba(inputs), atol=1e-4)


def test_signs_in_pieces_of_words_are_explained_where_they_stand() -> None:
    def lines(names: list[str]) -> list[str]:
        sections = (
            example_section([0.5, -0.2], [1.0, 1.0], 0.0, names, "pos"),
            classes_section(torch.tensor([[0.5, -0.2]]), names, ["pos"]),
        )
        texts = [line.text for part in sections for line in part.content if isinstance(line, Line)]
        return [text for text in texts if "start or the end of a word" in text]

    assert len(lines(["good", "·go…"])) == 2
    assert lines(["good", "bad"]) == []

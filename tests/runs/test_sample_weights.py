"""A sample of weight 2 is trained on as the same sample twice.

Witnesses: the loop of the engine on repeated rows, a loop of torch, and scikit-learn.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression, RidgeCV
from torch import Tensor, nn

import kissipo as ki
from kissipo.core.batch import Batch
from kissipo.core.errors import NotBuiltError
from kissipo.core.tensor_spec import TensorSpec
from kissipo.engine.fit import Fit, FitConfig
from kissipo.engine.run_folder import RunFolder
from kissipo.export.script.script import eject
from kissipo.input.tensor_dataset import TensorDataset
from kissipo.output.answer import Evaluation
from kissipo.pipeline.experiment import build_experiment
from kissipo.process.algorithms.supervised import Options, Supervised
from kissipo.process.linear_init import ALPHAS, init_linear
from kissipo.process.losses import (
    binary_cross_entropy,
    mean_squared_error,
    sparse_categorical_cross_entropy,
)
from kissipo.process.manual_backprop import ManualBackprop
from kissipo.runs.scores import _case

COUNTS = torch.tensor([1, 2, 2, 1, 1, 2, 1, 1, 2, 2])
CASES = {
    "regression": (mean_squared_error.loss, torch.linspace(-1, 2, 10).square()[:, None], 1),
    "binary": (binary_cross_entropy.loss, torch.arange(10) % 2, 1),
    "classes": (sparse_categorical_cross_entropy.loss, torch.arange(10) % 3, 3),
}


class Outputs:
    """An answer whose metric is the mean output."""

    monitor = "output"
    spec = TensorSpec("output", ("answer",), (1,))

    def predict(self, net: Any, inputs: Any, outputs: Tensor) -> Tensor:
        return outputs

    def gather(self, outputs: Tensor, targets: Tensor) -> tuple[Any, Any]:
        return outputs.numpy(), targets.numpy()

    def evaluate(self, scores: Any, truth: Any) -> Evaluation:
        return Evaluation({"output": float(scores.mean())})

    watch = evaluate


def linear_net(outputs: int) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(4, outputs))


def datasets(targets: Tensor) -> tuple[TensorDataset, TensorDataset]:
    """Returns ten samples with weights, and each as often as its weight says."""
    x = torch.randn(10, 4, generator=torch.Generator().manual_seed(5))
    weights = COUNTS / COUNTS.float().mean()
    repeated = TensorDataset(
        (x.repeat_interleave(COUNTS, 0),), (targets.repeat_interleave(COUNTS, 0),)
    )
    return TensorDataset((x,), (targets,), weights=weights), repeated


@pytest.mark.parametrize("case", CASES)
def test_weights_of_one_and_two_train_as_repeated_rows(case: str) -> None:
    loss, targets, outputs = CASES[case]
    results = []
    for dataset in datasets(targets):
        net = linear_net(outputs)
        algorithm = Supervised(
            net, (loss,), Options(optimizer="sgd", learning_rate=0.2, l2=0.01), total_steps=20
        )
        loop = Fit(
            net,
            algorithm,
            FitConfig(20, len(dataset), 0, shuffle=False),
            train=dataset,
            validation=dataset,
            answers=[Outputs()],
        )
        losses = [(row.get("loss"), row["validation_loss"]) for row in loop.run().history]
        results.append((np.array(losses[1:], dtype=float), net))
    (weighted, net), (repeated, other) = results
    np.testing.assert_allclose(weighted, repeated, rtol=1e-5)
    assert weighted[-1, 0] < weighted[0, 0]
    for name, weight in net.state_dict().items():
        torch.testing.assert_close(weight, other.state_dict()[name], rtol=1e-5, atol=1e-6)


def test_mean_of_an_epoch_of_batches_is_weighted_by_their_weights() -> None:
    """With a learning rate of almost zero, the epoch has the loss of one full batch."""
    loss, targets, outputs = CASES["regression"]
    losses = []
    for size in (10, 3):
        net = linear_net(outputs)
        algorithm = Supervised(
            net, (loss,), Options(optimizer="sgd", learning_rate=1e-12), total_steps=9
        )
        train = datasets(targets)[0]
        history = Fit(net, algorithm, FitConfig(1, size, 0), train=train).run().history
        losses.append(history[-1]["loss"])
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    unweighted = loss(linear_net(1)(train.inputs[0]), targets).item()
    assert losses[0] != pytest.approx(unweighted, rel=1e-3)


@pytest.mark.parametrize("case", CASES)
def test_step_equals_a_loop_of_torch(case: str) -> None:
    """Torch's loss of each sample, times its weight, over the sum of the weights."""
    loss, targets, outputs = CASES[case]
    weights = torch.tensor([0.0, 3.5, 1.0, 0.2, 1.0, 2.0, 0.0, 1.0, 4.0, 0.5])
    ours, theirs = linear_net(outputs), linear_net(outputs)
    x = torch.randn(10, 4)
    algorithm = Supervised(
        ours, (loss,), Options(optimizer="sgd", learning_rate=0.1), total_steps=5
    )
    algorithm.begin(TensorDataset((x,), (targets,)))
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.1)
    single = {
        "regression": nn.MSELoss(reduction="none"),
        "binary": nn.BCEWithLogitsLoss(reduction="none"),
        "classes": nn.CrossEntropyLoss(reduction="none"),
    }[case]
    for _ in range(5):
        value = algorithm.step(Batch((x,), (targets,), weights))["loss"]
        y = theirs(x)
        losses = single(y, targets.float()[:, None] if case == "binary" else targets)
        expected = (losses.flatten() * weights).sum() / weights.sum()
        optimizer.zero_grad()
        expected.backward()
        optimizer.step()
        torch.testing.assert_close(value, expected.detach())
        torch.testing.assert_close(ours[1].weight, theirs[1].weight)


def test_batch_whose_weights_are_all_zero_changes_nothing() -> None:
    net, (loss, targets, _) = linear_net(1), CASES["regression"]
    before = net[1].weight.detach().clone()
    algorithm = Supervised(net, (loss,), Options(optimizer="sgd", learning_rate=1.0), total_steps=1)
    algorithm.begin(TensorDataset((torch.randn(10, 4),), (targets,)))
    assert algorithm.step(Batch((torch.randn(10, 4),), (targets,), torch.zeros(10)))["loss"] == 0
    assert torch.equal(net[1].weight, before)


def test_kernels_are_used_without_weights_only(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    kernel = ManualBackprop.loss_and_backward

    def counted(self: ManualBackprop, loss: Any, x: Tensor, targets: Tensor) -> Tensor:
        calls.append(len(x))
        return kernel(self, loss, x, targets)

    monkeypatch.setattr(ManualBackprop, "loss_and_backward", counted)
    loss, targets, _ = CASES["regression"]
    algorithm = Supervised(linear_net(1), (loss,), Options(optimizer="sgd"), total_steps=2)
    x = torch.randn(10, 4)
    algorithm.begin(TensorDataset((x,), (targets,)))
    algorithm.step(Batch((x,), (targets,), torch.ones(10)))
    assert not calls
    algorithm.step(Batch((x,), (targets,)))
    assert calls == [10]


def table(*, constant: bool = False) -> str:
    """A table in which b is rare but heavy, or all rows have one weight."""
    generator = np.random.default_rng(0)
    lines = ["size,height,times,kind,price"]
    for row in range(200):
        size, height = generator.normal(size=2)
        kind = "ab"[row % 10 < 3]
        times = 2.5 if constant else {"a": 0.2, "b": 8}[kind]
        size += 0.7 * (kind == "b")
        lines.append(f"{size:.4f},{height:.4f},{times},{kind},{2 * size - height + row % 10:.4f}")
    Path("table.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return "table.csv"


WEIGHTED = {"input.sample_weight": "times", "input.drop": ["kind"]}


def test_equal_weights_train_as_no_weights() -> None:
    words = {"epochs": 4, "dropout": 0.0, "output.baselines": []}
    histories = []
    for more in ({"input.sample_weight": "times"}, {"input.drop": ["times"]}):
        task = ki.load(table(constant=True), output="kind", words={**words, **more})
        run = task.fit(out=f"run-{len(histories)}")
        histories.append(RunFolder(run.folder).read_history())
    assert len(histories[0]) == 5
    for one, other in zip(*histories, strict=True):
        for name in other.keys() & {"loss", "validation_loss"}:
            assert one[name] == pytest.approx(other[name], rel=1e-3)


def test_heavy_class_is_predicted_more_often_and_metrics_are_unweighted(
    content_of: Callable[[Path | str], Any], records_of: Callable[..., Any]
) -> None:
    shares = []
    for words in ({"input.sample_weight": "times"}, {"input.drop": ["times"]}):
        task = ki.load(table(), output="kind", words={"epochs": 10, **words})
        run = task.fit(out=f"run-{len(shares)}")
        answer = run.metrics["answers"][0]
        confusion = np.array(answer["details"]["confusion"])
        assert answer["metrics"]["accuracy"] == pytest.approx(np.trace(confusion) / confusion.sum())
        shares.append(confusion[:, 1].sum())
    assert shares[0] > 1.5 * shares[1]
    again = ki.open("run-0").evaluate()[0]
    assert again["accuracy"] == ki.open("run-0").metrics["answers"][0]["metrics"]["accuracy"]
    for number, is_weighted in enumerate((True, False)):
        tables = json.dumps(records_of(content_of(f"run-{number}/report.html"), "table"))
        assert ("metrics are unweighted" in tables) == is_weighted
    assert ki.open("run-0").predict({"size": 3, "height": 0, "price": 1}) == "b"


@pytest.mark.parametrize("output", ["kind", "price"])
def test_linear_start_is_the_weighted_regression_by_its_library(output: str) -> None:
    words = {"process.init": "linear", **({} if output == "kind" else WEIGHTED)}
    task = ki.load(table(), output=output, words={**words, "input.sample_weight": "times"})
    experiment = build_experiment(task)
    train = experiment.pipeline.datasets["train"]
    assert "the linear path starts" in init_linear(experiment.net, train)
    x, y = train.everything().inputs[0].numpy(), train.everything().targets[0].numpy()
    models = {
        "kind": lambda: LogisticRegression(max_iter=1000),
        "price": lambda: RidgeCV(alphas=ALPHAS),
    }
    assert train.weights is not None
    weighted = models[output]().fit(x, y, train.weights.numpy())
    wide = next(weight for name, weight in experiment.net.named_parameters() if "wide.w" in name)
    np.testing.assert_allclose(wide.detach().numpy().ravel(), weighted.coef_.ravel(), rtol=1e-4)
    assert np.abs(weighted.coef_ - models[output]().fit(x, y).coef_).max() > 1e-3


def test_baselines_pass_the_weights_to_their_models() -> None:
    task = ki.load(table(), output="kind", words={"input.sample_weight": "times"})
    pipeline = build_experiment(task).pipeline
    case = _case(pipeline, 0, "test", 0, None)
    train, test = (pipeline.datasets[name].everything() for name in ("train", "test"))
    assert train.weights is not None
    x, y, weights = train.inputs[0].numpy(), train.targets[0].numpy(), train.weights.numpy()
    model = LogisticRegression(max_iter=1000).fit(x, y, weights)
    ours = baseline("logistic_regression").predict(case)
    np.testing.assert_allclose(ours, model.predict_proba(test.inputs[0].numpy()), rtol=1e-6)
    heavy = weights[y == 1].sum() / weights.sum()
    assert heavy > 0.7 and (y == 1).mean() < 0.4
    np.testing.assert_allclose(baseline("majority").predict(case)[:, 1], heavy, rtol=1e-6)
    assert baseline("nearest_neighbors").predict(case) is not None  # takes no weights


def test_mean_of_the_baseline_is_weighted() -> None:
    pipeline = build_experiment(ki.load(table(), output="price", words=WEIGHTED)).pipeline
    case = _case(pipeline, 0, "test", 0, None)
    expected = np.average(case.train.truth, weights=case.train.weights)
    np.testing.assert_allclose(baseline("mean").predict(case), expected)
    assert abs(expected - case.train.truth.mean()) > 0.01


def baseline(name: str) -> Any:
    return import_module(f"kissipo.output.baselines.{name}")


def test_script_of_weighted_samples_is_refused() -> None:
    task = ki.load(table(), output="kind", words={"input.sample_weight": "times"})
    with pytest.raises(NotBuiltError, match=r"kissipo eject does not write input\.sample_weight"):
        eject(task, "out")
    assert not Path("out").exists()

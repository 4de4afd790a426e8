"""A torch module of the user as the net of a task, and callbacks of the user."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_wine
from sklearn.metrics import confusion_matrix, zero_one_loss
from torch import Tensor, nn

import kissipo as ki
from kissipo.core.errors import (
    CallbackError,
    RunError,
    ShapeError,
    StoppedError,
    TaskError,
    UserError,
)

FILES = ("model.safetensors", "metrics.json", "codecs.json")


class Net(nn.Module):
    def __init__(self, inputs: int = 13, classes: int = 3) -> None:
        super().__init__()
        self.hidden, self.last = nn.Linear(inputs, 8), nn.Linear(8, classes)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.last(torch.tanh(self.hidden(x)))
        return output


def wine() -> tuple[Any, Any]:
    x, y = load_wine(return_X_y=True)
    return ((x - x.mean(axis=0)) / x.std(axis=0)).astype(np.float32), y


def task(net: nn.Module, **process: Any) -> ki.Task:
    return ki.Task(
        input={"tensors": wine()},
        process={"net": net, "epochs": 12, "learning_rate": 0.02, **process},
        output={"category": "y", "baselines": ["majority"]},
    )


def test_a_module_is_trained_evaluated_and_loaded_again() -> None:
    torch.manual_seed(0)
    net = Net()
    before = {name: weight.clone() for name, weight in net.state_dict().items()}
    run = task(net).fit(out="run")
    assert isinstance(run.net, Net)
    assert run.evaluate()[0].net.metrics["accuracy"] > 0.9
    assert all(torch.equal(before[name], weight) for name, weight in net.state_dict().items())
    assert "Net given in Python" in Path("run/task.yaml").read_text()
    x, _ = wine()
    with torch.no_grad():
        expected = run.net(torch.from_numpy(x)).argmax(dim=1)
    again = ki.open("run", net=Net())
    assert again.predict(x) == [int(k) for k in expected]
    assert Path("run/report.html").stat().st_size > 10_000
    assert [step.name for step in run.trace(x[0]).steps if step.parameters] == ["hidden", "last"]


def test_a_run_with_a_module_needs_the_module_again() -> None:
    task(Net(), epochs=1).fit(out="run")
    with pytest.raises(TaskError, match=r"kissipo\.open\(folder, net=module\)"):
        ki.open("run")
    with pytest.raises(RunError, match="do not fit"):
        ki.open("run", net=Net(classes=4))


def test_a_stopped_run_with_a_module_goes_on_to_the_same_bits(interrupter: Any) -> None:
    torch.manual_seed(1)
    net = Net()
    task(net).fit(out="whole")
    with pytest.raises(StoppedError):
        task(net).fit(out="cut", callbacks=[interrupter(5)])
    task(net).fit(out="cut", resume=True)
    for file in FILES:
        assert Path("whole", file).read_bytes() == Path("cut", file).read_bytes(), file


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (Net(classes=4), r"do not fit the output of the task; got \(1, 4\)\. Allowed: \(1, 3\)"),
        (Net(inputs=5), r"does not take the inputs of the task: mat1 and mat2"),
        (nn.LSTM(13, 3), r"do not fit the output of the task"),
    ],
)
def test_a_module_that_does_not_fit_is_named(net: nn.Module, message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        task(net).fit(out="run")
    assert not Path("run").exists()


def test_a_loss_object_trains_as_the_named_loss_and_resumes(interrupter: Any) -> None:
    torch.manual_seed(3)
    net = Net()
    named = task(net, loss="cross_entropy").fit(out="named")
    own = task(net, loss=nn.CrossEntropyLoss()).fit(out="given")
    for one, other in zip(named.net.parameters(), own.net.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    weighted = task(net, loss=nn.CrossEntropyLoss(torch.tensor([9.0, 1.0, 1.0]))).fit(out="more")
    first = [answer == 0 for answer in weighted.predict(wine()[0])]
    assert sum(first) >= sum(answer == 0 for answer in named.predict(wine()[0]))
    assert "CrossEntropyLoss given in Python" in Path("given/task.yaml").read_text()
    x, _ = wine()
    assert ki.open("given", net=Net()).predict(x[0]) == own.predict(x[0])
    with pytest.raises(StoppedError):
        task(net, loss=nn.CrossEntropyLoss()).fit(out="cut", callbacks=[interrupter(4)])
    task(net, loss=nn.CrossEntropyLoss()).fit(out="cut", resume=True)
    for file in FILES:
        assert Path("given", file).read_bytes() == Path("cut", file).read_bytes(), file


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (nn.CrossEntropyLoss(reduction="none"), r"does not return one number; got \(\d+,\)"),
        (nn.L1Loss(), "does not take the outputs and targets of the task"),
        (3, "must be a name, or a function"),
    ],
)
def test_a_loss_that_does_not_fit_is_named(loss: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        task(Net(), loss=loss).fit(out="run")


class Rows(ki.Callback):
    """Keeps the rows of the history, and fails in one epoch."""

    def __init__(self, failing: int = 0) -> None:
        self.rows: list[Mapping[str, Any]] = []
        self.failing = failing

    def on_epoch(self, row: Mapping[str, Any]) -> None:
        if row["epoch"] == self.failing:
            raise KeyError("validation_f1")
        self.rows.append(row)


def test_a_callback_of_the_user_gets_every_epoch() -> None:
    rows = Rows()
    run = task(Net(), epochs=4).fit(out="run", callbacks=[rows])
    assert [row["epoch"] for row in rows.rows] == [1, 2, 3, 4]
    losses = [row["validation_loss"] for row in run.history if row["epoch"] > 0]
    assert [row["validation_loss"] for row in rows.rows] == pytest.approx(losses, rel=1e-4)


def test_a_callback_that_fails_is_named_and_loses_nothing() -> None:
    torch.manual_seed(2)
    net = Net()
    task(net).fit(out="whole")
    with pytest.raises(CallbackError, match="Rows failed in on_epoch; got KeyError") as error:
        task(net).fit(out="cut", callbacks=[Rows(failing=3)])
    assert "resume with --resume --out cut" in str(error.value)
    task(net).fit(out="cut", resume=True)
    for file in FILES:
        assert Path("whole", file).read_bytes() == Path("cut", file).read_bytes(), file


def plain(net: nn.Module, metrics: Any) -> ki.Task:
    return task(net).with_words({"output.metrics": metrics})


def test_a_metric_of_the_user_is_that_of_sklearn(interrupter: Any) -> None:
    torch.manual_seed(4)
    net, metrics = Net(), [zero_one_loss, "cohen_kappa"]
    run = plain(net, metrics).fit(out="run")
    score = run.metrics["answers"][0]
    assert score["metrics"]["zero_one_loss"] == pytest.approx(1 - score["metrics"]["accuracy"])
    assert "zero_one_loss" in score["baselines"]["majority class"]
    assert "sklearn zero_one_loss given in Python" in Path("run/task.yaml").read_text()
    again = ki.open("run", net=Net()).evaluate(wine())[0].net.metrics
    assert "cohen_kappa" in again and "zero_one_loss" not in again
    with pytest.raises(StoppedError):
        plain(net, metrics).fit(out="cut", callbacks=[interrupter(4)])
    plain(net, metrics).fit(out="cut", resume=True)
    for file in FILES:
        assert Path("run", file).read_bytes() == Path("cut", file).read_bytes(), file


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        (confusion_matrix, r"the metric confusion_matrix does not return one number; got ndarray"),
        (lambda truth: 1.0, r"the metric <lambda> failed: TypeError"),
        (lambda truth, predicted: "good", r"does not return one number; got str"),
        (3, "must be names, or functions of targets and predictions; got 3"),
        ("f2", "f2"),
    ],
)
def test_a_metric_that_does_not_fit_is_named(metric: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        plain(Net(), [metric]).fit(out="run")

"""Fit equals a plain torch loop; evaluation is exact; callbacks are called."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import accuracy_score, log_loss
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import kissipo as ki
from kissipo.core.errors import StoppedError
from kissipo.core.protocols import FitCallback
from kissipo.core.seeds import derive
from kissipo.engine.evaluate import answer_all, evaluate
from kissipo.engine.fit import Fit, FitConfig
from kissipo.input.tensor_dataset import TensorDataset
from kissipo.pipeline.experiment import Experiment, build_experiment
from kissipo.process.algorithms.closed_form import ClosedForm, Options, Samples

pytestmark = pytest.mark.usefixtures("one_thread")  # as the loop itself takes for so small a net
SEED, EPOCHS, BATCH, RATE, CLIP, L2 = 11, 4, 32, 0.02, 1.0, 1e-3


def portions(train: TensorDataset, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
    """The batches of an epoch as the loop promises them."""
    x, y = train.everything().inputs[0], train.targets[0]
    order = torch.randperm(
        len(x), generator=torch.Generator().manual_seed(derive(SEED, "order", epoch))
    )
    for step, index in enumerate(order.split(BATCH)):
        torch.manual_seed(derive(SEED, "step", epoch) + step)
        yield x[index], y[index]


def net_by_hand(experiment: Experiment) -> nn.Module:
    """The lecture's net with the first weights of the experiment."""
    net = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 256), nn.ReLU(), nn.Dropout(0.4), nn.Linear(256, 10)
    )
    with torch.no_grad():
        for mine, theirs in zip(net.parameters(), experiment.net.parameters(), strict=True):
            mine.copy_(theirs)
    return net


def with_adam(net: nn.Module, train: TensorDataset) -> Iterator[float]:
    """Torch's own optimizer; the mean loss of every epoch."""
    optimizer = torch.optim.Adam(net.parameters(), RATE, eps=1e-8, fused=True)
    for epoch in range(1, EPOCHS + 1):
        total = 0.0
        for x, y in portions(train, epoch):
            optimizer.zero_grad()
            loss = cross_entropy(net(x), y)
            loss.backward()
            optimizer.step()
            total += float(loss.detach()) * len(x)
        yield total / len(train)


def with_everything(net: nn.Module, train: TensorDataset) -> Iterator[float]:
    """Momentum, cosine schedule, clipped gradients and L2, as their formulas say."""
    weights = list(net.parameters())
    speeds = [torch.zeros_like(weight) for weight in weights]
    steps, done = EPOCHS * math.ceil(len(train) / BATCH), 0
    for epoch in range(1, EPOCHS + 1):
        total = 0.0
        for x, y in portions(train, epoch):
            loss = cross_entropy(net(x), y)
            penalty = sum(L2 * (weight**2).sum() for weight in weights if weight.dim() == 2)
            gradients = torch.autograd.grad(loss + penalty, weights)
            length = math.sqrt(sum(float((gradient.double() ** 2).sum()) for gradient in gradients))
            rate = RATE * (1 + math.cos(math.pi * done / steps)) / 2
            with torch.no_grad():
                for weight, speed, gradient in zip(weights, speeds, gradients, strict=True):
                    speed.mul_(0.9).add_(gradient * min(1.0, CLIP / length))
                    weight -= rate * speed
            done += 1
            total += float(loss.detach()) * len(x)
        yield total / len(train)


@pytest.mark.parametrize(
    ("by_hand", "words", "tolerance"),
    [
        (with_adam, {"optimizer": "adam"}, 0.0),
        (
            with_everything,
            {"optimizer": "momentum", "schedule": "cosine", "clip_norm": CLIP, "l2": L2},
            1e-6,
        ),
    ],
)
def test_fit_equals_a_plain_torch_loop(
    by_hand: Any, words: Mapping[str, Any], tolerance: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without kernels: their sums have another order, and other dropout masks."""
    monkeypatch.setattr("kissipo.process.kernels.native._FORCED", "none")
    words = {**words, "learning_rate": RATE, "epochs": EPOCHS, "early_stopping": 0}
    task = ki.load("digits", words={f"process.{key}": value for key, value in words.items()})
    run = task.fit(seed=SEED)
    experiment = build_experiment(task, seed=SEED)
    net = net_by_hand(experiment)
    train, held_out = (experiment.pipeline.datasets[part] for part in ("train", "validation"))
    losses, validation, snapshots = [], [], []
    for loss in by_hand(net, train):
        losses.append(loss)
        net.eval()
        with torch.no_grad():
            validation.append(
                float(cross_entropy(net(held_out.everything().inputs[0]), held_out.targets[0]))
            )
        net.train()
        snapshots.append([weight.detach().clone() for weight in net.parameters()])
    assert losses[-1] < losses[0]
    assert [row["loss"] for row in run.history[1:]] == pytest.approx(losses, rel=1e-6)
    assert [row["validation_loss"] for row in run.history[1:]] == pytest.approx(
        validation, rel=1e-5
    )
    assert run.metrics["best_epoch"] == 1 + int(np.argmin(validation))
    for actual, expected in zip(
        run.net.parameters(), snapshots[int(np.argmin(validation))], strict=True
    ):
        torch.testing.assert_close(actual, expected, rtol=0, atol=tolerance)


def test_kernels_train_like_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    task = ki.load("digits", words={"process.epochs": 3, "process.dropout": 0})
    fast = task.fit(seed=SEED, out="fast").history
    monkeypatch.setattr("kissipo.process.kernels.native._FORCED", "none")
    slow = task.fit(seed=SEED, out="slow").history
    for one, two in zip(fast, slow, strict=True):
        assert one["validation_loss"] == pytest.approx(two["validation_loss"], rel=2e-3)


def messages() -> Experiment:
    """Short and long texts, so that each batch is padded to another length."""
    lines = [
        line.replace('"', "") for line in load_breast_cancer().DESCR.splitlines() if line.strip()
    ]
    rows = [f'"{text}",{"number" if any(map(str.isdigit, text)) else "prose"}' for text in lines]
    Path("messages.csv").write_text("\n".join(["message,kind", *rows]), encoding="utf-8")
    return build_experiment(
        ki.load(
            "messages.csv",
            output="kind",
            words={"process.net": "recurrent", "input.text": ["message"]},
        )
    )


def digits() -> Experiment:
    return build_experiment(ki.load("digits"))


@pytest.mark.parametrize("batch", [1, 7, 64])
@pytest.mark.parametrize("build", [digits, messages])
def test_evaluate_is_independent_of_the_batch_size(build: Any, batch: int) -> None:
    slack = (
        257 * torch.finfo(torch.float32).eps
    )  # rounding at each term of the longest sum of either net
    experiment = build()
    dataset, answers = experiment.pipeline.datasets["train"], experiment.pipeline.answers
    whole = evaluate(
        experiment.net, dataset, answers, algorithm=experiment.algorithm, batch=len(dataset)
    )
    parts = evaluate(experiment.net, dataset, answers, algorithm=experiment.algorithm, batch=batch)
    assert parts.loss == pytest.approx(whole.loss, rel=slack)
    np.testing.assert_allclose(parts.scores[0], whole.scores[0], atol=slack)
    np.testing.assert_array_equal(parts.truths[0], dataset.targets[0].reshape(-1))
    for name, value in whole.evaluations[0].metrics.items():
        assert parts.evaluations[0].metrics[name] == pytest.approx(value, abs=slack), name
    (outputs,) = answer_all(experiment.net, dataset, experiment.pipeline.answers, batch=batch)
    np.testing.assert_allclose(answers[0].scores(outputs), whole.scores[0], atol=slack)


def test_evaluate_equals_sklearn_and_restores_the_mode() -> None:
    experiment = digits()
    dataset = experiment.pipeline.datasets["test"]
    for training in (True, False):
        split = evaluate(experiment.net.train(training), dataset, experiment.pipeline.answers)
        assert experiment.net.training is training
        truth, scores = dataset.targets[0].numpy(), split.scores[0]
        assert split.evaluations[0].metrics["accuracy"] == pytest.approx(
            accuracy_score(truth, scores.argmax(axis=1))
        )
        assert split.evaluations[0].metrics["log_loss"] == pytest.approx(
            log_loss(truth, scores), rel=1e-9
        )
        assert math.isnan(split.loss)


class Diary(FitCallback):
    """Records all calls of a callback."""

    def __init__(self) -> None:
        self.facts: dict[str, Any] = {}
        self.rows: list[dict[str, Any]] = []
        self.progress: list[dict[str, Any]] = []

    def on_start(self, facts: Mapping[str, Any]) -> None:
        self.facts = dict(facts)

    def on_progress(self, facts: Mapping[str, Any]) -> None:
        self.progress.append(dict(facts))

    def on_epoch(self, row: Mapping[str, Any]) -> None:
        self.rows.append(dict(row))


def test_callbacks_receive_start_progress_and_epochs() -> None:
    experiment, diary = digits(), Diary()
    datasets, saved = experiment.pipeline.datasets, []
    fit = Fit(
        experiment.net,
        experiment.algorithm,
        FitConfig(epochs=2, batch=100, seed=0),
        train=datasets["train"],
        validation=datasets["validation"],
        answers=experiment.pipeline.answers,
        callbacks=[diary],
        save=saved.append,
    )
    state = fit.run()
    assert diary.facts == {"epochs": 2, "steps": 13, "batch": 100, "samples": 1258}
    assert [(row["epoch"], row["best"]) for row in diary.rows] == [(1, True), (2, True)]
    assert [{key: row[key] for key in state.history[1]} for row in diary.rows] == state.history[1:]
    assert all(
        0 < facts["step"] <= 13 and facts["steps"] == 13 and facts["epochs"] == 2
        for facts in diary.progress
    )
    assert diary.progress
    assert len(saved) == 1
    assert saved[0]["state"]["done"]


class Mean(nn.Module):
    """A net that is solved: it keeps the mean of its inputs."""

    mean: Tensor

    def solve(self, samples: Samples, seed: int) -> str:
        rows = torch.cat([batch.inputs[0] for batch in samples])
        self.register_buffer("mean", rows.flatten(1).double().mean())
        return f"solved from {len(samples)} samples"


class Reader(Diary):
    """Records how many samples were read, and may ask for the end."""

    def __init__(self, stop: Callable[[], None] | None = None) -> None:
        super().__init__()
        self.stop, self.read, self.notes = stop, list[int](), list[str]()

    def on_read(self, facts: Mapping[str, Any]) -> None:
        assert facts["samples"] == 1258 and facts["seconds"] >= 0
        self.read.append(facts["read"])
        if self.stop is not None:
            self.stop()

    def on_note(self, text: str) -> None:
        self.notes.append(text)


def test_net_without_epochs_reports_what_it_has_read_and_stops(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("kissipo.engine.fit._PROGRESS_SECONDS", 0.0)
    train = digits().pipeline.datasets["train"]
    net, reader, saved = Mean(), Reader(), list[Any]()

    def solving(reader: Reader) -> Fit:
        algorithm = ClosedForm(net, (), Options())
        config = FitConfig(epochs=0, batch=100, seed=0)
        return Fit(net, algorithm, config, train=train, callbacks=[reader], save=saved.append)

    assert solving(reader).run().done
    assert reader.read == [256, 512, 768, 1024, 1258]
    assert reader.notes == ["solved from 1258 samples"]
    torch.testing.assert_close(net.mean, train.everything().inputs[0].double().mean())
    stopped = Reader(lambda: setattr(fit._stopping, "wished", True))
    fit = solving(stopped)
    with pytest.raises(StoppedError, match="stopped after 512 of 1258 samples were read"):
        fit.run()
    assert stopped.read == [256] and not saved[-1]["state"]["begun"]

"""Label smoothing, class weights, mixup and EMA, compared with torch step by step."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch import Tensor, nn

import kissipo as ki
from kissipo.core.batch import Batch
from kissipo.core.errors import ShapeError, TaskError
from kissipo.process.algorithms.supervised import Options, Supervised
from kissipo.process.cross_entropy import CrossEntropy, balanced, weighted
from kissipo.process.losses import (
    binary_cross_entropy,
    mean_squared_error,
    sparse_categorical_cross_entropy,
)

SPARSE, BINARY = sparse_categorical_cross_entropy.loss, binary_cross_entropy.loss


def net(outputs_count: int = 3) -> nn.Sequential:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Linear(5, outputs_count))


def batches(count: int, classes: int = 3) -> list[Batch]:
    torch.manual_seed(2)
    return [Batch((torch.randn(8, 4),), (torch.randint(classes, (8,)),)) for _ in range(count)]


def trained_by(model: nn.Module, loss: Any = SPARSE, **options: Any) -> Supervised:
    algorithm = Supervised(
        model, (loss,), Options(optimizer="sgd", learning_rate=0.1, **options), total_steps=9
    )
    algorithm.begin(None)  # type: ignore[arg-type]
    return algorithm


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("weights", [None, torch.tensor([0.5, 2.0, 1.0])])
def test_cross_entropy_equals_torch(smoothing: float, weights: Tensor | None) -> None:
    outputs, targets = torch.randn(20, 3), torch.randint(3, (20,))
    expected = nn.CrossEntropyLoss(weights, label_smoothing=smoothing)(outputs, targets)
    assert CrossEntropy(smoothing, weights)(outputs, targets) == expected


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_single_logit_equals_two_logits_with_the_first_zero(smoothing: float) -> None:
    """The reference is torch's loss of one logit with labels smoothed by hand."""
    outputs, targets = torch.randn(20, 1, dtype=torch.float64), torch.randint(2, (20,))
    soft = (targets * (1 - smoothing) + smoothing / 2).double()[:, None]
    expected = nn.BCEWithLogitsLoss()(outputs, soft)
    torch.testing.assert_close(CrossEntropy(smoothing)(outputs, targets), expected)


def test_balanced_weights_equal_sklearn() -> None:
    targets = torch.tensor([0] * 30 + [1] * 5 + [2] * 65)
    expected = compute_class_weight("balanced", classes=np.arange(3), y=targets.numpy())
    np.testing.assert_allclose(balanced(targets, 3), expected, rtol=1e-6)
    assert balanced(targets, 4)[3].isfinite()  # a class without training examples


@pytest.mark.parametrize(
    ("outputs_count", "loss", "classes"),
    [(3, SPARSE, 3), (1, BINARY, 2), (2, SPARSE, 2)],
    ids=["three", "one output", "two"],
)
def test_label_smoothing_and_class_weights_steps_equal_torch(
    outputs_count: int, loss: Any, classes: int
) -> None:
    ours, theirs = net(outputs_count), net(outputs_count)
    targets = torch.cat([batch.targets[0] for batch in batches(6, classes)])
    algorithm = trained_by(ours, weighted(loss, targets, classes), label_smoothing=0.1)
    loss_by_torch = nn.CrossEntropyLoss(balanced(targets, classes), label_smoothing=0.1)
    steps = torch.optim.SGD(theirs.parameters(), 0.1)
    for batch in batches(6, classes):
        outputs = theirs(batch.inputs[0])
        outputs = (
            torch.cat([torch.zeros_like(outputs), outputs], 1) if outputs_count == 1 else outputs
        )
        expected = loss_by_torch(outputs, batch.targets[0])
        steps.zero_grad()
        expected.backward()
        steps.step()
        assert algorithm.step(batch)["loss"] == expected
    assert all(
        torch.equal(one, two)
        for one, two in zip(ours.parameters(), theirs.parameters(), strict=True)
    )


def test_validation_loss_is_weighted_and_not_smoothed() -> None:
    batch = batches(1)[0]
    outputs, weights = torch.randn(8, 3), balanced(batch.targets[0], 3)
    algorithm = trained_by(net(), weighted(SPARSE, batch.targets[0], 3), label_smoothing=0.3)
    assert algorithm.loss(outputs, batch.targets) == nn.CrossEntropyLoss(weights)(
        outputs, batch.targets[0]
    )


def test_mixup_steps_by_hand() -> None:
    ours, theirs = net(), net()
    algorithm = trained_by(ours, mixup=0.4)
    steps = torch.optim.SGD(theirs.parameters(), 0.1)
    for number, batch in enumerate(batches(6)):
        (x,), (y,) = batch.inputs, batch.targets
        torch.manual_seed(number)
        share, order = float(torch.distributions.Beta(0.4, 0.4).sample()), torch.randperm(8)
        one_hot = nn.functional.one_hot(y, 3).float()
        soft = share * one_hot + (1 - share) * one_hot[order]
        expected = nn.CrossEntropyLoss()(theirs(share * x + (1 - share) * x[order]), soft)
        steps.zero_grad()
        expected.backward()
        steps.step()
        torch.manual_seed(number)
        torch.testing.assert_close(algorithm.step(batch)["loss"], expected.detach())
    for one, two in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-5, atol=1e-6)


def test_ema_by_hand_while_training_keeps_its_own_weights() -> None:
    """The EMA starts after the first step; buffers are not averaged."""
    ours, plain = net(), net()
    mean: dict[str, Tensor] = {}
    algorithm, other = trained_by(ours, ema=0.9), trained_by(plain)
    for batch in batches(9):
        algorithm.step(batch)
        other.step(batch)
        weights = {name: weight.detach().clone() for name, weight in plain.named_parameters()}
        mean = {
            name: mean.get(name, weight).lerp(weight, 1 - 0.9) for name, weight in weights.items()
        }
        with algorithm.eval_weights():
            averaged = deepcopy(ours.state_dict())
        assert all(
            torch.equal(averaged[name], tensor)
            for name, tensor in {**plain.state_dict(), **mean}.items()
        )
        assert all(
            torch.equal(one, two)
            for one, two in zip(ours.parameters(), plain.parameters(), strict=True)
        )


def test_ema_resumes_from_a_saved_state() -> None:
    whole, broken = net(), net()
    first, second = trained_by(whole, ema=0.8), trained_by(broken, ema=0.8)
    for batch in batches(6)[:3]:
        first.step(batch)
        second.step(batch)
    state, weights = deepcopy(second.state_dict()), deepcopy(broken.state_dict())
    again = net()
    again.load_state_dict(weights)
    resumed = Supervised(
        again, (SPARSE,), Options(optimizer="sgd", learning_rate=0.1, ema=0.8), total_steps=9
    )
    resumed.load_state_dict(state)
    for batch in batches(6)[3:]:
        first.step(batch)
        resumed.step(batch)
    with first.eval_weights(), resumed.eval_weights():
        assert all(
            torch.equal(one, two)
            for one, two in zip(whole.parameters(), again.parameters(), strict=True)
        )


def test_ema_weights_are_saved_and_evaluated() -> None:
    options = {"process.epochs": 3, "process.ema": 0.99, "process.early_stopping": 0}
    run = ki.load("digits", words=options).fit(out="mean")
    plain = ki.load("digits", words={**options, "process.ema": 0}).fit(out="plain")
    assert not torch.equal(run.net[1].weight, plain.net[1].weight)
    last = run.history[-1]
    dataset = run.pipeline().datasets["validation"].everything()
    with torch.no_grad():
        loss = nn.CrossEntropyLoss()(run.net(*dataset.inputs), dataset.targets[0])
    assert last["validation_loss"] == pytest.approx(float(loss), rel=1e-5)


def test_class_weights_raise_the_recall_of_a_rare_class() -> None:
    """One example in 30 is of the rare class, which is hard to recognize."""
    rng = np.random.default_rng(0)
    rare = rng.random(3000) < 1 / 30
    images = np.clip(rng.normal(110, 40, (3000, 2, 2)) + 60 * rare[:, None, None], 0, 255).astype(
        np.uint8
    )
    task = ki.Task(
        input={"images": images, "labels": np.where(rare, "scratch", "whole"), "batch_size": 64},
        process={"net": "ffn", "units": [8], "epochs": 10, "learning_rate": 0.01},
        output={"category": "class", "positive_class": "scratch", "baselines": ["majority"]},
    )
    recall = {}
    for options in (None, "balanced"):
        run = task.with_words({"process.class_weights": options}).fit(out=f"run-{options}")
        recall[options] = run.metrics["answers"][0]["metrics"]["recall"]
    assert recall["balanced"] > recall[None] + 0.3


def test_unsuitable_options_are_refused_before_a_run() -> None:
    with pytest.raises(
        TaskError,
        match=r"process.label_smoothing needs a category or a text with the loss cross-entropy",
    ):
        trained_by(net(), mean_squared_error.loss, label_smoothing=0.1)
    with pytest.raises(TaskError, match=r"process.class_weights needs an answer of classes"):
        ki.load("equations", words={"process.class_weights": "balanced"}).fit(out="run")
    Path("novel.txt").write_text("so it goes and so it went " * 60)
    with pytest.raises(
        ShapeError, match=r"process.mixup mixes numbers, and 'text' is encoded as ids"
    ):
        ki.load("novel.txt", words={"process.mixup": 0.2}).fit(out="run")
    for word in ("label_smoothing", "mixup"):
        with pytest.raises(
            TaskError,
            match=rf"process.{word} would assign probability to illegal moves",
        ):
            ki.load("go", words={"input.num_games": 10, f"process.{word}": 0.1}).fit(out="run")

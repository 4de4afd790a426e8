"""Supervised learning beside the same steps written out with torch; the linear start beside scikit-learn."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.linear_model import LogisticRegression, RidgeCV
from torch import Tensor, nn
from torch.nn import functional

from kissipo.core.batch import Batch
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.algorithms.supervised import Options, Supervised
from kissipo.process.linear_init import ALPHAS
from kissipo.process.losses.mean_squared_error import loss as squares
from kissipo.process.nets import ffn


def batches(count: int) -> list[Batch]:
    torch.manual_seed(2)
    return [Batch((torch.randn(6, 4),), (torch.randn(6, 2),)) for _ in range(count)]


def net() -> nn.Sequential:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 2))


@pytest.mark.parametrize(
    ("words", "penalty", "clip"),
    [
        ({}, lambda weights: 0.0, None),
        ({"l1": 0.05}, lambda weights: 0.05 * sum(w.abs().sum() for w in weights), None),
        ({"l2": 0.05}, lambda weights: 0.05 * sum(w.square().sum() for w in weights), None),
        ({"l1": 0.02, "l2": 0.03}, lambda weights: sum(0.02 * w.abs().sum() + 0.03 * w.square().sum() for w in weights), None),
        ({"clip_norm": 0.1}, lambda weights: 0.0, 0.1),
    ],
)  # fmt: skip
def test_steps_are_those_written_out(
    words: dict[str, float], penalty: object, clip: float | None
) -> None:
    ours, theirs = net(), net()
    algorithm = Supervised(
        ours, (squares,), Options(optimizer="sgd", learning_rate=0.1, **words), total_steps=5
    )  # type: ignore[arg-type]
    algorithm.begin(None)  # type: ignore[arg-type]
    for batch in batches(5):
        told = algorithm.step(batch)["loss"]
        loss = functional.mse_loss(theirs(batch.inputs[0]), batch.targets[0])
        assert told.item() == pytest.approx(loss.item(), rel=1e-6)  # without the penalty
        total = loss + penalty([theirs[0].weight, theirs[2].weight])  # type: ignore[operator]
        gradients = torch.autograd.grad(total, list(theirs.parameters()))
        length = torch.cat([gradient.flatten() for gradient in gradients]).norm()
        shorter = 1.0 if clip is None else min(1.0, clip / (float(length) + 1e-6))
        with torch.no_grad():
            for weight, gradient in zip(theirs.parameters(), gradients, strict=True):
                weight -= 0.1 * shorter * gradient
    for found, expected in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_the_rate_follows_the_schedule() -> None:
    algorithm = Supervised(
        net(), (squares,), Options(learning_rate=0.4, schedule="cosine", warmup=0.25), total_steps=4
    )
    algorithm.begin(None)  # type: ignore[arg-type]
    seen = []
    for batch in batches(4):
        algorithm.step(batch)
        seen.append(algorithm.optimizer.param_groups[0]["lr"])
    assert seen == pytest.approx([0.0, 0.4 * 0.853553, 0.4 * 0.5, 0.4 * 0.146447], abs=1e-6)


def test_dropout_is_only_there_while_learning() -> None:
    torch.manual_seed(0)
    module = ffn.build(
        (TensorSpec("x", ("feature",), (4,)),),
        (TensorSpec("y", ("answer",), (2,)),),
        ffn.Options(units=(64,), dropout=0.5),
    )
    x = torch.randn(3, 4)
    assert not torch.equal(module.train()(x), module.train()(x))
    assert torch.equal(module.eval()(x), module.eval()(x))


class Rows:
    """Samples of a table, as a feed."""

    def __init__(self, x: np.ndarray, y: Tensor) -> None:
        self.x, self.y = torch.tensor(x, dtype=torch.float32), y

    def __len__(self) -> int:
        return len(self.x)

    def batch(self, index: Tensor | slice) -> Batch:
        return Batch((self.x[index],), (self.y[index],))


@pytest.mark.parametrize("name", ["diabetes", "wine", "cancer"])
def test_a_wide_and_deep_net_starts_at_the_solution_of_scikit_learn(name: str) -> None:
    load = {"diabetes": load_diabetes, "wine": load_wine, "cancer": load_breast_cancer}[name]
    x, y = load(return_X_y=True)
    x = ((x - x.mean(0)) / x.std(0)).astype(np.float32)
    if name == "diabetes":
        y = ((y - y.mean()) / y.std()).astype(np.float32)
        expected, answers = RidgeCV(alphas=ALPHAS).fit(x, y).predict(x), 1
    else:
        model = LogisticRegression(max_iter=1000).fit(x, y)
        expected, answers = model.predict_proba(x), 3 if name == "wine" else 1
    targets = torch.tensor(y).unsqueeze(1) if name == "diabetes" else torch.tensor(y)
    torch.manual_seed(0)
    specs = (
        (TensorSpec("x", ("feature",), (x.shape[1],)),),
        (TensorSpec("y", ("class",), (answers,)),),
    )
    module = ffn.build(*specs, ffn.Options(units=(16,), wide=True)).eval()
    algorithm = Supervised(module, (squares,), Options(init="linear"), total_steps=1)
    told = algorithm.begin(Rows(x, targets))
    assert told.startswith(
        f"the linear path starts at the solution of {'ridge' if name == 'diabetes' else 'logistic'} regression"
    )
    with torch.no_grad():
        found = module(torch.tensor(x))
    if name == "wine":
        np.testing.assert_allclose(found.softmax(1).numpy(), expected, atol=1e-4)
    elif name == "cancer":
        np.testing.assert_allclose(found.sigmoid().numpy()[:, 0], expected[:, 1], atol=1e-4)
    else:
        np.testing.assert_allclose(found.numpy()[:, 0], expected, atol=1e-4)


@pytest.mark.parametrize("there", [[0, 2], [0, 1, 3]])
def test_a_class_that_training_never_shows_starts_without_a_chance(there: list[int]) -> None:
    generator = np.random.default_rng(0)
    y = np.repeat(there, 30)
    x = (generator.normal(0, 1, (len(y), 3)) + y[:, None] * np.array([1.0, -1.0, 0.5])).astype(
        np.float32
    )
    net = ffn.build(
        (TensorSpec("x", ("feature",), (3,)),),
        (TensorSpec("y", ("class",), (4,)),),
        ffn.Options(units=(8,), wide=True),
    )
    Supervised(net, (squares,), Options(init="linear"), total_steps=1).begin(
        Rows(x, torch.tensor(y))
    )
    with torch.no_grad():
        chances = net(torch.tensor(x)).softmax(1).numpy()
    np.testing.assert_allclose(
        chances[:, there], LogisticRegression(max_iter=1000).fit(x, y).predict_proba(x), atol=2e-3
    )
    assert chances[:, [kind for kind in range(4) if kind not in there]].max() < 2e-3


@pytest.mark.parametrize(("answers", "only"), [(1, 0), (1, 1), (3, 0), (3, 2)])
def test_where_training_shows_one_class_alone_it_starts_with_that_one(
    answers: int, only: int
) -> None:
    net = ffn.build(
        (TensorSpec("x", ("feature",), (3,)),),
        (TensorSpec("y", ("class",), (answers,)),),
        ffn.Options(units=(8,), wide=True),
    )
    x = np.random.default_rng(0).normal(0, 1, (40, 3))
    Supervised(net, (squares,), Options(init="linear"), total_steps=1).begin(
        Rows(x, torch.full((40,), only))
    )
    with torch.no_grad():
        found = net(torch.randn(5, 3))
    chances = (
        torch.cat([1 - found.sigmoid(), found.sigmoid()], dim=1)
        if answers == 1
        else found.softmax(1)
    )
    assert (chances[:, only] > 0.9999).all()


def test_rows_that_take_turns_are_all_heard_where_some_stand_for_many() -> None:
    """45,000 rows, of which at most 20,000 are used; every second one says no."""
    generator = np.random.default_rng(0)
    y = np.arange(45_000) % 2
    x = generator.normal(0, 1, (len(y), 2)) + y[:, None] * np.array([1.0, -0.5])
    net = ffn.build(
        (TensorSpec("x", ("feature",), (2,)),),
        (TensorSpec("y", ("class",), (1,)),),
        ffn.Options(units=(8,), wide=True),
    )
    told = Supervised(net, (squares,), Options(init="linear"), total_steps=1).begin(
        Rows(x, torch.tensor(y))
    )
    assert "on 20,000 of the 45,000 samples" in told
    found = torch.cat(
        [each.detach().flatten() for each in (net[1].wide.weight, net[1].wide.bias)]
    ).numpy()  # type: ignore[index]
    np.testing.assert_allclose(
        found, [1.0, -0.5, -0.625], atol=0.06
    )  # m and -|m|²/2 of two clouds m apart


def test_the_linear_path_is_held_while_the_deep_one_learns_also_after_a_checkpoint() -> None:
    x, y = load_diabetes(return_X_y=True)
    dataset = Rows(
        x.astype(np.float32) * 20, torch.tensor(y, dtype=torch.float32).unsqueeze(1) / 77
    )
    specs = (TensorSpec("x", ("feature",), (10,)),), (TensorSpec("y", ("answer",), (1,)),)
    nets = [ffn.build(*specs, ffn.Options(units=(16,), wide=True)) for _ in range(2)]
    learns = [Supervised(net, (squares,), Options(init="linear"), total_steps=20) for net in nets]
    learns[0].begin(dataset)
    start = {name: weight.clone() for name, weight in nets[0].state_dict().items()}
    learns[0].step(dataset.batch(slice(0, 64)))
    nets[1].load_state_dict(nets[0].state_dict())
    learns[1].load_state_dict(deepcopy(learns[0].state_dict()))
    for algorithm in learns:
        algorithm.step(dataset.batch(slice(64, 128)))
    for name, weight in nets[0].state_dict().items():
        assert torch.equal(weight, nets[1].state_dict()[name])
        assert torch.equal(weight, start[name]) == ("wide" in name), name


def test_the_loss_of_each_auxiliary_head_counts_three_tenths() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last, self.besides = (
                nn.Linear(4, 5),
                nn.Linear(5, 2),
                nn.ModuleList([nn.Linear(5, 2), nn.Linear(5, 2)]),
            )

        def forward(self, x: Tensor) -> Tensor:
            return self.last(self.first(x))

        def with_auxiliary(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
            return self(x), tuple(head(self.first(x)) for head in self.besides)

    torch.manual_seed(0)
    ours = Net()
    theirs = deepcopy(ours)
    algorithm = Supervised(
        ours, (squares,), Options(optimizer="sgd", learning_rate=0.1), total_steps=3
    )
    algorithm.begin(None)  # type: ignore[arg-type]
    for batch in batches(3):
        told = algorithm.step(batch)["loss"].item()
        x, y = batch.inputs[0], batch.targets[0]
        answer = functional.mse_loss(theirs(x), y)
        one, two = (functional.mse_loss(head(theirs.first(x)), y) for head in theirs.besides)
        assert told == pytest.approx(answer.item(), rel=1e-6)
        gradients = torch.autograd.grad(answer + 0.3 * one + 0.3 * two, list(theirs.parameters()))
        with torch.no_grad():
            for weight, gradient in zip(theirs.parameters(), gradients, strict=True):
                weight -= 0.1 * gradient
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict())

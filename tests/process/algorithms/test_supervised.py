"""Supervised learning, compared with plain torch, and linear init with sklearn."""

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
from kissipo.core.errors import TaskError
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.algorithms.supervised import Options, Supervised
from kissipo.process.linear_init import ALPHAS
from kissipo.process.losses.mean_squared_error import loss as squares
from kissipo.process.nets import ffn, recurrent


def batches(count: int) -> list[Batch]:
    torch.manual_seed(2)
    return [Batch((torch.randn(6, 4),), (torch.randn(6, 2),)) for _ in range(count)]


def net() -> nn.Sequential:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 2))


@pytest.mark.parametrize(
    ("options", "penalty", "clip"),
    [
        ({}, lambda weights: 0.0, None),
        ({"l1": 0.05}, lambda weights: 0.05 * sum(w.abs().sum() for w in weights), None),
        ({"l2": 0.05}, lambda weights: 0.05 * sum(w.square().sum() for w in weights), None),
        (
            {"l1": 0.02, "l2": 0.03},
            lambda weights: sum(0.02 * w.abs().sum() + 0.03 * w.square().sum() for w in weights),
            None,
        ),
        ({"clip_norm": 0.1}, lambda weights: 0.0, 0.1),
    ],
)
def test_supervised_steps_by_hand(
    options: dict[str, float], penalty: object, clip: float | None
) -> None:
    ours, by_torch = net(), net()
    algorithm = Supervised(
        ours, (squares,), Options(optimizer="sgd", learning_rate=0.1, **options), total_steps=5
    )  # type: ignore[arg-type]
    algorithm.begin(None)  # type: ignore[arg-type]
    for batch in batches(5):
        value = algorithm.step(batch)["loss"]
        loss = functional.mse_loss(by_torch(batch.inputs[0]), batch.targets[0])
        assert value.item() == pytest.approx(loss.item(), rel=1e-6)  # without the penalty
        total = loss + penalty([by_torch[0].weight, by_torch[2].weight])  # type: ignore[operator]
        gradients = torch.autograd.grad(total, list(by_torch.parameters()))
        length = torch.cat([gradient.flatten() for gradient in gradients]).norm()
        shorter = 1.0 if clip is None else min(1.0, clip / (float(length) + 1e-6))
        with torch.no_grad():
            for weight, gradient in zip(by_torch.parameters(), gradients, strict=True):
                weight -= 0.1 * shorter * gradient
    for results, expected in zip(ours.parameters(), by_torch.parameters(), strict=True):
        torch.testing.assert_close(results, expected, rtol=1e-5, atol=1e-6)


def test_learning_rate_follows_the_schedule() -> None:
    algorithm = Supervised(
        net(), (squares,), Options(learning_rate=0.4, schedule="cosine", warmup=0.25), total_steps=4
    )
    algorithm.begin(None)  # type: ignore[arg-type]
    learning_rates = []
    for batch in batches(4):
        algorithm.step(batch)
        learning_rates.append(algorithm.optimizer.param_groups[0]["lr"])
    assert learning_rates == pytest.approx(
        [0.0, 0.4 * 0.853553, 0.4 * 0.5, 0.4 * 0.146447], abs=1e-6
    )


def test_dropout_is_active_in_training_only() -> None:
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
    """A dataset of the rows of a table."""

    def __init__(self, x: np.ndarray, y: Tensor) -> None:
        self.x, self.y = torch.tensor(x, dtype=torch.float32), y

    def __len__(self) -> int:
        return len(self.x)

    def batch(self, index: Tensor | slice) -> Batch:
        return Batch((self.x[index],), (self.y[index],))


@pytest.mark.parametrize("name", ["diabetes", "wine", "cancer"])
def test_linear_init_equals_sklearn(name: str) -> None:
    load = {"diabetes": load_diabetes, "wine": load_wine, "cancer": load_breast_cancer}[name]
    x, y = load(return_X_y=True)
    x = ((x - x.mean(0)) / x.std(0)).astype(np.float32)
    if name == "diabetes":
        y = ((y - y.mean()) / y.std()).astype(np.float32)
        expected, outputs = RidgeCV(alphas=ALPHAS).fit(x, y).predict(x), 1
    else:
        model = LogisticRegression(max_iter=1000).fit(x, y)
        expected, outputs = model.predict_proba(x), 3 if name == "wine" else 1
    targets = torch.tensor(y).unsqueeze(1) if name == "diabetes" else torch.tensor(y)
    torch.manual_seed(0)
    specs = (
        (TensorSpec("x", ("feature",), (x.shape[1],)),),
        (TensorSpec("y", ("class",), (outputs,)),),
    )
    module = ffn.build(*specs, ffn.Options(units=(16,), wide=True)).eval()
    algorithm = Supervised(module, (squares,), Options(init="linear"), total_steps=1)
    description = algorithm.begin(Rows(x, targets))
    kind = "ridge" if name == "diabetes" else "logistic"
    assert description.startswith(f"the linear path starts at the solution of {kind} regression")
    with torch.no_grad():
        results = module(torch.tensor(x))
    if name == "wine":
        np.testing.assert_allclose(results.softmax(1).numpy(), expected, atol=1e-4)
    elif name == "cancer":
        np.testing.assert_allclose(results.sigmoid().numpy()[:, 0], expected[:, 1], atol=1e-4)
    else:
        np.testing.assert_allclose(results.numpy()[:, 0], expected, atol=1e-4)


@pytest.mark.parametrize("classes", [[0, 2], [0, 1, 3]])
def test_linear_init_gives_an_absent_class_no_probability(classes: list[int]) -> None:
    generator = np.random.default_rng(0)
    y = np.repeat(classes, 30)
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
        probabilities = net(torch.tensor(x)).softmax(1).numpy()
    np.testing.assert_allclose(
        probabilities[:, classes],
        LogisticRegression(max_iter=1000).fit(x, y).predict_proba(x),
        atol=2e-3,
    )
    assert probabilities[:, [kind for kind in range(4) if kind not in classes]].max() < 2e-3


@pytest.mark.parametrize(("outputs", "only_class"), [(1, 0), (1, 1), (3, 0), (3, 2)])
def test_linear_init_with_a_single_class_predicts_it(outputs: int, only_class: int) -> None:
    net = ffn.build(
        (TensorSpec("x", ("feature",), (3,)),),
        (TensorSpec("y", ("class",), (outputs,)),),
        ffn.Options(units=(8,), wide=True),
    )
    x = np.random.default_rng(0).normal(0, 1, (40, 3))
    Supervised(net, (squares,), Options(init="linear"), total_steps=1).begin(
        Rows(x, torch.full((40,), only_class))
    )
    with torch.no_grad():
        results = net(torch.randn(5, 3))
    probabilities = (
        torch.cat([1 - results.sigmoid(), results.sigmoid()], dim=1)
        if outputs == 1
        else results.softmax(1)
    )
    assert (probabilities[:, only_class] > 0.9999).all()


def test_linear_init_samples_alternating_rows_at_random() -> None:
    """Only 20,000 of the 45,000 rows are used; the two classes alternate."""
    generator = np.random.default_rng(0)
    y = np.arange(45_000) % 2
    x = generator.normal(0, 1, (len(y), 2)) + y[:, None] * np.array([1.0, -0.5])
    net = ffn.build(
        (TensorSpec("x", ("feature",), (2,)),),
        (TensorSpec("y", ("class",), (1,)),),
        ffn.Options(units=(8,), wide=True),
    )
    description = Supervised(net, (squares,), Options(init="linear"), total_steps=1).begin(
        Rows(x, torch.tensor(y))
    )
    assert "on 20,000 of the 45,000 samples" in description
    results = torch.cat(
        [weight.detach().flatten() for weight in (net[1].wide.weight, net[1].wide.bias)]
    ).numpy()  # type: ignore[index]
    np.testing.assert_allclose(
        results, [1.0, -0.5, -0.625], atol=0.06
    )  # m and -|m|²/2 for class means that differ by m


def test_linear_path_is_frozen_also_after_a_checkpoint() -> None:
    x, y = load_diabetes(return_X_y=True)
    dataset = Rows(
        x.astype(np.float32) * 20, torch.tensor(y, dtype=torch.float32).unsqueeze(1) / 77
    )
    specs = (TensorSpec("x", ("feature",), (10,)),), (TensorSpec("y", ("answer",), (1,)),)
    nets = [ffn.build(*specs, ffn.Options(units=(16,), wide=True)) for _ in range(2)]
    algorithms = [
        Supervised(net, (squares,), Options(init="linear"), total_steps=20) for net in nets
    ]
    algorithms[0].begin(dataset)
    start = {name: weight.clone() for name, weight in nets[0].state_dict().items()}
    algorithms[0].step(dataset.batch(slice(0, 64)))
    nets[1].load_state_dict(nets[0].state_dict())
    algorithms[1].load_state_dict(deepcopy(algorithms[0].state_dict()))
    for algorithm in algorithms:
        algorithm.step(dataset.batch(slice(64, 128)))
    for name, weight in nets[0].state_dict().items():
        assert torch.equal(weight, nets[1].state_dict()[name])
        assert torch.equal(weight, start[name]) == ("wide" in name), name


def test_auxiliary_heads_have_the_loss_weight_0_3() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last, self.auxiliary = (
                nn.Linear(4, 5),
                nn.Linear(5, 2),
                nn.ModuleList([nn.Linear(5, 2), nn.Linear(5, 2)]),
            )

        def forward(self, x: Tensor) -> Tensor:
            return self.last(self.first(x))

        def with_auxiliary(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
            return self(x), tuple(head(self.first(x)) for head in self.auxiliary)

    torch.manual_seed(0)
    ours = Net()
    by_torch = deepcopy(ours)
    algorithm = Supervised(
        ours, (squares,), Options(optimizer="sgd", learning_rate=0.1), total_steps=3
    )
    algorithm.begin(None)  # type: ignore[arg-type]
    for batch in batches(3):
        value = algorithm.step(batch)["loss"].item()
        x, y = batch.inputs[0], batch.targets[0]
        main_loss = functional.mse_loss(by_torch(x), y)
        one, two = (functional.mse_loss(head(by_torch.first(x)), y) for head in by_torch.auxiliary)
        assert value == pytest.approx(main_loss.item(), rel=1e-6)
        gradients = torch.autograd.grad(
            main_loss + 0.3 * one + 0.3 * two, list(by_torch.parameters())
        )
        with torch.no_grad():
            for weight, gradient in zip(by_torch.parameters(), gradients, strict=True):
                weight -= 0.1 * gradient
    torch.testing.assert_close(ours.state_dict(), by_torch.state_dict())


@pytest.mark.parametrize("parts", [2, 4, 6])
@pytest.mark.parametrize("weighted", [False, True])
def test_steps_in_parts_are_those_of_whole_batches(parts: int, weighted: bool) -> None:
    steps = batches(5)
    if weighted:
        steps = [Batch(step.inputs, step.targets, torch.rand(6)) for step in steps]
    nets = [net(), net()]
    whole, in_parts = (
        Supervised(
            some,
            (squares,),
            Options(
                optimizer="sgd", learning_rate=0.1, l2=0.01, gradient_accumulation_steps=number
            ),
            total_steps=5,
        )
        for some, number in zip(nets, (1, parts), strict=True)
    )
    for algorithm in (whole, in_parts):
        algorithm.begin(None)  # type: ignore[arg-type]
    for step in steps:
        expected = whole.step(step)["loss"].item()
        assert in_parts.step(step)["loss"].item() == pytest.approx(expected, rel=1e-5)
    for ours, theirs in zip(nets[1].parameters(), nets[0].parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


def test_memory_is_that_of_a_part() -> None:
    """Autograd saves the activations of one part; counted in bytes that it keeps."""

    def saved(parts: int) -> int:
        layers = nn.Sequential(nn.Linear(4, 64), nn.Tanh(), nn.Linear(64, 2))
        options = Options(learning_rate=0.1, gradient_accumulation_steps=parts)
        algorithm = Supervised(layers, (squares,), options, total_steps=1)
        algorithm.begin(None)  # type: ignore[arg-type]
        sizes: list[int] = []
        alive = 0

        def pack(tensor: Tensor) -> Tensor:
            nonlocal alive
            alive += tensor.numel() if tensor.dim() == 2 and len(tensor) > 4 else 0
            sizes.append(alive)
            return tensor

        def unpack(tensor: Tensor) -> Tensor:
            nonlocal alive
            alive -= tensor.numel() if tensor.dim() == 2 and len(tensor) > 4 else 0
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
            algorithm.step(Batch((torch.rand(96, 4),), (torch.rand(96, 2),)))
        return max(sizes)

    assert saved(4) < saved(1) / 2


def test_stateful_net_refuses_parts() -> None:
    text = TensorSpec("text", ("time",), (7,), vocab_size=11)
    following = TensorSpec("next", ("time", "class"), (7, 11), causal=True)
    options = recurrent.Options(units=4, embedding_dim=3, stateful=True)
    layers = recurrent.build((text,), (following,), options)
    with pytest.raises(TaskError) as error:
        Supervised(layers, (squares,), Options(gradient_accumulation_steps=2), total_steps=1)
    assert "stateful" in error.value.do

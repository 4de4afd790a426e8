"""The linear path of texts: scikit-learn's regressions on the same sparse features."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss
from torch import Tensor

from kissipo.core.batch import Batch
from kissipo.core.config import FrozenConfig
from kissipo.core.inferred_option import DataFacts
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process import linear_init
from kissipo.process.algorithms.closed_form import Samples
from kissipo.process.layers.wide import WideInputs
from kissipo.process.linear_init import (
    TEXT_ALPHAS,
    TEXT_STRENGTHS,
    _best_strength,
    _held_out,
    init_linear,
    solve_inputs,
)
from kissipo.process.nets import ffn
from kissipo.process.nets._wide_inputs import LinearInputs


def bag(x: Tensor) -> Tensor:
    """Returns rows of numbers as ids and weights; ids start at 1."""
    ids = torch.arange(1, x.shape[1] + 1).expand_as(x)
    return torch.stack([torch.where(x != 0, ids, 0).float(), x], dim=-1)


def specs_of(features: int) -> tuple[TensorSpec, ...]:
    return (
        TensorSpec("text", ("term", "weight"), (features, 2), vocab_size=features + 1, padded=True),
        TensorSpec("number", ("feature",), (2,)),
        TensorSpec("kind", (), (), vocab_size=3),
    )


class Rows:
    """Digits as bags of pixels, with two numbers and a category."""

    def __init__(self, targets: Tensor, x: np.ndarray, weights: Tensor | None = None) -> None:
        self.x = torch.tensor(x / max(1.0, float(np.abs(x).max())), dtype=torch.float32)
        self.numbers = self.x[:, 10:12] - 0.5
        self.kinds = torch.arange(len(x)) % 3
        self.targets, self.weights = targets, weights

    def __len__(self) -> int:
        return len(self.x)

    def batch(self, index: Tensor | slice) -> Batch:
        inputs = (bag(self.x[index]), self.numbers[index], self.kinds[index])
        weights = None if self.weights is None else self.weights[index]
        return Batch(inputs, (self.targets[index],), weights)

    def batches(self) -> Iterator[Batch]:
        return map(self.batch, torch.arange(len(self)).split(100))

    def features(self) -> np.ndarray:
        return np.concatenate([self.x, self.numbers, np.eye(3)[self.kinds]], axis=1)


def digits(rows: int = 600) -> tuple[np.ndarray, np.ndarray]:
    x, y = load_digits(return_X_y=True)
    return x[:rows], y[:rows]


@pytest.fixture(autouse=True)
def no_solutions() -> None:
    """Each test solves its regressions."""
    linear_init.SOLUTIONS.clear()


@pytest.mark.parametrize("is_sparse", [False, True])
def test_same_regression_is_solved_once_and_any_other_is_solved_again(
    is_sparse: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    solved, solve = [], linear_init._solve

    def counted(*arguments: object) -> linear_init.Solution:
        solved.append(arguments)
        return solve(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(linear_init, "_solve", counted)
    x, y = digits(200)
    rows, classes = x.astype(np.float32), torch.tensor(y)

    def solution(
        rows: np.ndarray, targets: Tensor, outputs: int, weights: np.ndarray | None = None
    ) -> linear_init.Solution:
        features = csr_matrix(rows) if is_sparse else rows
        return linear_init.solve(features, targets, outputs, weights)

    first = solution(rows, classes, 10)
    again = solution(rows.copy(), classes.clone(), 10)
    assert len(solved) == 1
    linear_init.SOLUTIONS.clear()
    fresh = solution(rows, classes, 10)
    assert len(solved) == 2
    for other in (again, fresh):
        assert first.weight.tobytes() == other.weight.tobytes()
        assert first.bias.tobytes() == other.bias.tobytes()
        assert first.description == other.description
    changed = rows.copy()
    changed[17, 20] += 0.5
    solution(changed, classes, 10)
    solution(rows, torch.where(torch.arange(200) == 17, (classes + 1) % 10, classes), 10)
    solution(rows, classes, 11)
    solution(rows, classes, 10, np.linspace(1, 2, 200, dtype=np.float32))
    solution(rows, classes.float(), 1)
    solution(rows[:199], classes[:199], 10)
    assert len(solved) == 8


def test_solutions_are_forgotten_when_their_room_is_used_up() -> None:
    def of(size: int) -> linear_init.Solution:
        return linear_init.Solution(np.zeros((size, 1)), np.zeros(0), "", 1)

    solutions = linear_init.Solutions(max_bytes=80)  # ten numbers of eight bytes
    solutions.keep("a", of(4))
    solutions.keep("b", of(4))
    assert solutions.get("a") is not None  # used last
    solutions.keep("c", of(4))
    assert [solutions.get(key) is not None for key in ("a", "b", "c")] == [True, False, True]
    solutions.keep("d", of(99))  # too large alone, and kept alone
    assert [solutions.get(key) is not None for key in ("a", "c", "d")] == [False, False, True]


def test_classes_are_solved_as_sklearn_solves_them() -> None:
    x, y = digits()
    weights = torch.tensor(np.where(y < 3, 2.0, 0.5), dtype=torch.float32)
    data = Rows(torch.tensor(y), x, weights)
    layer = WideInputs(specs_of(64), 10)
    solution = solve_inputs(layer, data.batches())
    strength = float(solution.description.rpartition("= ")[2].removesuffix(")"))
    assert strength in TEXT_STRENGTHS
    model = LogisticRegression(C=strength, max_iter=1000)
    model.fit(data.features(), y, weights.numpy())
    with torch.no_grad():
        outputs = layer(*data.batch(slice(None)).inputs)
    np.testing.assert_allclose(
        outputs.softmax(1).numpy(), model.predict_proba(data.features()), atol=5e-3
    )


@pytest.mark.parametrize("outputs", [1, 2])
def test_two_classes_have_the_same_probabilities_with_one_output_and_two(outputs: int) -> None:
    x, y = load_breast_cancer(return_X_y=True)
    data = Rows(torch.tensor(y), x)
    layer = WideInputs(specs_of(30), outputs)
    solution = solve_inputs(layer, data.batches())
    strength = float(solution.description.rpartition("= ")[2].removesuffix(")"))
    model = LogisticRegression(C=strength, max_iter=1000).fit(data.features(), y)
    with torch.no_grad():
        scores = layer(*data.batch(slice(None)).inputs)
    ours = scores.sigmoid()[:, 0] if outputs == 1 else scores.softmax(1)[:, 1]
    np.testing.assert_allclose(ours.numpy(), model.predict_proba(data.features())[:, 1], atol=5e-3)


def test_numbers_are_solved_by_ridge_regression() -> None:
    x, y = digits()
    data = Rows(torch.tensor(y, dtype=torch.float32)[:, None], x)
    layer = WideInputs(specs_of(64), 1)
    solution = solve_inputs(layer, data.batches())
    with torch.no_grad():
        ours = layer(*data.batch(slice(None)).inputs)[:, 0].numpy()
    alphas = {f"ridge regression (alpha = {alpha:.3g})": alpha for alpha in TEXT_ALPHAS}
    model = Ridge(alpha=alphas[solution.description]).fit(data.features(), y)
    np.testing.assert_allclose(ours, model.predict(data.features()), atol=2e-2)


def test_labels_have_a_model_each() -> None:
    x, y = digits(300)
    targets = torch.tensor(np.stack([y > 4, y % 2 == 0, y < 0], axis=1).astype(np.int64))
    data = Rows(targets, x)
    layer = WideInputs(specs_of(64), 3)
    solve_inputs(layer, data.batches())
    with torch.no_grad():
        predicted = layer(*data.batch(slice(None)).inputs) > 0
    right = (predicted == targets.bool()).float().mean(dim=0)
    assert right[0] > 0.95
    assert right[1] > 0.95
    assert right[2] == 1


def test_strength_is_the_best_on_rows_that_are_kept_out() -> None:
    x, y = digits(400)
    features = csr_matrix(x / 16)
    losses = []
    for strength in TEXT_STRENGTHS:
        total = 0.0
        for fitted, out in _held_out(len(y)):
            model = LogisticRegression(C=strength, max_iter=1000).fit(features[fitted], y[fitted])
            total += log_loss(y[out], model.predict_proba(features[out]), normalize=False)
        losses.append(total)
    assert max(losses) > 1.02 * min(losses)
    assert _best_strength(features, y, None) == TEXT_STRENGTHS[int(np.argmin(losses))]


def test_parts_that_are_kept_out_cover_all_rows_once() -> None:
    few, many = list(_held_out(101)), list(_held_out(5_000))
    assert sorted(np.concatenate([out for _, out in few]).tolist()) == list(range(101))
    assert len(many) == 1
    assert len(many[0][1]) == 1_000
    for fitted, out in few + many:
        assert not set(fitted.tolist()) & set(out.tolist())


def test_net_of_texts_starts_at_the_solution_and_keeps_it() -> None:
    x, y = digits(300)
    data = Rows(torch.tensor(y), x)
    options = ffn.Options(units=(8,), wide=True, embedding_dim=4)
    net = ffn.build(specs_of(64), (TensorSpec("y", ("class",), (10,)),), options).eval()
    description = init_linear(net, data)
    assert description.startswith("the linear path starts at the solution of logistic regression")
    layer = WideInputs(specs_of(64), 10)
    solve_inputs(layer, data.batches())
    inputs = data.batch(slice(None)).inputs
    with torch.no_grad():
        torch.testing.assert_close(net(*inputs), layer(*inputs), atol=1e-3, rtol=1e-3)
    is_trained = {name: weight.requires_grad for name, weight in net.named_parameters()}
    assert all(trained != name.startswith("wide.") for name, trained in is_trained.items())


@pytest.mark.parametrize(
    "inputs",
    [
        TensorSpec("row", ("feature",), (3,)),
        TensorSpec("image", ("channel", "height", "width"), (1, 16, 16)),
        TensorSpec("text", ("term", "weight"), (5, 2), vocab_size=6, padded=True, unit="words"),
    ],
)
@pytest.mark.parametrize(
    ("loss", "starts"), [("mean_squared_error", {"linear"}), ("poisson", set())]
)
def test_net_of_counts_does_not_start_at_a_solution(
    inputs: TensorSpec, loss: str, starts: set[str]
) -> None:
    output = TensorSpec("calls", ("answer",), (1,))
    none = FrozenConfig({})  # type: ignore[arg-type]
    facts = DataFacts((inputs,), (output,), 500, False, (loss,), ("number",), None, none)
    own = [option for candidate in ffn.candidates(facts) for option in candidate.options]
    options = [*own, *(() if len(inputs.shape) == 3 else ffn.suggested_options(facts))]
    assert {option.value for option in options if option.place == "process.init"} == starts


def test_texts_beyond_the_memory_are_left_out_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = digits(600)
    data = Rows(torch.tensor(y), x)
    net = LinearInputs(specs_of(64), 10)
    assert "samples" not in net.solve(Samples(data), 0)
    monkeypatch.setattr(linear_init, "_MAX_VALUES", 12_000)  # one batch of 256 rows, not two
    assert net.solve(Samples(data), 0).endswith(" on 256 of the 600 samples")
    options = ffn.Options(units=(8,), wide=True, embedding_dim=4)
    deep = ffn.build(specs_of(64), (TensorSpec("y", ("class",), (10,)),), options)
    assert " on 256 of the 600 samples; the hidden layers" in init_linear(deep, data)

"""RNN, LSTM and GRU: every kernel, compared with torch.nn in float64 and with numpy."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
import re
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import kissipo
from kissipo.core.devices import multiplies_bfloat16
from kissipo.core.errors import MachineError, ShapeError, TaskError
from kissipo.process.kernels.native import available_sets, kernels
from kissipo.process.layers import GRU, LSTM, RNN

CELLS = {
    "lstm": (LSTM, nn.LSTM, {}),
    "gru": (GRU, nn.GRU, {}),
    "tanh": (RNN, nn.RNN, {}),
    "relu": (RNN, nn.RNN, {"nonlinearity": "relu"}),
}
KERNELS = ("reference", "plain", "avx2", "avx512")


@pytest.fixture(params=KERNELS)
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Sets an instruction set and returns the argument `kernel`, or skips the test."""
    if request.param == "reference":
        return "reference"
    if request.param not in available_sets():
        pytest.skip(f"this machine has no {request.param} kernels")
    monkeypatch.setattr("kissipo.process.kernels.native._FORCED", request.param)
    return "fused"


@pytest.fixture(params=CELLS)
def cell(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def pair(cell: str, kernel: str, *sizes: int, **words: Any) -> tuple[nn.RNNBase, nn.RNNBase]:
    """Returns a layer, and torch's layer with the same weights in float64."""
    ours, torch_class, extra = CELLS[cell]
    layer = ours(*sizes, **words, **extra, kernel=kernel)
    witness = torch_class(*sizes, **words, **extra)
    witness.load_state_dict(layer.state_dict())
    return layer, witness.double()


def as_tuple(states: Any) -> tuple[Tensor, ...]:
    return states if isinstance(states, tuple) else (states,)


def results_of(
    layer: nn.RNNBase,
    x: Tensor,
    hx: Any,
    lengths: Tensor | None,
    dtype: torch.dtype,
    call: Any = None,
) -> Iterator[Tensor]:
    """Yields y, final states, and the gradients of a weighted sum of them."""
    x = x.to(dtype).requires_grad_()
    hx = None if hx is None else tuple(state.to(dtype).requires_grad_() for state in hx)
    initial = hx if hx is None or isinstance(layer, nn.LSTM) else hx[0]
    if lengths is None:
        y, states = (layer if call is None else call)(x, initial)
    elif dtype == torch.float32:
        y, states = layer(x, initial, lengths=lengths)
    else:
        packed = pack_padded_sequence(
            x, lengths, batch_first=layer.batch_first, enforce_sorted=False
        )
        y, states = layer(packed, initial)
        y, _ = pad_packed_sequence(
            y, batch_first=layer.batch_first, total_length=x.shape[1 if layer.batch_first else 0]
        )
    results = (y, *as_tuple(states))
    generator = torch.Generator().manual_seed(1)
    total = sum(
        (
            result * torch.randn(result.shape, generator=generator, dtype=torch.float64).to(dtype)
        ).sum()
        for result in results
    )
    used = () if hx is None else hx if isinstance(layer, nn.LSTM) else hx[:1]
    yield from results
    yield from torch.autograd.grad(total, [x, *used, *layer.parameters()])


def assert_close(
    results: Iterator[Tensor], expected: Iterator[Tensor], tolerance: float = 3e-6
) -> None:
    for number, (one, other) in enumerate(zip(results, expected, strict=True)):
        scale = max(1.0, float(other.detach().abs().max()) if other.numel() else 0.0)
        torch.testing.assert_close(
            one.double(),
            other,
            rtol=0,
            atol=tolerance * scale,
            msg=lambda text, number=number: f"result {number}: {text}",
        )


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(data=st.data())
def test_kernels_equal_torch_in_float64(cell: str, kernel: str, data: st.DataObject) -> None:
    draw = data.draw
    batch, steps = draw(st.integers(1, 14), "batch"), draw(st.integers(1, 9), "steps")
    features, units = draw(st.integers(1, 21), "features"), draw(st.integers(1, 70), "units")
    words = {
        "num_layers": draw(st.integers(1, 2), "layers"),
        "bidirectional": draw(st.booleans(), "bidirectional"),
        "batch_first": draw(st.booleans(), "batch_first"),
        "bias": draw(st.booleans(), "bias"),
    }
    torch.manual_seed(draw(st.integers(0, 99), "seed"))
    layer, witness = pair(cell, kernel, features, units, **words)
    x = torch.randn((batch, steps, features) if words["batch_first"] else (steps, batch, features))
    state = (words["num_layers"] * (1 + words["bidirectional"]), batch, units)
    hx = (torch.randn(state), torch.randn(state)) if draw(st.booleans(), "states") else None
    lengths = torch.randint(1, steps + 1, (batch,)) if draw(st.booleans(), "lengths") else None
    assert_close(
        results_of(layer, x, hx, lengths, torch.float32),
        results_of(witness, x, hx, lengths, torch.float64),
        tolerance=1e-5,
    )


@pytest.mark.parametrize(
    "sizes", [(8, 30, 7, 40), (1, 60, 12, 64), (9, 4, 40, 200)], ids=["parts", "one", "tiles"]
)
@pytest.mark.parametrize("both", [False, True], ids=["forward", "both"])
def test_threads_give_the_same_results(
    cell: str, kernel: str, sizes: tuple[int, ...], both: bool
) -> None:
    """Gradients of few weights are summed per part of the batch, others per tile."""
    batch, steps, features, units = sizes
    torch.manual_seed(5)
    layer, witness = pair(cell, kernel, features, units, bidirectional=both)
    x, lengths = torch.randn(steps, batch, features), torch.randint(1, steps + 1, (batch,))
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        for some_lengths in (None, lengths):
            results, expected = (
                results_of(module, x, None, some_lengths, dtype)
                for module, dtype in ((layer, torch.float32), (witness, torch.float64))
            )
            assert_close(results, expected, tolerance=2e-5)
    finally:
        torch.set_num_threads(before)


def by_hand(cell: str, x: np.ndarray, weights: list[np.ndarray]) -> np.ndarray:
    """Computes the formulas of the papers in numpy."""
    w, u, b, d = weights
    units = u.shape[1]
    h, c, rows = np.zeros(units), np.zeros(units), []
    sigmoid = lambda value: 1 / (1 + np.exp(-value))  # noqa: E731
    for step in x:
        fresh, old = w @ step + b, u @ h + d
        part = lambda of, number: of[number * units : (number + 1) * units]  # noqa: E731
        if cell == "lstm":
            i, f, o = (sigmoid(part(fresh + old, number)) for number in (0, 1, 3))
            c = f * c + i * np.tanh(part(fresh + old, 2))
            h = o * np.tanh(c)
        elif cell == "gru":
            r, z = (sigmoid(part(fresh + old, number)) for number in (0, 1))
            h = (1 - z) * np.tanh(part(fresh, 2) + r * part(old, 2)) + z * h
        else:
            h = np.tanh(fresh + old) if cell == "tanh" else np.maximum(fresh + old, 0)
        rows.append(h)
    return np.array(rows)


def test_kernels_equal_the_formulas_in_numpy(cell: str, kernel: str) -> None:
    torch.manual_seed(3)
    layer, _ = pair(cell, kernel, 5, 18)
    x = torch.randn(11, 1, 5)
    weights = [weight.detach().double().numpy() for weight in layer._flat_weights]
    np.testing.assert_allclose(
        layer(x)[0][:, 0].detach().numpy(),
        by_hand(cell, x[:, 0].double().numpy(), weights),
        atol=1e-6,
    )


def test_packed_sequence_equals_torch(cell: str, kernel: str) -> None:
    layer, witness = pair(cell, kernel, 4, 9, num_layers=2, bidirectional=True)
    packed = pack_padded_sequence(
        torch.randn(7, 5, 4), torch.tensor([3, 7, 1, 7, 2]), enforce_sorted=False
    )
    y, states = layer(packed)
    expected, final = witness(packed.to(torch.float64))
    assert torch.equal(y.batch_sizes, expected.batch_sizes) and torch.equal(
        y.unsorted_indices, expected.unsorted_indices
    )
    assert_close((y.data, *as_tuple(states)), (expected.data, *as_tuple(final)))


def test_single_sequence_without_a_batch_axis(cell: str, kernel: str) -> None:
    for batch_first in (False, True):
        layer, witness = pair(cell, kernel, 4, 9, batch_first=batch_first)
        x = torch.randn(6, 4)
        y, states = layer(x)
        expected, final = witness(x.double())
        assert_close((y, *as_tuple(states)), (expected, *as_tuple(final)))


def test_padding_is_never_read(cell: str, kernel: str) -> None:
    layer, _ = pair(cell, kernel, 4, 9, batch_first=True, bidirectional=True)
    x = torch.randn(3, 6, 4)
    lengths = [2, 6, 4]
    expected = layer(x, lengths=lengths)[0]
    for row, length in enumerate(lengths):
        x[row, length:] = float("nan")
    x.requires_grad_()
    y = layer(x, lengths=lengths)[0]
    assert torch.equal(y, expected)
    gradient = torch.autograd.grad(y.sum(), x)[0]
    for row, length in enumerate(lengths):
        assert not y[row, length:].any() and not gradient[row, length:].any()
        assert gradient[row, :length].abs().min() > 0 or cell == "relu"


def test_state_dict_is_compatible_with_torch(cell: str) -> None:
    layer, witness = pair(cell, "auto", 4, 9, num_layers=2, bidirectional=True)
    assert list(layer.state_dict()) == list(witness.state_dict())
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.mul_(2)
    witness.load_state_dict(layer.state_dict())
    x = torch.randn(3, 2, 4)
    assert_close((layer(x)[0],), (witness(x.double())[0],))


def test_backward_twice_through_a_retained_graph(cell: str, kernel: str) -> None:
    layer, _ = pair(cell, kernel, 4, 9)
    total = layer(torch.randn(5, 3, 4))[0].square().sum()
    first = torch.autograd.grad(total, list(layer.parameters()), retain_graph=True)
    second = torch.autograd.grad(total, list(layer.parameters()))
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


def test_second_derivatives_equal_torch(cell: str, kernel: str) -> None:
    layer, witness = pair(cell, kernel, 3, 5, num_layers=2)
    x = torch.randn(4, 2, 3)

    def second(layer: nn.RNNBase, x: Tensor) -> tuple[Tensor, ...]:
        x = x.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(layer(x)[0].square().sum(), x, create_graph=True)
        return torch.autograd.grad(
            gradient.square().sum(), [x, *layer.parameters()], allow_unused=True
        )

    pairs = [
        (one, other)
        for one, other in zip(second(layer, x), second(witness, x.double()), strict=True)
        if other is not None and one is not None
    ]
    assert len(pairs) >= 5
    assert_close((one for one, _ in pairs), (other for _, other in pairs), tolerance=1e-4)


def test_gradcheck_of_the_reference(cell: str) -> None:
    ours, _, extra = CELLS[cell]
    torch.manual_seed(5)
    layer = ours(2, 3, bidirectional=True, kernel="reference", **extra).double()
    x = torch.randn(4, 2, 2, dtype=torch.float64, requires_grad=True)

    names, own = zip(*layer.named_parameters(), strict=True)

    def run(x: Tensor, *weights: Tensor) -> Tensor:
        by_name = dict(zip(names, weights, strict=True))
        return torch.func.functional_call(layer, by_name, (x,), {"lengths": [4, 2]})[0]

    assert torch.autograd.gradcheck(run, (x, *(weight.detach().requires_grad_() for weight in own)))


@pytest.mark.parametrize(
    "value",
    [0.0, 1e-39, -1e-39, 30.0, -30.0, 200.0, -200.0, float("inf"), float("-inf"), float("nan")],
)
def test_extreme_numbers_as_in_torch(cell: str, kernel: str, value: float) -> None:
    layer, witness = pair(cell, kernel, 1, 17)
    x = torch.zeros(3, 2, 1)
    x[1] = value
    with torch.no_grad():
        y, expected = layer(x)[0], witness(x.double())[0].float()
    assert torch.equal(y.isnan(), expected.isnan()) and torch.equal(y.isinf(), expected.isinf())
    scale = max(1.0, min(abs(value), 200.0))  # sums of numbers of this size cancel
    torch.testing.assert_close(y, expected, equal_nan=True, rtol=2e-6, atol=2e-7 * scale)


def test_activations_keep_their_relative_error_near_zero(kernel: str) -> None:
    layer = RNN(1, 1, bias=False, kernel=kernel)
    with torch.no_grad():
        layer.weight_ih_l0.fill_(1)
        layer.weight_hh_l0.fill_(0)
        x = torch.cat([torch.logspace(-30, 1.2, 4000), -torch.logspace(-30, 1.2, 4000)])
        y = layer(x.view(1, -1, 1))[0].view(-1).double()
    error = (y - torch.tanh(x.double())).abs() / torch.tanh(x.double()).abs()
    assert error.max() < 4e-7


def test_results_are_deterministic(cell: str, kernel: str) -> None:
    layer, _ = pair(cell, kernel, 7, 33, bidirectional=True)
    x = torch.randn(20, 12, 7)
    once, again = ([*results_of(layer, x, None, None, torch.float32)] for _ in range(2))
    assert all(torch.equal(one, other) for one, other in zip(once, again, strict=True))


def test_python_threads_are_independent(cell: str, kernel: str) -> None:
    layer, _ = pair(cell, kernel, 8, 40)
    inputs = [torch.randn(30, 16, 8) for _ in range(6)]
    expected = [[*results_of(layer, x, None, None, torch.float32)] for x in inputs]
    results: dict[int, list[Tensor]] = {}

    def work(number: int) -> None:
        for _ in range(5):
            results[number] = [
                *results_of(copy.copy(layer), inputs[number], None, None, torch.float32)
            ]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, tensors in enumerate(expected):
        assert all(
            torch.equal(one, other) for one, other in zip(results[number], tensors, strict=True)
        )


def _in_a_child(layer: nn.RNNBase, x: Tensor, answers: Any) -> None:
    torch.set_num_threads(1)
    answers.put(float(layer(x)[0].sum().detach()))


def test_forked_process_computes(cell: str) -> None:
    layer, _ = pair(cell, "auto", 8, 40)
    x = torch.randn(30, 16, 8)
    expected = float(layer(x)[0].sum().detach())
    fork = multiprocessing.get_context("fork")
    answers = fork.Queue()
    child = fork.Process(target=_in_a_child, args=(layer, x, answers))
    child.start()
    assert answers.get(timeout=60) == pytest.approx(expected, rel=1e-6)
    child.join(60)
    assert child.exitcode == 0


def test_kernel_choice_has_a_reason() -> None:
    x = torch.zeros(2, 1, 3)
    assert LSTM(3, 4, kernel="torch").choose(x) == ("torch", "requested")
    assert LSTM(3, 4).choose(x.double()) == (
        "torch",
        "the input is torch.float64, but the fused kernel needs torch.float32",
    )
    assert LSTM(3, 4, proj_size=2).choose(x) == ("torch", "torch's kernel computes projections")
    with pytest.raises(
        MachineError, match=r"the fused kernel cannot be used: the input is torch.float64"
    ):
        LSTM(3, 4, kernel="fused")(x.double())
    with pytest.raises(
        TaskError, match=r"kernel must be one of auto, fused, torch, reference; got 'fast'"
    ):
        LSTM(3, 4, kernel="fast")


def test_projections_and_float64_use_torchs_kernel() -> None:
    layer, witness = pair("lstm", "auto", 3, 4, proj_size=2)
    x = torch.randn(5, 2, 3)
    assert_close((layer(x)[0],), (witness(x.double())[0],))
    assert torch.equal(layer.double()(x.double())[0], witness(x.double())[0])


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda layer: layer(torch.zeros(2, 5)),
            r"takes \(time, batch, feature\) .* with 3 features; got shape \(2, 5\)",
        ),
        (lambda layer: layer(torch.zeros(3)), r"got shape \(3,\)"),
        (
            lambda layer: layer(torch.zeros(4, 2, 3), lengths=[4]),
            r"one number for each of 2 sequences; got shape \(1,\)",
        ),
        (
            lambda layer: layer(torch.zeros(4, 2, 3), lengths=[4, 0]),
            r"at least 1 .* got lengths from 0 to 4 for 4 steps",
        ),
        (
            lambda layer: layer(torch.zeros(4, 2, 3), lengths=[5, 4]),
            r"got lengths from 4 to 5 for 4 steps",
        ),
        (
            lambda layer: layer(torch.zeros(4, 2, 3), torch.zeros(1, 3, 6)),
            r"initial state .*\(1, 2, 6\).* got \(1, 3, 6\)",
        ),
    ],
)
@pytest.mark.parametrize("kernel", ["fused", "reference"])
def test_wrong_shapes_are_refused(kernel: str, call: Any, text: str) -> None:
    if kernel == "fused" and kernels() is None:
        pytest.skip("the kernels are not built here")
    with pytest.raises(ShapeError, match=text):
        call(GRU(3, 6, kernel=kernel))


def test_accelerate_swaps_in_place_and_back() -> None:
    shared = nn.GRU(4, 5)
    model = nn.ModuleDict(
        {
            "a": nn.LSTM(3, 4),
            "b": nn.Sequential(nn.RNN(4, 4), shared),
            "c": shared,
            "d": nn.Linear(5, 1),
        }
    )
    before = [*model.parameters()]
    x = torch.randn(6, 2, 3)

    def run() -> Tensor:
        y = model["b"][0](model["a"](x)[0])[0]
        return model["d"](model["c"](model["b"][1](y)[0] @ torch.eye(5, 4))[0])

    expected = run()
    acceleration = kissipo.accelerate(model)
    assert [type(module) for module in (model["a"], model["b"][0], shared)] == [LSTM, RNN, GRU]
    assert all(one is other for one, other in zip(before, model.parameters(), strict=True))
    torch.testing.assert_close(run(), expected, rtol=1e-5, atol=1e-6)
    acceleration.undo()
    assert [type(module) for module in (model["a"], model["b"][0], shared)] == [
        nn.LSTM,
        nn.RNN,
        nn.GRU,
    ]
    assert "kernel" not in vars(shared) and torch.equal(run(), expected)


def test_accelerate_takes_torch_modules_only() -> None:
    with pytest.raises(TaskError, match=r"accelerate takes a torch.nn.Module; got list"):
        kissipo.accelerate([nn.LSTM(2, 3)])  # type: ignore[arg-type]


def test_dropout_between_layers(cell: str) -> None:
    ours, _, extra = CELLS[cell]
    layer = ours(
        3, 4, num_layers=2, dropout=0.9, kernel="fused" if kernels() else "reference", **extra
    )
    x = torch.randn(50, 20, 3)
    assert not torch.equal(layer(x)[0], layer(x)[0])
    layer.eval()
    assert torch.equal(layer(x)[0], layer(x)[0])


@pytest.mark.parametrize(
    "one_graph", [pytest.param(True, marks=pytest.mark.slow), False], ids=["True", "False"]
)
def test_torch_compile_captures_a_layer_as_one_operator(cell: str, one_graph: bool) -> None:
    if kernels() is None:
        pytest.skip("the kernels are not built here")
    import torch._dynamo

    torch._dynamo.reset()
    with torch._dynamo.config.patch(allow_rnn=one_graph):
        for bias in (True, False):
            layer, witness = pair(
                cell, "auto", 4, 9, num_layers=2, bidirectional=True, batch_first=True, bias=bias
            )
            compiled = torch.compile(layer, backend="aot_eager", fullgraph=one_graph)
            x, hx = torch.randn(3, 6, 4), (torch.randn(4, 3, 9), torch.randn(4, 3, 9))
            results = results_of(layer, x, hx, None, torch.float32, call=compiled)
            assert_close(results, results_of(witness, x, hx, None, torch.float64), 1e-5)


@pytest.mark.parametrize("lengths", [None, [5, 3, 9]])
@pytest.mark.parametrize(
    "words", [{}, {"bidirectional": True, "num_layers": 2}, {"bias": False, "batch_first": True}]
)
def test_table_lookup_equals_features(
    cell: str, kernel: str, words: dict[str, Any], lengths: list[int] | None
) -> None:
    torch.manual_seed(0)
    layer, witness = pair(cell, kernel, 7, 19, **words)
    table, ids = torch.randn(6, 7, requires_grad=True), torch.randint(0, 6, (9, 3))
    ids = ids.T if layer.batch_first else ids
    many = None if lengths is None else torch.tensor(lengths)
    y, states = layer(ids, lengths=many, table=table)
    exact = table.detach().double().requires_grad_()
    x = exact[ids]
    if many is None:
        by_torch, states_by_torch = witness(x)
    else:
        packed = pack_padded_sequence(x, many, batch_first=layer.batch_first, enforce_sorted=False)
        by_torch, states_by_torch = witness(packed)
        by_torch, _ = pad_packed_sequence(by_torch, batch_first=layer.batch_first, total_length=9)
    weight = torch.randn(y.shape)
    gradients = torch.autograd.grad((y * weight).sum(), [table, *layer.parameters()])
    expected = torch.autograd.grad(
        (by_torch * weight.double()).sum(), [exact, *witness.parameters()]
    )
    assert_close(
        iter([y, *as_tuple(states), *gradients]),
        iter([by_torch, *as_tuple(states_by_torch), *expected]),
        1e-5,
    )


def test_table_second_derivatives(cell: str, kernel: str) -> None:
    torch.manual_seed(0)
    layer, _ = pair(cell, kernel, 4, 5)
    table, ids = torch.randn(3, 4, requires_grad=True), torch.randint(0, 3, (6, 2))

    def second_gradient(run: Any) -> Tensor:
        (gradient,) = torch.autograd.grad(run().pow(3).sum(), table, create_graph=True)
        return torch.autograd.grad(gradient.pow(2).sum(), table)[0]

    torch.testing.assert_close(
        second_gradient(lambda: layer(ids, table=table)[0]),
        second_gradient(lambda: layer(table[ids])[0]),
    )


def test_table_is_used_where_it_is_faster() -> None:
    layer, ids = LSTM(32, 8), torch.zeros(40, 4, dtype=torch.int64)
    few, many = torch.randn(10, 32), torch.randn(11, 32)
    assert layer._tokens(ids, few)[1] is few
    assert layer._tokens(ids, many)[1] is None
    assert LSTM(31, 8)._tokens(ids, torch.randn(10, 31))[1] is None
    assert LSTM(32, 8, kernel="torch")._tokens(ids, few)[1] is None
    assert LSTM(32, 8, kernel="fused")._tokens(ids, many)[1] is many


@pytest.mark.parametrize(
    ("ids", "table", "text"),
    [
        (
            torch.tensor([[0, 3]]),
            torch.zeros(3, 4),
            "ids must be 0 to 2, the rows of the table; got 0 to 3",
        ),
        (torch.tensor([[-1, 0]]), torch.zeros(3, 4), "got -1 to 0"),
        (torch.tensor([0]), torch.zeros(3, 4), "ids of torch.int64; got shape (1,) of torch.int64"),
        (torch.zeros(1, 2), torch.zeros(3, 4), "of torch.float32"),
        (torch.tensor([[0]]), torch.zeros(3, 5), "table must be (token, 4); got shape (3, 5)"),
    ],
)
def test_ids_outside_the_table_are_refused(ids: Tensor, table: Tensor, text: str) -> None:
    with pytest.raises(ShapeError, match=re.escape(text)):
        LSTM(4, 5, kernel="fused")(ids, table=table)


@pytest.fixture
def bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    if kernels(bfloat16=True) is None:
        pytest.skip("this machine does not multiply bfloat16")


def rounded(module: nn.Module) -> nn.Module:
    """Rounds the matrices of a module to bfloat16."""
    for weight in module.parameters():
        if weight.dim() == 2:
            weight.data = weight.data.bfloat16().to(weight.dtype)
    return module


def relative_error(value: Tensor, expected: Tensor) -> float:
    """Returns the norm of the difference divided by the norm of the expected value."""
    return float(
        (value.detach().double() - expected.detach()).norm()
        / expected.detach().norm().clamp(min=1e-3)
    )


def test_bfloat16_products_equal_those_of_rounded_numbers(
    cell: str, bfloat16: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    layer, witness = pair(cell, "fused", 37, 51)
    x, state = torch.randn(1, 20, 37), torch.randn(1, 20, 51)
    halves = kernels(bfloat16=True)  # here also without autocast
    monkeypatch.setattr("kissipo.process.layers.recurrent.kernels", lambda **_: halves)
    unrounded = next(results_of(witness, x, (state, state), None, torch.float64))
    exact = list(
        results_of(rounded(witness), x.bfloat16(), (state.bfloat16(), state), None, torch.float64)
    )
    results = list(results_of(layer, x, (state, state.clone()), None, torch.float32))
    if cell == "gru":  # its state also bypasses the product, unrounded
        assert relative_error(results[0], exact[0]) < 2e-3
    else:
        assert relative_error(results[0], exact[0]) < 1e-4 < relative_error(unrounded, exact[0]), (
            "the numbers are not rounded"
        )
    assert (
        max(relative_error(one, other) for one, other in zip(results, exact, strict=True)) < 0.006
    )


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(data=st.data())
@pytest.mark.parametrize("cell", ["lstm", "gru", "tanh"])  # the gradient of relu jumps at 0
def test_bfloat16_is_near_float64(cell: str, bfloat16: None, data: st.DataObject) -> None:
    draw = data.draw
    batch, steps = draw(st.integers(1, 14), "batch"), draw(st.integers(1, 9), "steps")
    features, units = draw(st.integers(1, 21), "features"), draw(st.integers(1, 70), "units")
    words = {name: draw(st.booleans(), name) for name in ("bidirectional", "batch_first", "bias")}
    torch.manual_seed(draw(st.integers(0, 99), "seed"))
    layer, witness = pair(cell, "fused", features, units, **words)
    x = torch.randn((batch, steps, features) if words["batch_first"] else (steps, batch, features))
    lengths = torch.randint(1, steps + 1, (batch,)) if draw(st.booleans(), "lengths") else None
    with torch.autocast("cpu", torch.bfloat16):
        results = list(results_of(layer, x, None, lengths, torch.float32))
    assert_close(
        iter(results), results_of(witness, x, None, lengths, torch.float64), tolerance=0.04
    )


def test_autocast_dtypes_and_errors_equal_torch(cell: str, bfloat16: None) -> None:
    torch.manual_seed(0)
    layer, witness = pair(cell, "auto", 20, 128, 2)
    _, torch_class, extra = CELLS[cell]
    by_torch = torch_class(20, 128, 2, **extra)
    by_torch.load_state_dict(layer.state_dict())
    x = torch.randn(30, 16, 20)
    exact = list(results_of(witness, x, None, None, torch.float64))
    with torch.autocast("cpu", torch.bfloat16):
        results = list(results_of(layer, x, None, None, torch.float32))
        by_torch_results = list(results_of(by_torch, x, None, None, torch.float32))
    assert layer.used == "fused: avx512_bf16"
    assert [tensor.dtype for tensor in results] == [tensor.dtype for tensor in by_torch_results]
    for one, other, right in zip(results, by_torch_results, exact, strict=True):
        assert relative_error(one, right) < 1.5 * relative_error(other, right) + 1e-3


def test_autocast_without_bfloat16_uses_torchs_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kissipo.process.kernels.native._FORCED", "plain")
    layer = LSTM(3, 4)
    with torch.autocast("cpu", torch.bfloat16):
        assert "cannot multiply bfloat16" in layer.choose(torch.zeros(5, 2, 3))[1]
        if multiplies_bfloat16():  # elsewhere torch itself has no bfloat16 LSTM
            layer(torch.zeros(5, 2, 3))
            assert "cannot multiply bfloat16" in layer.used
    with torch.autocast("cpu", torch.float16):
        assert "under autocast to torch.float16" in layer.choose(torch.zeros(5, 2, 3))[1]


def test_a_call_that_torch_computed_is_not_chosen_again(monkeypatch: pytest.MonkeyPatch) -> None:
    layer, x = LSTM(4, 5, batch_first=True, kernel="torch"), torch.randn(3, 6, 4)
    expected, _ = layer(x)
    choices: list[str] = []
    choose = LSTM.choose
    monkeypatch.setattr(LSTM, "choose", lambda *arguments: choices.append("") or choose(*arguments))
    assert torch.equal(layer(x)[0], expected)
    assert not choices
    changes: list[Any] = [
        lambda: layer(x[:2]),
        lambda: layer(x.requires_grad_()),
        lambda: setattr(layer, "kernel", "reference") or layer(x),
        lambda: setattr(layer, "kernel", "torch") or layer(x),
        lambda: pickle.loads(pickle.dumps(layer))(x),
        lambda: layer.double()(x.double()),
    ]
    for change in changes:
        choices.clear()
        change()
        assert len(choices) == 1


def test_a_call_without_gradients_does_not_choose_for_training() -> None:
    """The same net has the same kernel in training, whatever it predicted before."""
    layer = LSTM(16, 16, batch_first=True)
    x = torch.randn(4, 8, 16)
    layer(x)
    used = layer.used
    layer.kernel = "torch"
    with torch.no_grad():
        layer(x)
    layer.kernel = "auto"
    layer(x)
    assert layer.used == used
    traced = torch.jit.trace(layer.eval(), (x,), check_trace=False)
    torch.testing.assert_close(traced(x)[0], layer(x)[0])
    assert layer.used == used
    with pytest.raises(ShapeError, match="with 16 features"):
        layer(torch.randn(3, 6, 3))


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("learns", [False, True])
def test_a_call_that_is_left_to_torch_again_gives_the_same_bits(
    cell: str, batch_first: bool, learns: bool
) -> None:
    """The second call skips the checks of torch's layer."""
    words: dict[str, Any] = {
        "num_layers": 2, "bidirectional": True, "batch_first": batch_first, "dropout": 0.5
    }  # fmt: skip
    layer, witness = pair(cell, "auto", 3, 4, **words)
    layer = layer.double()  # in float64 all calls are left to torch
    x = torch.randn(2, 5, 3, dtype=torch.float64)
    with torch.set_grad_enabled(learns):
        for call in range(3):
            results, gradients = [], []
            for one in (layer, witness):
                torch.manual_seed(call)
                y, states = one(x)
                flat = [y, *(states if isinstance(states, tuple) else [states])]
                results.append(flat)
                if learns:
                    total = sum(part.square().sum() for part in flat)
                    gradients.append(torch.autograd.grad(total, list(one.parameters())))
            assert all(map(torch.equal, *results))
            assert not learns or all(map(torch.equal, *gradients))
    assert layer._torch_call is not None


def test_a_call_that_torch_refuses_is_refused_again(cell: str) -> None:
    layer = CELLS[cell][0](3, 4, kernel="torch", **CELLS[cell][2])
    for _ in range(3):
        with pytest.raises((RuntimeError, ValueError), match="input_size"):
            layer(torch.randn(5, 2, 7))


class Half(nn.Module):
    calls = 0

    def forward(self, weight: Tensor) -> Tensor:
        self.calls += 1
        return weight / 2


@pytest.mark.parametrize("kernel", ["fused", "torch", "reference"])
@pytest.mark.parametrize("learns", [False, True])
def test_weights_that_others_have_put_in_place_are_used(
    cell: str, kernel: str, learns: bool
) -> None:
    layer, witness = pair(cell, kernel, 3, 20)
    x = torch.randn(9, 2, 3)
    with torch.set_grad_enabled(learns):

        def assert_equal() -> None:
            torch.testing.assert_close(
                layer(x)[0].double(), witness(x.double())[0], rtol=2e-6, atol=2e-6
            )

        assert_equal()
        doubled = {name: (2 * w).detach() for name, w in layer.named_parameters()}
        y = torch.func.functional_call(layer, doubled, (x,))[0]
        exact = {name: w.double().requires_grad_() for name, w in doubled.items()}
        expected = torch.func.functional_call(witness, exact, (x.double(),))[0]
        torch.testing.assert_close(y.double(), expected, rtol=2e-6, atol=2e-6)
        assert_equal()  # again with its own
        if learns:
            learning = {name: w.requires_grad_() for name, w in doubled.items()}
            y = torch.func.functional_call(layer, learning, (x,))[0]
            gradients = torch.autograd.grad(y.square().sum(), list(learning.values()))
            wanted = torch.autograd.grad(expected.square().sum(), list(exact.values()))
            for one, two in zip(gradients, wanted, strict=True):
                torch.testing.assert_close(one.double(), two, rtol=1e-4, atol=1e-5)
        for one in (layer, witness):
            parametrize.register_parametrization(one, "weight_hh_l0", Half())
        assert_equal()
        half = layer.parametrizations.weight_hh_l0[0]
        before = half.calls
        layer(x)
        assert kernel == "torch" or half.calls == before + 1
        with torch.no_grad():
            for one in (layer, witness):
                one.parametrizations.weight_hh_l0.original.mul_(3)
        assert_equal()

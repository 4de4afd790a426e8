"""Inference in one call beside torch, and packed weights that are never stale."""

from __future__ import annotations

import threading
from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from kissipo.process.kernels import native
from kissipo.process.kernels.inference import run
from kissipo.process.kernels.native import BUILT
from kissipo.process.layers import GRU, LSTM, RNN
from kissipo.process.optim import optimizer

pytestmark = pytest.mark.skipif(not BUILT, reason="the kernels were not built here")
CELLS: dict[str, tuple[Any, Any]] = {
    "LSTM": (LSTM, nn.LSTM), "GRU": (GRU, nn.GRU), "RNN": (RNN, nn.RNN)
}  # fmt: skip


def flat(results: Any) -> list[Tensor]:
    y, states = results
    return [y, *(states if isinstance(states, tuple) else [states])]


def assert_equals_torch(layer: nn.RNNBase, x: Tensor) -> None:
    """Compares with torch's layer of the same weights in float64."""
    plain = next(theirs for ours, theirs in CELLS.values() if isinstance(layer, ours))
    witness = plain(
        layer.input_size,
        layer.hidden_size,
        layer.num_layers,
        bias=layer.bias,
        batch_first=layer.batch_first,
        bidirectional=layer.bidirectional,
    )
    witness.load_state_dict(layer.state_dict())
    with torch.no_grad():
        expected, results = flat(witness.double()(x.double())), flat(layer(x))
    assert layer.used.startswith("fused: "), layer.used  # type: ignore[operator]
    for one, two in zip(results, expected, strict=True):
        torch.testing.assert_close(one.double(), two, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("batch", [1, 2, 7])
@pytest.mark.parametrize(
    "options",
    [{}, {"num_layers": 2, "batch_first": True}, {"bidirectional": True, "num_layers": 3},
     {"bias": False}],
    ids=str,
)  # fmt: skip
def test_values_equal_torch_in_float64(name: str, batch: int, options: dict[str, Any]) -> None:
    torch.manual_seed(0)
    layer = CELLS[name][0](5, 19, **options)
    for steps in (1, 6, 6, 11):
        shape = (batch, steps, 5) if layer.batch_first else (steps, batch, 5)
        assert_equals_torch(layer, torch.randn(shape))


@pytest.mark.parametrize("instructions", ["avx512", "avx2", "plain"])
@pytest.mark.parametrize("name", CELLS)
def test_every_instruction_set(
    monkeypatch: pytest.MonkeyPatch, instructions: str, name: str
) -> None:
    if instructions not in native.available_sets():
        pytest.skip(f"this machine has no {instructions}")
    monkeypatch.setattr("kissipo.process.kernels.native._FORCED", instructions)
    layer = CELLS[name][0](3, 70)
    assert_equals_torch(layer, torch.randn(9, 1, 3))
    assert layer.used == f"fused: {instructions}"


@pytest.mark.parametrize("name", CELLS)
def test_results_equal_those_of_training_bit_for_bit(name: str) -> None:
    layer, x = CELLS[name][0](4, 33, kernel="fused"), torch.randn(8, 5, 4)
    trained = flat(layer(x))
    with torch.no_grad():
        inferred = flat(layer(x))
    assert all(map(torch.equal, trained, inferred))


def test_changed_weights_are_packed_again() -> None:
    torch.manual_seed(0)
    layer, x = LSTM(3, 40, 2), torch.randn(6, 1, 3)
    steps = optimizer("adam", layer.parameters(), rate=0.01)

    def by_data() -> None:
        layer.weight_hh_l1.data[100, 30] += 0.5

    def by_new_tensor() -> None:
        layer.weight_ih_l0.data = layer.weight_ih_l0.data * 2

    def by_optimizer() -> None:
        layer(x)[0].square().sum().backward()
        steps.step()

    def by_numpy() -> None:
        layer.bias_hh_l0.detach().numpy()[-1] -= 1

    def by_sign() -> None:
        layer.weight_hh_l0.data.neg_()

    def by_transposed_view() -> None:
        square = layer.weight_hh_l0.data[:40].t()
        layer.weight_hh_l0.data = torch.cat([square, layer.weight_hh_l0.data[40:]])

    def by_swapped_rows() -> None:
        layer.weight_hh_l1.data = layer.weight_hh_l1.data.flip(0)

    assert_equals_torch(layer, x)
    for change in (by_data, by_new_tensor, by_optimizer, by_optimizer, by_numpy, by_sign,
                   by_transposed_view, by_swapped_rows):  # fmt: skip
        change()
        assert_equals_torch(layer, x)


def test_weights_with_gaps_are_left_to_the_general_path() -> None:
    layer, x = RNN(6, 6), torch.randn(4, 1, 6)
    assert_equals_torch(layer, x)
    layer.weight_hh_l0.data = layer.weight_hh_l0.data.t()  # the same address
    with torch.no_grad():
        library = native.kernels()
        assert library is not None and run(layer, x, library) is None
    assert_equals_torch(layer, x)


def test_copies_have_their_own_packed_weights() -> None:
    layer, x = GRU(3, 20), torch.randn(6, 2, 3)
    assert_equals_torch(layer, x)
    copied = deepcopy(layer)
    copied.weight_hh_l0.data.mul_(3)
    assert_equals_torch(copied, x)
    assert_equals_torch(layer, x)


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("rows", [1, 3, 7])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_units_shared_between_threads_give_the_same_bits(
    name: str, rows: int, bidirectional: bool
) -> None:
    layer = CELLS[name][0](8, 190, bidirectional=bidirectional, kernel="fused")
    x, before, results = torch.randn(30, rows, 8), torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3, 5):
            torch.set_num_threads(threads)
            with torch.no_grad():
                results.append(flat(layer(x)))
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert all(map(torch.equal, results[0], other))


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("steps", [1, 9])
def test_units_shared_in_training_give_the_same_bits(name: str, steps: int) -> None:
    layer = CELLS[name][0](300, 300, kernel="fused")
    x = torch.randn(steps, 3, 300, requires_grad=True)
    before, gradients = torch.get_num_threads(), []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            total = layer(x)[0].square().sum()
            gradients.append(torch.autograd.grad(total, [x, *layer.parameters()]))
    finally:
        torch.set_num_threads(before)
    assert all(map(torch.equal, *gradients))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", CELLS)
def test_training_of_very_large_layers_equals_torch(name: str, threads: int) -> None:
    """Their input parts are computed before the steps, their gradients for many rows.

    Smaller layers follow, in the memory that these have left.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        for units, batch in ((1030 if name == "RNN" else 600, 12), (40, 60), (257, 13)):
            layer = CELLS[name][0](units, units, kernel="fused")
            witness = CELLS[name][1](units, units).double()
            witness.load_state_dict(layer.state_dict())
            x = torch.randn(12, batch, units, requires_grad=True)
            wide = x.detach().double().requires_grad_()
            y, expected = layer(x)[0], witness(wide)[0]
            assert layer.used.startswith("fused: ")
            torch.testing.assert_close(y.double(), expected, rtol=1e-5, atol=1e-5)
            direction = torch.randn_like(y)
            own = torch.autograd.grad(y, [x, *layer.parameters()], direction)
            theirs = torch.autograd.grad(
                expected, [wide, *witness.parameters()], direction.double()
            )
            for one, two in zip(own, theirs, strict=True):
                torch.testing.assert_close(one.double(), two, rtol=1e-4, atol=1e-4)
    finally:
        torch.set_num_threads(before)


def test_several_threads_of_python_at_once() -> None:
    layer = GRU(4, 110, 2, kernel="fused")  # so many that threads share the units
    inputs = [torch.randn(20, 1 + number % 3, 4) for number in range(6)]
    with torch.no_grad():
        expected = [layer(x)[0] for x in inputs]
    wrong: list[int] = []

    def work(number: int) -> None:
        with torch.no_grad():
            for _ in range(60):
                if not torch.equal(layer(inputs[number])[0], expected[number]):
                    wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_results_are_new_tensors() -> None:
    layer, x = LSTM(2, 5), torch.randn(3, 1, 2)
    with torch.no_grad():
        first = flat(layer(x))
        copies = [one.clone() for one in first]
        layer(x + 1)
    assert all(map(torch.equal, first, copies))


def test_layer_without_kernels_has_none_in_inference_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("kissipo.process.kernels.native._FORCED", "none")
    layer = GRU(3, 5)
    with torch.no_grad():
        layer(torch.randn(4, 2, 3))
    assert layer.used.startswith("torch")


def test_two_signs_that_change_far_apart_are_seen() -> None:
    """A change of the highest bit must not be undone by one that is read much later."""
    torch.manual_seed(0)
    for place in torch.randint(0, 4_096, (40,)).tolist():
        layer, x = GRU(64, 64), torch.randn(3, 2, 64)
        flat = layer.weight_hh_l0.data.view(-1)
        flat[place], flat[place + 4_096] = 0.5, -0.5
        assert_equals_torch(layer, x)
        flat[place], flat[place + 4_096] = -0.5, 0.5
        assert_equals_torch(layer, x)

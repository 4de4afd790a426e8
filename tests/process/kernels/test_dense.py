"""Linear layers by the kernels beside torch: outputs and slopes, dropout by its published dice, every instruction set."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from kissipo.process.kernels.dense import DenseChain, DenseLayer, new_key
from kissipo.process.kernels.native import BUILT, Kernels, kernels

pytestmark = pytest.mark.skipif(not BUILT, reason="the kernels were not built here")


@pytest.fixture(params=["avx512", "avx2", "plain", "neon"])
def instructions(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Kernels:
    monkeypatch.setenv("KISSIPO_INSTRUCTIONS", request.param)
    found = kernels()
    if found is None:
        pytest.skip(f"this machine has no {request.param}")
    return found


def links(
    *widths: int, relu: bool = True, dropout: float = 0.0, bias: bool = True
) -> list[DenseLayer]:
    """Layers of these widths; the last has neither relu nor dropout."""
    torch.manual_seed(0)
    layers = [nn.Linear(one, two, bias=bias) for one, two in itertools.pairwise(widths)]
    return [*(DenseLayer(layer, relu, dropout) for layer in layers[:-1]), DenseLayer(layers[-1])]


def by_torch(chain: list[DenseLayer], x: Tensor, masks: list[Tensor] | None = None) -> Tensor:
    for at, link in enumerate(chain):
        x = link.linear(x)
        x = x.relu() if link.relu else x
        x = x * masks[at] if masks and link.dropout else x
    return x


def squares(count: int, key: int) -> list[int]:
    """The first numbers of Widynski's counter-based dice, in whole numbers of any size."""
    most, found = 2**64 - 1, []
    for n in range(count):
        x = y = n * key & most
        z = y + key & most
        for add in (y, z, y):
            x = x * x + add & most
            x = (x >> 32 | x << 32) & most
        found.append((x * x + z & most) >> 32)
    return found


@pytest.mark.parametrize("rows", [1, 3, 4, 32, 61])
@pytest.mark.parametrize(
    "widths",
    [(784, 128, 10), (5, 3), (16, 16, 16), (33, 17, 6, 1), (1, 1, 1), (100, 7, 65, 2)],
    ids=str,
)
@pytest.mark.parametrize(("relu", "bias"), [(True, True), (False, False)])
def test_outputs_and_slopes_are_torchs(
    rows: int, widths: tuple[int, ...], relu: bool, bias: bool, instructions: Kernels
) -> None:
    chain = links(*widths, relu=relu, bias=bias)
    x, dy = torch.randn(rows, widths[0]), torch.randn(rows, widths[-1])
    manual_backprop = DenseChain(instructions, chain)
    y = manual_backprop.forward(x)
    expected = by_torch(chain, x)
    torch.testing.assert_close(y, expected.detach(), rtol=1e-4, atol=1e-5)
    weights = [each for link in chain for each in link.linear.parameters()]
    gradients = torch.autograd.grad(expected, weights, dy)
    manual_backprop.backward(x, dy)
    for weight, gradient in zip(weights, gradients, strict=True):
        torch.testing.assert_close(weight.grad, gradient, rtol=1e-4, atol=1e-4)


def test_several_threads_give_the_same_numbers() -> None:
    found, chain, x = kernels(), links(300, 400, 50, dropout=0.3), torch.randn(64, 300)
    assert found is not None
    seen, before = [], torch.get_num_threads()
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            torch.manual_seed(5)
            manual_backprop = DenseChain(found, chain)
            y = manual_backprop.forward(x).clone()
            manual_backprop.backward(x, y)
            seen.append([y, *(each.grad for link in chain for each in link.linear.parameters())])
    finally:
        torch.set_num_threads(before)
    for other in seen[1:]:
        assert all(torch.equal(one, two) for one, two in zip(seen[0], other, strict=True))


def test_dropout_draws_the_published_numbers_and_its_slopes_fit(instructions: Kernels) -> None:
    chain, x, dy = links(9, 21, 13, 4, dropout=0.25), torch.randn(6, 9), torch.randn(6, 4)
    torch.manual_seed(11)
    key = new_key()
    torch.manual_seed(11)
    manual_backprop = DenseChain(instructions, chain)
    y = manual_backprop.forward(x)
    drawn = torch.tensor(squares(6 * 21 + 6 * 13, key))
    masks = torch.where(drawn < round(0.75 * 2**32), 1 / 0.75, 0.0)
    assert 0.65 < (masks > 0).float().mean() < 0.85
    expected = by_torch(chain, x, [masks[: 6 * 21].view(6, 21), masks[6 * 21 :].view(6, 13)])
    torch.testing.assert_close(y, expected.detach(), rtol=1e-4, atol=1e-5)
    weights = [each for link in chain for each in link.linear.parameters()]
    manual_backprop.backward(x, dy)
    for weight, gradient in zip(weights, torch.autograd.grad(expected, weights, dy), strict=True):
        torch.testing.assert_close(weight.grad, gradient, rtol=1e-4, atol=1e-5)


def test_dropout_keeps_the_share_that_was_asked_for_and_draws_anew() -> None:
    found, ones = kernels(), nn.Linear(1, 1000)
    assert found is not None
    nn.init.ones_(ones.weight)
    nn.init.zeros_(ones.bias)
    manual_backprop = DenseChain(found, [DenseLayer(ones, dropout=0.2)])
    first, second = (manual_backprop.forward(torch.ones(100, 1)).clone() for _ in range(2))
    assert set(first.unique().tolist()) == {0.0, 1.25}
    assert (first > 0).float().mean().item() == pytest.approx(
        0.8, abs=0.006
    )  # 5 standard errors of 100,000 draws
    assert ((first > 0) & (second > 0)).float().mean().item() == pytest.approx(0.64, abs=0.008)


def test_what_is_held_gets_no_slope_and_a_weight_that_moved_is_found() -> None:
    found, chain = kernels(), links(8, 6, 2)
    assert found is not None
    chain[0].linear.weight.requires_grad_(False)
    manual_backprop, x = DenseChain(found, chain), torch.randn(5, 8)
    manual_backprop.forward(x)
    manual_backprop.backward(x, torch.ones(5, 2))
    assert chain[0].linear.weight.grad is None and chain[1].linear.weight.grad is not None
    chain[1].linear.weight.data = torch.randn(2, 6)  # another memory
    torch.testing.assert_close(manual_backprop.forward(x), by_torch(chain, x).detach())


def test_not_a_number_stays_one() -> None:
    found, chain = kernels(), links(4, 6, 2)
    assert found is not None
    x = torch.zeros(2, 4)
    x[1, 2] = float("nan")
    y = DenseChain(found, chain).forward(x)
    assert torch.equal(y.isnan(), torch.tensor([[False, False], [True, True]]))
    assert functional.relu(torch.tensor(float("nan"))).isnan()  # as torch has it

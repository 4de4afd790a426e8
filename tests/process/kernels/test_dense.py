"""Linear layers by the kernels, compared with torch: outputs, gradients and dropout.

Dropout uses a published random generator. All instruction sets are tested.
"""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from kissipo.process.kernels.dense import DenseChain, DenseLayer, new_key
from kissipo.process.kernels.native import BUILT, Kernels, available_sets, kernels

pytestmark = pytest.mark.skipif(not BUILT, reason="the kernels were not built here")


@pytest.fixture(params=["avx512", "avx2", "plain", "neon"])
def instructions(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Kernels:
    if request.param not in available_sets():
        pytest.skip(f"this machine has no {request.param}")
    monkeypatch.setattr("kissipo.process.kernels.native._FORCED", request.param)
    library = kernels()
    assert library is not None
    assert library.name == request.param
    return library


def dense_layers(
    *widths: int, relu: bool = True, dropout: float = 0.0, bias: bool = True
) -> list[DenseLayer]:
    """Returns layers of these widths; the last one has no relu and no dropout."""
    torch.manual_seed(0)
    layers = [nn.Linear(one, two, bias=bias) for one, two in itertools.pairwise(widths)]
    return [*(DenseLayer(layer, relu, dropout) for layer in layers[:-1]), DenseLayer(layers[-1])]


def by_torch(chain: list[DenseLayer], x: Tensor, masks: list[Tensor] | None = None) -> Tensor:
    for index, layer in enumerate(chain):
        x = layer.linear(x)
        x = x.relu() if layer.relu else x
        x = x * masks[index] if masks and layer.dropout else x
    return x


def generator_values(count: int, key: int) -> list[int]:
    """Returns the first numbers of Widynski's counter-based generator."""
    mask64, values = 2**64 - 1, []
    for n in range(count):
        x = y = n * key & mask64
        z = y + key & mask64
        for add in (y, z, y):
            x = x * x + add & mask64
            x = (x >> 32 | x << 32) & mask64
        values.append((x * x + z & mask64) >> 32)
    return values


@pytest.mark.parametrize("rows", [1, 3, 4, 32, 61])
@pytest.mark.parametrize(
    "widths",
    [(784, 128, 10), (5, 3), (16, 16, 16), (33, 17, 6, 1), (1, 1, 1), (100, 7, 65, 2)],
    ids=str,
)
@pytest.mark.parametrize(("relu", "bias"), [(True, True), (False, False)])
def test_dense_outputs_and_gradients_equal_torch(
    rows: int, widths: tuple[int, ...], relu: bool, bias: bool, instructions: Kernels
) -> None:
    chain = dense_layers(*widths, relu=relu, bias=bias)
    x, dy = torch.randn(rows, widths[0]), torch.randn(rows, widths[-1])
    dense_chain = DenseChain(instructions, chain)
    y = dense_chain.forward(x)
    expected = by_torch(chain, x)
    torch.testing.assert_close(y, expected.detach(), rtol=1e-4, atol=1e-5)
    weights = [weight for layer in chain for weight in layer.linear.parameters()]
    gradients = torch.autograd.grad(expected, weights, dy)
    dense_chain.backward(x, dy)
    for weight, gradient in zip(weights, gradients, strict=True):
        torch.testing.assert_close(weight.grad, gradient, rtol=1e-4, atol=1e-4)


def test_threads_give_the_same_numbers() -> None:
    library, chain, x = kernels(), dense_layers(300, 400, 50, dropout=0.3), torch.randn(64, 300)
    assert library is not None
    results, before = [], torch.get_num_threads()
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            torch.manual_seed(5)
            dense_chain = DenseChain(library, chain)
            y = dense_chain.forward(x).clone()
            dense_chain.backward(x, y)
            gradients = [w.grad for layer in chain for w in layer.linear.parameters()]
            results.append([y, *gradients])
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert all(torch.equal(one, two) for one, two in zip(results[0], other, strict=True))


def test_dropout_mask_and_gradients_equal_the_published_generator(instructions: Kernels) -> None:
    chain, x, dy = dense_layers(9, 21, 13, 4, dropout=0.25), torch.randn(6, 9), torch.randn(6, 4)
    torch.manual_seed(11)
    key = new_key()
    torch.manual_seed(11)
    dense_chain = DenseChain(instructions, chain)
    y = dense_chain.forward(x)
    drawn = torch.tensor(generator_values(6 * 21 + 6 * 13, key))
    masks = torch.where(drawn < round(0.75 * 2**32), 1 / 0.75, 0.0)
    assert 0.65 < (masks > 0).float().mean() < 0.85
    expected = by_torch(chain, x, [masks[: 6 * 21].view(6, 21), masks[6 * 21 :].view(6, 13)])
    torch.testing.assert_close(y, expected.detach(), rtol=1e-4, atol=1e-5)
    weights = [weight for layer in chain for weight in layer.linear.parameters()]
    dense_chain.backward(x, dy)
    for weight, gradient in zip(weights, torch.autograd.grad(expected, weights, dy), strict=True):
        torch.testing.assert_close(weight.grad, gradient, rtol=1e-4, atol=1e-5)


def test_dropout_rate_and_new_masks() -> None:
    library, ones = kernels(), nn.Linear(1, 1000)
    assert library is not None
    nn.init.ones_(ones.weight)
    nn.init.zeros_(ones.bias)
    dense_chain = DenseChain(library, [DenseLayer(ones, dropout=0.2)])
    first, second = (dense_chain.forward(torch.ones(100, 1)).clone() for _ in range(2))
    assert set(first.unique().tolist()) == {0.0, 1.25}
    assert (first > 0).float().mean().item() == pytest.approx(
        0.8, abs=0.006
    )  # 5 standard errors of 100,000 draws
    assert ((first > 0) & (second > 0)).float().mean().item() == pytest.approx(0.64, abs=0.008)


def test_frozen_weight_gets_no_gradient_and_a_moved_weight_is_used() -> None:
    library, chain = kernels(), dense_layers(8, 6, 2)
    assert library is not None
    chain[0].linear.weight.requires_grad_(False)
    dense_chain, x = DenseChain(library, chain), torch.randn(5, 8)
    dense_chain.forward(x)
    dense_chain.backward(x, torch.ones(5, 2))
    assert chain[0].linear.weight.grad is None and chain[1].linear.weight.grad is not None
    chain[1].linear.weight.data = torch.randn(2, 6)  # at another address
    torch.testing.assert_close(dense_chain.forward(x), by_torch(chain, x).detach())


def test_nan_stays_nan() -> None:
    library, chain = kernels(), dense_layers(4, 6, 2)
    assert library is not None
    x = torch.zeros(2, 4)
    x[1, 2] = float("nan")
    y = DenseChain(library, chain).forward(x)
    assert torch.equal(y.isnan(), torch.tensor([[False, False], [True, True]]))
    assert functional.relu(torch.tensor(float("nan"))).isnan()  # as in torch

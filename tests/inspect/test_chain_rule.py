"""Tests of the chain rule: factors by hand, products against difference quotients."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from kissipo.inspect.chain_rule import Chain, chain_rule


def half_squared_error(net: nn.Module, x: Tensor, truth: Tensor) -> float:
    with torch.no_grad():
        return float((net(x) - truth).square().sum() / 2)


def test_one_unit_by_hand() -> None:
    """The prediction is y' = 3 · tanh(2 · 0.5) = 2.2847, and the error is -0.7153.

    dL/dw2 = -0.7153 · tanh 1
    dL/dw1 = -0.7153 · 3 · (1 - tanh² 1) · 0.5
    """
    net = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Tanh(), nn.Linear(1, 1, bias=False))
    nn.init.constant_(net[0].weight, 2.0)  # type: ignore[arg-type]
    nn.init.constant_(net[2].weight, 3.0)  # type: ignore[arg-type]
    first, second = chain_rule(net, torch.tensor([[0.5]]), torch.tensor([[3.0]]))
    assert [(factor.name, round(factor.value, 4)) for factor in first.factors] == [
        ("(y' - y)", -0.7152),
        ("[sum over paths]", 3.0),
        ("f'(z1[1])", 0.42),
        ("x[1]", 0.5),
    ]
    assert first.factors[1].terms == ("w2[1,1] = 3",)
    assert (first.weight, round(first.product, 4)) == ("w1[1,1]", -0.4506)
    assert [(factor.name, round(factor.value, 4)) for factor in second.factors] == [
        ("(y' - y)", -0.7152),
        ("a1[1]", 0.7616),
    ]
    assert (second.weight, round(second.product, 4)) == ("w2[1,1]", -0.5447)


@pytest.mark.parametrize("activation", [nn.Sigmoid, nn.Tanh, nn.ReLU, nn.Identity])
@pytest.mark.parametrize("units", [(), (3,), (2, 2), (3, 2, 4)])
def test_every_product_is_the_difference_quotient_and_what_autograd_says(
    activation: type[nn.Module], units: tuple[int, ...]
) -> None:
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for before, after in zip((2, *units), units, strict=False):
        layers += [nn.Linear(before, after), activation()]
    net = nn.Sequential(*layers, nn.Linear((2, *units)[-1], 1)).double()
    x, truth = torch.tensor([[0.7, -1.2]]).double(), torch.tensor([[1.5]]).double()
    weights = [layer.weight for layer in net if isinstance(layer, nn.Linear)]
    quotients = {}
    for number, weight in enumerate(weights, start=1):
        for unit, source in torch.cartesian_prod(*map(torch.arange, weight.shape)).tolist():
            errors = []
            for step in (1e-5, -2e-5):
                with torch.no_grad():
                    weight[unit, source] += step
                errors.append(half_squared_error(net, x, truth))
            with torch.no_grad():
                weight[unit, source] += 1e-5
            quotients[f"w{number}[{unit + 1},{source + 1}]"] = (errors[0] - errors[1]) / 2e-5
    chains: list[Chain] = chain_rule(net, x, truth)
    assert [chain.weight for chain in chains] == list(quotients)
    for chain in chains:
        assert chain.product == pytest.approx(quotients[chain.weight], rel=1e-6, abs=1e-9)
        assert chain.product == pytest.approx(chain.autograd, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    "net",
    [
        nn.Linear(2, 1),
        nn.Sequential(nn.Linear(2, 2)),
        nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 8), nn.Linear(8, 1)),
        nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2), nn.Linear(2, 1)),
    ],
    ids=["no stack", "two answers", "too much to read", "another layer"],
)
def test_what_is_no_small_dense_stack_has_no_chain(net: nn.Module) -> None:
    assert chain_rule(net, torch.zeros(1, 2), torch.zeros(1, 1)) == []

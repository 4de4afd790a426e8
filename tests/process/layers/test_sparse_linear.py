"""Layers on ids with weights equal linear layers on rows with a number per term."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from kissipo.core.tensor_spec import TensorSpec
from kissipo.inspect.breakdown.explain_value import explain_value
from kissipo.process.layers.sparse_linear import SparseLinear
from kissipo.process.layers.wide import WideAndDeepInputs, WideInputs

TEXT = torch.tensor(
    [
        [[3.0, 0.5], [1.0, -1.5], [4.0, 2.0]],
        [[2.0, 0.25], [0.0, 0.0], [0.0, 0.0]],
        [[0.0, 0.0], [0.0, 0.0], [0.0, 0.0]],
    ]
)
SPECS = (
    TensorSpec("text", ("term", "weight"), (3, 2), vocab_size=5, padded=True),
    TensorSpec("numbers", ("feature",), (2,)),
    TensorSpec("kind", (), (), vocab_size=3),
)


def as_rows(text: Tensor, size: int) -> Tensor:
    """Returns one number per term, by a loop."""
    rows = torch.zeros(len(text), size)
    for row, terms in zip(rows, text.tolist(), strict=True):
        for number, weight in terms:
            row[int(number)] += weight
    return rows


def random_layer(units: int = 4) -> SparseLinear:
    torch.manual_seed(0)
    return SparseLinear(5, units, bound=1.0)


def test_output_and_gradient_equal_those_of_a_matrix_product() -> None:
    layer = random_layer()
    weight = layer.weight.detach().clone().requires_grad_()
    expected = as_rows(TEXT, 5) @ weight
    torch.testing.assert_close(layer(TEXT), expected)
    layer(TEXT).square().sum().backward()
    expected.square().sum().backward()
    torch.testing.assert_close(layer.weight.grad, weight.grad)


@pytest.mark.parametrize("index", [(0, 1), (1, 3), (2, 0)])
def test_breakdown_adds_up_the_terms(index: tuple[int, int]) -> None:
    layer = random_layer()
    breakdown = explain_value(layer, (TEXT,), layer(TEXT), index)
    assert breakdown.agrees
    expected = as_rows(TEXT, 5)[index[0]] * layer.weight.detach()[:, index[1]]
    assert breakdown.result == pytest.approx(float(expected.sum()), abs=1e-6)


def test_wide_inputs_equal_one_linear_layer_on_all_features() -> None:
    wide = WideInputs(SPECS, 2)
    torch.manual_seed(0)
    weight, bias = torch.randn(2, 5 + 2 + 3), torch.randn(2)
    wide.set_weights(weight, bias)
    numbers, kinds = torch.randn(3, 2), torch.tensor([2, 0, 1])
    features = torch.cat([as_rows(TEXT, 5), numbers, torch.eye(3)[kinds]], dim=1)
    features[:, 0] = 0  # padding
    output = wide(TEXT, numbers, kinds)
    torch.testing.assert_close(output, nn.functional.linear(features, weight, bias))
    assert [tuple(own.shape) for own in wide.weights()] == [(5, 2), (2, 2), (3, 2)]
    breakdown = explain_value(wide, (TEXT, numbers, kinds), output, (1, 1))
    assert breakdown.agrees


def test_deep_path_adds_nothing_at_first() -> None:
    wide = WideInputs(SPECS[:1], 2)
    wide.set_weights(torch.randn(2, 5), torch.randn(2))
    deep = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
    net = WideAndDeepInputs(wide, random_layer(), deep, nn.Linear(3, 2))
    assert torch.equal(net(TEXT), wide(TEXT))
    nn.init.ones_(net.head.weight)
    output = net(TEXT)
    torch.testing.assert_close(output - wide(TEXT), net.head(deep(net.join(TEXT))))
    assert explain_value(net, (TEXT,), output, (0, 1)).agrees

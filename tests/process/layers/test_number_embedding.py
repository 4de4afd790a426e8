"""Embeddings of numbers equal the formulas of the paper, written as loops of numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_wine

from kissipo.core.batch import Batch
from kissipo.core.tensor_spec import TensorSpec
from kissipo.inspect.breakdown.explain_value import explain_value
from kissipo.process.layers.number_embedding import Periodic, PiecewiseLinear
from kissipo.process.linear_init import fit_scales
from kissipo.process.nets import tabm

WINE = load_wine().data
ROWS = torch.tensor((WINE - WINE.mean(axis=0)) / WINE.std(axis=0), dtype=torch.float32)


def encoded(x: np.ndarray, samples: np.ndarray, bins: int) -> np.ndarray:
    """The encoding of one column, number by number."""
    places = np.linspace(0, len(samples) - 1, bins + 1).round().astype(int)
    ends = np.unique(np.sort(samples)[places])
    rows = np.zeros((len(x), bins))
    for row, value in enumerate(x):
        for part in range(len(ends) - 1):
            share = (value - ends[part]) / (ends[part + 1] - ends[part])
            if value < ends[part] and part > 0:
                share = 0.0
            if value >= ends[part + 1] and part < len(ends) - 2:
                share = 1.0
            rows[row, part] = share
    return rows


def test_piecewise_linear_encoding_equals_the_formula_of_the_paper() -> None:
    layer = PiecewiseLinear(13)
    layer.fit_scale(ROWS[:120])
    for column in range(13):
        expected = encoded(ROWS[:, column].numpy(), ROWS[:120, column].numpy(), 16)
        got = layer(ROWS)[:, column * 16 : column * 16 + 16]
        np.testing.assert_allclose(got.numpy(), expected, atol=1e-4)


def test_column_of_few_values_has_few_bins_and_a_constant_has_none() -> None:
    x = torch.tensor([[0.0, 5.0], [1.0, 5.0], [1.0, 5.0], [0.0, 5.0]])
    layer = PiecewiseLinear(2, num_bins=3)
    layer.fit_scale(x)
    got = layer(torch.tensor([[0.25, 9.0], [2.0, 5.0]]))
    assert got.tolist() == [[0.25, 0, 0, 0, 0, 0], [2.0, 0, 0, 0, 0, 0]]


def test_periodic_embedding_equals_the_formula_of_the_paper() -> None:
    torch.manual_seed(0)
    layer = Periodic(13, num_frequencies=5, units=3)
    frequencies = layer.waves.frequencies.detach().numpy()
    weight, bias = layer.linear.weight.detach().numpy(), layer.linear.bias.detach().numpy()
    got = layer(ROWS).detach().numpy()
    for row in (0, 60, 177):
        for column in range(13):
            angles = 2 * np.pi * frequencies[column] * float(ROWS[row, column])
            waves = np.concatenate([np.sin(angles), np.cos(angles)])
            expected = np.maximum(weight @ waves + bias, 0)
            np.testing.assert_allclose(got[row, column * 3 : column * 3 + 3], expected, atol=1e-5)


def test_breakdown_of_an_encoded_number_agrees() -> None:
    layer = PiecewiseLinear(13)
    layer.fit_scale(ROWS)
    output = layer(ROWS)
    for place in range(0, 13 * 16, 5):
        for row in (0, 90, 177):
            assert explain_value(layer, (ROWS,), output, (row, place)).agrees, (row, place)


class Samples:
    """The rows of wine as a data set."""

    def __len__(self) -> int:
        return len(ROWS)

    def batch(self, index: torch.Tensor | slice) -> Batch:
        return Batch((ROWS[index],), (torch.zeros(len(ROWS[index])),))


def test_training_begins_with_the_bins_of_the_training_samples() -> None:
    row = TensorSpec("row", ("feature",), (13,))
    kind = TensorSpec("kind", ("class",), (3,))
    options = tabm.Options(units=(4,), num_members=2, number_embedding="piecewise_linear")
    net, again = (tabm.build((row,), (kind,), options) for _ in range(2))
    fit_scales(net, Samples())
    (layer,) = (part for part in net.modules() if isinstance(part, PiecewiseLinear))
    ends = np.unique(np.quantile(ROWS[:, 2].numpy(), np.linspace(0, 1, 17)))
    assert len(ends) == 17  # no value is so frequent that it ends two bins
    np.testing.assert_allclose(layer.left[2].numpy(), ends[:-1], atol=0.1)
    again.load_state_dict(net.state_dict())
    assert torch.equal(again.eval()(ROWS), net.eval()(ROWS))


@pytest.mark.parametrize("name", ["piecewise_linear", "periodic"])
def test_categories_and_texts_are_not_embedded_as_numbers(name: str) -> None:
    specs = (
        TensorSpec("row", ("feature",), (2,)),
        TensorSpec("city", (), (), vocab_size=9),
        TensorSpec("number", ("feature",), (1,)),
    )
    options = tabm.Options(number_embedding=name, embedding_dim=4)  # type: ignore[arg-type]
    net = tabm.build(specs, (TensorSpec("price", ("answer",), (1,)),), options)
    assert isinstance(net, tabm.TabM)
    components = {"piecewise_linear": 16, "periodic": 8}[name]
    assert net.join.width == 3 * components + 4
    inputs = torch.randn(5, 2), torch.arange(5), torch.randn(5, 1)
    assert net.join(*inputs).shape == (5, net.join.width)

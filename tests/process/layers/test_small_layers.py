"""Small layers by hand: pooling, embedding, heads, wrappers of series, surfaces."""

from __future__ import annotations

from math import sqrt

import pytest
import torch
from torch import nn

from kissipo.core.errors import ShapeError
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.activation import activation
from kissipo.process.layers.concat_features import ConcatFeatures
from kissipo.process.layers.embedding import embedding, width
from kissipo.process.layers.heads import Heads, head
from kissipo.process.layers.pool import temporal_pooling
from kissipo.process.layers.series_wrapper import SeriesWords, TensorSpecs, on_series
from kissipo.process.layers.stack import stack
from kissipo.process.layers.surfaces import height
from kissipo.process.layers.wide import WideAndDeep

STATES = torch.tensor(
    [
        [[1.0, -5.0], [3.0, -7.0], [99.0, 99.0]],
        [[2.0, 4.0], [8.0, 0.0], [5.0, 2.0]],
        [[9.0] * 2] * 3,
    ]
)
MASK = torch.tensor([[True, True, False], [True, True, True], [False, False, False]])


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("last", [[3, -7], [5, 2], [0, 0]]),
        ("max", [[3, -5], [8, 4], [0, 0]]),
        ("mean", [[2, -6], [5, 2], [0, 0]]),
    ],
)
def test_temporal_pooling_ignores_padding(how: str, expected: list[list[float]]) -> None:
    assert temporal_pooling(STATES, MASK, how).tolist() == expected  # type: ignore[arg-type]


@pytest.mark.parametrize("how", ["last", "max", "mean"])
def test_padding_gets_no_gradient(how: str) -> None:
    states = torch.randn(3, 3, 2, requires_grad=True)
    temporal_pooling(states, MASK, how).square().sum().backward()  # type: ignore[arg-type]
    assert states.grad is not None
    assert states.grad.isfinite().all() and not states.grad[~MASK].any() and states.grad[:2].any()


def test_temporal_pooling_without_a_mask() -> None:
    assert temporal_pooling(STATES[1:2], None, "last").tolist() == [[5, 2]]
    assert temporal_pooling(STATES[1:2], None, "max").tolist() == [[8, 4]]
    assert temporal_pooling(STATES[1:2], None, "mean").tolist() == [[5, 2]]


@pytest.mark.parametrize(
    ("name", "x", "expected"),
    [
        ("relu", -2.0, 0.0),
        ("relu", 3.0, 3.0),
        ("sigmoid", 0.0, 0.5),
        ("tanh", 1.0, 0.761594),
        ("gelu", 1.0, 0.841345),
        ("silu", 1.0, 0.731059),
        ("leaky_relu", -2.0, -0.02),
        ("elu", -1.0, -0.632121),
        ("identity", -2.0, -2.0),
    ],
)
def test_activation_values(name: str, x: float, expected: float) -> None:
    function = activation(name)  # type: ignore[arg-type]
    assert function(torch.tensor(x)).item() == pytest.approx(expected, abs=1e-6)


def test_embedding_starts_small_and_padding_stays_zero() -> None:
    torch.manual_seed(0)
    layer = embedding(200, 8, padded=True)
    assert 0.04 < layer.weight.abs().max() <= 0.05
    (layer(torch.tensor([[3, 0, 0], [3, 7, 0]])) * 2).sum().backward()
    gradients = layer.weight.grad
    assert gradients is not None
    assert (
        gradients[:, 0].nonzero().flatten().tolist() == [3, 7]
        and gradients[3, 0] == 4
        and gradients[7, 0] == 2
    )


@pytest.mark.parametrize(
    ("ids", "requested", "features"), [(2, None, 1), (9, None, 5), (500, None, 50), (500, 7, 7)]
)
def test_embedding_width(ids: int, requested: int | None, features: int) -> None:
    assert width(ids, requested) == features


def test_concat_features_in_the_order_of_the_inputs() -> None:
    """Ids are looked up, tokens are averaged without padding, numbers are flattened."""
    specs = (
        TensorSpec("word", ("time",), (3,), vocab_size=4, padded=True),
        TensorSpec("numbers", ("time", "variable"), (2, 2)),
        TensorSpec("level", (), (), vocab_size=3),
        TensorSpec("pair", ("feature",), (2,), vocab_size=3),
    )
    join = ConcatFeatures(specs, embed=1)
    for values in join.parameters():
        values.data = torch.arange(float(len(values))).unsqueeze(1) * 10
    rows = join(
        torch.tensor([[1, 3, 0], [2, 0, 0], [0, 0, 0]]),
        torch.arange(12.0).reshape(3, 2, 2),
        torch.tensor([2, 0, 1]),
        torch.tensor([[1, 2], [0, 0], [2, 1]]),
    )
    assert rows.tolist() == [
        [20, 0, 1, 2, 3, 20, 10, 20],
        [20, 4, 5, 6, 7, 0, 0, 0],
        [0, 8, 9, 10, 11, 10, 20, 10],
    ]
    assert join.width == rows.shape[1]


def test_heads_have_one_layer_per_output() -> None:
    heads = head(
        3,
        (TensorSpec("kind", ("class",), (2,)), TensorSpec("price", ("answer",), (1,))),
        bias=False,
    )
    assert isinstance(heads, Heads)
    x = torch.randn(4, 3)
    for answer, weight in zip(heads(x), heads.parameters(), strict=True):
        torch.testing.assert_close(answer, x @ weight.T)


def rows(inputs: TensorSpecs, outputs: TensorSpecs) -> nn.Module:
    """Returns a linear net."""
    join = ConcatFeatures(inputs)
    return stack(join, head(join.width, outputs))


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("c",), "process.subtract_last needs 'c' among the input.features. Add it"),
        ((), "needs a forecast from one window"),
    ],
)
def test_subtract_last_errors(words: tuple[str, ...], text: str) -> None:
    window = TensorSpec("window", ("time", "variable"), (4, 2), labels=("a", "b"))
    ahead = TensorSpec("ahead", ("horizon", "variable"), (3, 1), labels=words)
    with pytest.raises(ShapeError, match=text):
        on_series(
            rows, (window,), (ahead,) if words else (ahead, ahead), SeriesWords(subtract_last=True)
        )


def test_subtract_last_forecast_moves_with_the_level() -> None:
    window = TensorSpec("window", ("time", "variable"), (4, 2), labels=("a", "b"))
    ahead = TensorSpec("ahead", ("horizon", "variable"), (3, 1), labels=("b",))
    torch.manual_seed(0)
    net = on_series(rows, (window,), (ahead,), SeriesWords(subtract_last=True))
    x = torch.randn(5, 4, 2)
    shifted = x.clone()
    shifted[:, :, 1] += 10
    torch.testing.assert_close(net(shifted), net(x) + 10)
    shifted = x.clone()
    shifted[:, :, 0] += 10  # the level of another variable changes nothing
    torch.testing.assert_close(net(shifted), net(x))


def test_channel_independent_forecasts_by_hand() -> None:
    window = TensorSpec("window", ("time", "variable"), (4, 3), labels=("a", "b", "c"))
    forecast = TensorSpec("ahead", ("horizon", "variable"), (2, 2), labels=("c", "a"))
    calendar_spec = TensorSpec("calendar", ("ahead", "feature"), (2, 5))
    torch.manual_seed(0)
    net = on_series(
        rows, (window, calendar_spec), (forecast,), SeriesWords(channel_independent=True)
    )
    (linear,) = [layer for layer in net.modules() if isinstance(layer, nn.Linear)]
    x, calendar = torch.randn(6, 4, 3), torch.randn(6, 2, 5)
    forecasts = net(x, calendar)
    for place, variable in enumerate((2, 0)):
        separate = torch.cat([x[:, :, variable], calendar.flatten(1)], dim=1)
        torch.testing.assert_close(forecasts[:, :, place], separate @ linear.weight.T + linear.bias)


def test_autoregressive_forecast_by_hand() -> None:
    window = TensorSpec("window", ("time", "variable"), (3, 2), labels=("a", "b"))
    forecast = TensorSpec("ahead", ("horizon", "variable"), (4, 2), labels=("a", "b"))
    calendar_spec = TensorSpec("calendar", ("ahead", "feature"), (4, 1))
    torch.manual_seed(0)
    net = on_series(rows, (window, calendar_spec), (forecast,), SeriesWords(autoregressive=True))
    (linear,) = [layer for layer in net.modules() if isinstance(layer, nn.Linear)]
    assert linear.weight.shape == (2, 3 * 2 + 1)
    x, calendar = torch.randn(5, 3, 2), torch.randn(5, 4, 1)
    past = list(x.unbind(1))
    for step in range(4):
        features = torch.cat([*past[-3:], calendar[:, step]], dim=1)
        past.append(features @ linear.weight.T + linear.bias)
    torch.testing.assert_close(net(x, calendar), torch.stack(past[3:], dim=1))
    other = TensorSpec("ahead", ("horizon", "variable"), (4, 1), labels=("a",))
    with pytest.raises(ShapeError, match="inputs a, b, outputs a"):
        on_series(rows, (window,), (other,), SeriesWords(autoregressive=True))


def test_wide_and_deep_starts_linear_and_sums_both_paths() -> None:
    torch.manual_seed(0)
    deep, last = nn.Sequential(nn.Linear(3, 4), nn.ReLU()), nn.Linear(4, 2)
    layer = WideAndDeep(deep, last, 3)
    x = torch.randn(5, 3)
    torch.testing.assert_close(layer(x), x @ layer.wide.weight.T + layer.wide.bias)
    nn.init.normal_(last.weight)
    torch.testing.assert_close(layer(x), layer.wide(x) + deep(x) @ last.weight.T)


def test_head_reshapes_its_row_by_step_and_variable() -> None:
    spec = TensorSpec("sales", ("horizon", "variable"), (2, 3))
    folded = head(4, (spec,))
    linear = folded[0]  # type: ignore[index]
    nn.init.zeros_(linear.weight)
    linear.bias.data = torch.arange(6.0)
    assert folded(torch.zeros(1, 4)).tolist() == [[[0, 1, 2], [3, 4, 5]]]


@pytest.mark.parametrize(
    ("surface", "point", "expected", "expected_gradient"),
    [
        ("bowl", (2.0, 1.0, 0.0), 4.0, (2.0, 4.0)),
        ("saddle", (0.0, sqrt(2), 0.0), -0.5, (0.0, 0.0)),
        ("saddle", (0.0, 0.0, 0.0), 0.0, (0.0, 0.0)),
        ("valleys", (1.0, 0.0, 0.0), 0.3, (0.3, 0.0)),
        ("lagrange", (4.0, 4.0, -0.125), 0.0, (0.0, 0.0)),
        ("lagrange", (-4.0, -4.0, 0.125), 0.0, (0.0, 0.0)),
        ("lagrange", (0.0, 0.0, 0.0), 1026.0, (0.0, 0.0)),
    ],
)
def test_surface_heights_and_gradients_by_hand(
    surface: str,
    point: tuple[float, ...],
    expected: float,
    expected_gradient: tuple[float, float],
) -> None:
    position = torch.tensor(point, dtype=torch.float64, requires_grad=True)
    value = height(surface, position)
    assert value.item() == pytest.approx(expected, abs=1e-12)
    (gradient,) = torch.autograd.grad(value, position)
    assert gradient[:2].tolist() == pytest.approx(expected_gradient, abs=1e-12)

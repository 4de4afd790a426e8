"""The linear autoregression, compared with scikit-learn, and the net beside it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from torch import Tensor, nn

from kissipo.core.batch import Batch
from kissipo.core.errors import ShapeError
from kissipo.core.seeds import drawn
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.algorithms.supervised import Options, Supervised
from kissipo.process.layers.linear_autoregression import (
    ALPHAS,
    BLOCKS,
    LinearAutoregression,
    _season,
)
from kissipo.process.layers.series_wrapper import SeriesWords, on_series
from kissipo.process.layers.wide_series import WideSeries
from kissipo.process.nets import ffn, recurrent

pytestmark = pytest.mark.usefixtures("one_thread")
WINDOW = TensorSpec("w", ("time", "variable"), (14, 2), labels=("a", "b"))
AHEAD = TensorSpec("y", ("horizon", "variable"), (3, 1), labels=("b",))


def windows(values: np.ndarray, length: int = 14, horizon: int = 3) -> tuple[Tensor, Tensor]:
    """The windows of a series (step, variable), and the steps after them."""
    pieces = torch.tensor(values, dtype=torch.float32).unfold(0, length + horizon, 1)
    pieces = pieces.movedim(-1, 1)
    return pieces[:, :length], pieces[:, length:]


def random_steps(seed: int, steps: int) -> np.ndarray:
    return np.cumsum(np.random.default_rng(seed).normal(0, 0.3, steps))


def noise(seed: int, steps: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, steps)


def seasons(seed: int, steps: int) -> np.ndarray:
    """A pattern of 7 steps whose values drift."""
    generator = np.random.default_rng(seed)
    drift = np.cumsum(generator.normal(0, 0.2, (steps // 7 + 1, 7)), axis=0)
    return (2 * generator.normal(0, 1, 7) + drift).reshape(-1)[:steps]


def forecasts_of_lag(x: np.ndarray, lag: int, horizon: int) -> np.ndarray:
    """The mean (0) for lag 0, else the value `lag` steps before, or a multiple."""
    if lag == 0:
        return np.zeros((len(x), horizon))
    return np.stack([x[:, len(x[0]) - lag + step % lag] for step in range(horizon)], axis=1)


def ridge_of_sklearn(rows: np.ndarray, targets: np.ndarray, lags: tuple[int, ...]) -> np.ndarray:
    """The forecasts of the ridge regression with the least absolute error on blocks
    that it has not seen, and whose targets share no step with those that it has."""
    order, gap, sums = np.arange(len(rows)), min(targets.shape[1] - 1, len(rows) // 4), {}
    counted = drawn(len(rows), 2_000, "left out")
    for lag in lags:
        rest = targets - forecasts_of_lag(rows, lag, targets.shape[1])
        for alpha in ALPHAS:
            sums[lag, alpha] = 0.0
            for out in np.array_split(order, min(BLOCKS, len(rows))):
                fitted = (order < out[0] - gap) | (order > out[-1] + gap)
                model = Ridge(alpha=alpha).fit(rows[fitted], rest[fitted])
                some = np.intersect1d(out, counted)
                sums[lag, alpha] += np.abs(rest[some] - model.predict(rows[some])).sum()
    lag, alpha = min(sums, key=lambda key: sums[key])
    simple = forecasts_of_lag(rows, lag, targets.shape[1])
    return Ridge(alpha=alpha).fit(rows, targets - simple).predict(rows) + simple


@pytest.mark.parametrize(
    ("series", "text"),
    [(random_steps, "the last value"), (noise, "the mean"), (seasons, "the value 7 steps before")],
)
@pytest.mark.parametrize("steps", [60, 400])
def test_solution_equals_ridge_around_the_best_simple_forecast(
    series: object, text: str, steps: int
) -> None:
    x, y = windows(np.stack([noise(5, steps), series(1, steps)], axis=1))  # type: ignore[operator]
    layer = LinearAutoregression((1,), 14, 3)
    assert layer.solve(x, y[:, :, 1:]) == text
    rows, targets = x[:, :, 1].double().numpy(), y[:, :, 1].double().numpy()
    expected = ridge_of_sklearn(rows, targets, (0, 1, 7))
    with torch.no_grad():
        np.testing.assert_allclose(layer(x)[:, :, 0].numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("count", [2, 3, 12])
def test_solution_of_few_windows_equals_ridge(count: int) -> None:
    x, y = windows(random_steps(1, 16 + count)[:, None])
    layer = LinearAutoregression((0,), 14, 3)
    layer.solve(x[:count], y[:count])
    rows, targets = x[:count, :, 0].double().numpy(), y[:count, :, 0].double().numpy()
    lags = (0, 1, _season(torch.from_numpy(rows), torch.from_numpy(targets)))
    expected = ridge_of_sklearn(rows, targets, lags)
    with torch.no_grad():
        np.testing.assert_allclose(layer(x[:count])[:, :, 0].numpy(), expected, atol=1e-4)


def test_one_window_is_forecast_by_its_last_value() -> None:
    x, y = windows(random_steps(1, 17)[:, None])
    layer = LinearAutoregression((0,), 14, 3)
    assert layer.solve(x, y) == "the last value"
    with torch.no_grad():
        assert layer(x)[0, :, 0].tolist() == [x[0, -1, 0].item()] * 3


def test_each_variable_has_its_own_weights() -> None:
    values = np.stack([random_steps(1, 200), seasons(2, 200)], axis=1)
    x, y = windows(values)
    both, layer = LinearAutoregression((0, 1), 14, 3), LinearAutoregression((1,), 14, 3)
    assert both.solve(x, y) == "the last value, the value 7 steps before"
    layer.solve(x, y[:, :, 1:])
    with torch.no_grad():
        torch.testing.assert_close(both(x)[:, :, 1:], layer(x))
        changed = x.clone()
        changed[:, :, 0] += 1
        torch.testing.assert_close(both(changed)[:, :, 1], both(x)[:, :, 1])


def test_errors_of_2000_windows_are_counted_but_all_are_learned() -> None:
    x, y = windows(np.stack([noise(0, 5_000), seasons(1, 5_000)], axis=1))
    layer = LinearAutoregression((1,), 14, 3)
    layer.solve(x, y[:, :, 1:])
    rows, targets = x[:, :, 1].double().numpy(), y[:, :, 1].double().numpy()
    expected = ridge_of_sklearn(rows, targets, (7,))
    with torch.no_grad():
        np.testing.assert_allclose(layer(x)[:, :, 0].numpy(), expected, atol=1e-5)


class Windows:
    """Windows and the steps after them as a data set."""

    def __init__(self, x: Tensor, y: Tensor) -> None:
        self.x, self.y = x, y

    def __len__(self) -> int:
        return len(self.x)

    def batch(self, index: Tensor | slice) -> Batch:
        return Batch((self.x[index],), (self.y[index],))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ffn", {"units": (8,)}),
        ("ffn", {"units": (8,), "subtract_last": True, "channel_independent": True}),
        ("recurrent", {"units": 8, "cell": "gru", "subtract_last": True}),
    ],
)
def test_net_starts_at_the_autoregression_and_keeps_it(name: str, words: dict[str, object]) -> None:
    torch.manual_seed(0)
    module = {"ffn": ffn, "recurrent": recurrent}[name]
    net = module.build((WINDOW,), (AHEAD,), module.Options(wide=True, **words))  # type: ignore
    x, y = windows(np.stack([random_steps(1, 150), random_steps(2, 150)], axis=1))
    alone = LinearAutoregression((1,), 14, 3)
    alone.solve(x, y[:, :, 1:])
    algorithm = Supervised(
        net, (nn.functional.mse_loss,), Options(init="linear", learning_rate=0.01), total_steps=9
    )
    sentence = algorithm.begin(Windows(x, y[:, :, 1:]))
    assert "ridge regression around the last value" in sentence
    with torch.no_grad():
        torch.testing.assert_close(net(x), alone(x))
    for _ in range(3):
        algorithm.step(Batch((x,), (y[:, :, 1:],)))
    assert isinstance(net, WideSeries)
    assert torch.equal(net.wide.weight, alone.weight)
    with torch.no_grad():
        assert not torch.allclose(net(x), alone(x), atol=1e-4)
        torch.testing.assert_close(net(x), alone(x) + net.deep(x))


def test_deep_path_sees_changes_since_the_last_value() -> None:
    torch.manual_seed(0)
    options = ffn.Options(units=(8,), wide=True, subtract_last=True)
    net = ffn.build((WINDOW,), (AHEAD,), options)
    assert isinstance(net, WideSeries)
    for weight in net.output_weights():
        nn.init.normal_(weight)
    x = torch.randn(4, 14, 2)
    torch.testing.assert_close(net.deep(x), net.deep(x + torch.tensor([3.0, -5.0])))


def test_wide_is_refused_step_by_step_and_without_a_forecast() -> None:
    def never(inputs: object, outputs: object) -> nn.Module:
        raise AssertionError

    words = SeriesWords(autoregressive=True)
    with pytest.raises(ShapeError, match=r"process\.wide forecasts all steps at once"):
        on_series(never, (WINDOW,), (AHEAD,), words, wide=True)
    classes = TensorSpec("kind", ("class",), (4,))
    with pytest.raises(ShapeError, match=r"process\.wide needs a forecast from one window"):
        recurrent.build((WINDOW,), (classes,), recurrent.Options(wide=True))

"""The linear autoregression, compared with scikit-learn, and the net beside it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import RidgeCV
from torch import Tensor, nn

from kissipo.core.batch import Batch
from kissipo.core.errors import ShapeError
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.algorithms.supervised import Options, Supervised
from kissipo.process.layers.linear_autoregression import ALPHAS, LinearAutoregression
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


@pytest.mark.parametrize(
    ("series", "text"),
    [(random_steps, "the last value"), (noise, "the mean"), (seasons, "the value 7 steps before")],
)
@pytest.mark.parametrize("steps", [60, 400])
def test_solution_equals_ridge_cv_around_the_best_simple_forecast(
    series: object, text: str, steps: int
) -> None:
    x, y = windows(np.stack([noise(5, steps), series(1, steps)], axis=1))  # type: ignore[operator]
    layer = LinearAutoregression((1,), 14, 3)
    assert layer.solve(x, y[:, :, 1:]) == text
    rows, targets = x[:, :, 1].double().numpy(), y[:, :, 1].double().numpy()
    models = []
    for lag in (0, 1, 7):
        simple = forecasts_of_lag(rows, lag, 3)
        model = RidgeCV(alphas=ALPHAS).fit(rows, targets - simple)
        models.append((model.best_score_, model.predict(rows) + simple))
    expected = max(models, key=lambda pair: pair[0])[1]
    with torch.no_grad():
        np.testing.assert_allclose(layer(x)[:, :, 0].numpy(), expected, atol=1e-5)


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


def test_only_2000_windows_are_left_out_but_all_are_learned() -> None:
    x, y = windows(np.stack([noise(0, 5_000), seasons(1, 5_000)], axis=1))
    layer = LinearAutoregression((1,), 14, 3)
    layer.solve(x, y[:, :, 1:])
    rows, targets = x[:, :, 1].double().numpy(), y[:, :, 1].double().numpy()
    simple = forecasts_of_lag(rows, 7, 3)
    model = RidgeCV(alphas=ALPHAS).fit(rows, targets - simple)
    with torch.no_grad():  # the penalty may differ by one step, which changes little here
        np.testing.assert_allclose(
            layer(x)[:, :, 0].numpy(), model.predict(rows) + simple, atol=2e-3
        )


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

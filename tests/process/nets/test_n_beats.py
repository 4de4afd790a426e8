"""N-BEATS beside a plain numpy computation of its formulas, and what it refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import kissipo as ki
from kissipo.core.errors import ShapeError
from kissipo.core.tensor_spec import TensorSpec
from kissipo.inspect.breakdown import explain_value
from kissipo.pipeline.candidates import candidates_of
from kissipo.pipeline.experiment import encode_task
from kissipo.process.nets.n_beats import NBeats, Options, build

WINDOW = TensorSpec("window", ("time", "variable"), (9, 1), labels=("a",))
AHEAD = TensorSpec("ahead", ("horizon", "variable"), (4, 1), labels=("a",))
pytestmark = pytest.mark.usefixtures("one_thread")
Array = NDArray[np.float64]


def forecast_by_hand(weights: dict[str, Array], x: Array, blocks: int, layers: int) -> Array:
    """The formulas of section 3.1 of the paper, one sample."""
    rest, total = x, np.zeros(4)
    for block in range(blocks):
        h = rest
        for layer in range(layers):
            name = f"blocks.{block}.layers.{2 * layer}"
            h = np.maximum(weights[f"{name}.weight"] @ h + weights[f"{name}.bias"], 0)
        prefix = f"blocks.{block}"
        theta = weights[f"{prefix}.theta_forecast.weight"] @ h
        total = total + weights[f"{prefix}.head.weight"] @ theta + weights[f"{prefix}.head.bias"]
        if block < blocks - 1:
            theta = weights[f"{prefix}.theta_backcast.weight"] @ h
            backcast = (
                weights[f"{prefix}.backcast.weight"] @ theta + weights[f"{prefix}.backcast.bias"]
            )
            rest = rest - backcast
    return total


def test_forecast_equals_the_formulas_of_the_paper() -> None:
    torch.manual_seed(0)
    options = Options(num_blocks=3, num_layers=4, units=6, theta_dim=5)
    net = build((WINDOW,), (AHEAD,), options).double()
    assert isinstance(net, NBeats)
    weights = {name: value.numpy() for name, value in net.state_dict().items()}
    x = torch.randn(5, 9, 1, dtype=torch.float64)
    expected = [forecast_by_hand(weights, row[:, 0].numpy(), 3, 4) for row in x]
    np.testing.assert_allclose(net(x).detach()[:, :, 0].numpy(), expected, rtol=1e-12)
    assert not any("blocks.2.backcast" in name for name in weights)  # nothing would read it


def test_value_is_explained_as_the_sum_of_the_blocks() -> None:
    torch.manual_seed(1)
    net = build((WINDOW,), (AHEAD,), Options(units=6)).eval()
    x = torch.randn(1, 9, 1)
    breakdown = explain_value(net, (x,), net(x), (0, 2, 0))
    parts = [float(block[0, 2].detach()) for block in net.forecasts(x)]  # type: ignore[operator]
    values = [float(value) for terms in breakdown.terms for value in terms.values]
    assert breakdown.agrees and values == pytest.approx(parts)
    assert sum(parts) == pytest.approx(net(x)[0, 2, 0].item())


@pytest.mark.parametrize(
    ("window", "more", "ahead", "do"),
    [
        (replace(WINDOW, shape=(9, 2), labels=("a", "b")), (), AHEAD, "input.features"),
        (
            replace(WINDOW, shape=(9, 2), labels=("a", "b")),
            (),
            replace(AHEAD, shape=(4, 2), labels=("a", "b")),
            "channel_independent",
        ),
        (WINDOW, (TensorSpec("known", ("ahead", "feature"), (4, 3)),), AHEAD, "ffn"),
        (WINDOW, (), TensorSpec("kind", ("class",), (3,)), "ffn"),
    ],
)
def test_other_data_are_refused(
    window: TensorSpec, more: tuple[TensorSpec, ...], ahead: TensorSpec, do: str
) -> None:
    with pytest.raises(ShapeError) as refused:
        build((window, *more), (ahead,), Options())
    assert "n_beats" in refused.value.wrong and do in refused.value.do


def test_it_is_a_candidate_for_one_column_from_its_own_past() -> None:
    rows = "".join(f"{2000 + row},{row % 7 + row / 50},{row % 3}\n" for row in range(400))
    with open("two.csv", "w") as file:
        file.write("year,a,b\n" + rows)

    def nets(**words: object) -> list[str]:
        task = ki.load("two.csv", time="year", output="a", horizon=3, words=words)
        encoded = encode_task(task)
        return [item.title for item in candidates_of(encoded.task, encoded.pipeline)]

    assert any("N-BEATS" in title for title in nets())
    assert not any("N-BEATS" in title for title in nets(features=["a", "b"]))

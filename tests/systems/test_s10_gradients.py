"""S10: vanishing and exploding gradients of RNN, LSTM and GRU.

The reference is backpropagation through torch's cells and in numpy.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from statsmodels.datasets import sunspots
from torch import nn

import kissipo as ki
from kissipo.cli.main import main
from kissipo.core.seeds import derive
from kissipo.inspect.gradients_through_time import ThroughTime
from kissipo.lessons.gradients_through_time import Forecaster, Options, _large, _lstm, _open, _small


def gradients_by_layer(**words: Any) -> dict[str, ThroughTime]:
    trace = ki.load("gradients-through-time", words=words).show()
    return {item.layer: item for item in trace.through_time}


def series() -> np.ndarray[Any, Any]:
    values = sunspots.load().data["SUNACTIVITY"].to_numpy()
    return ((values - values.mean()) / values.std()).astype(np.float32).astype(np.float64)


def net(build: Any) -> Forecaster:
    torch.manual_seed(derive(0, "weights"))
    model: Forecaster = build(Options(steps=40)).double()
    return model


@pytest.mark.parametrize(
    ("name", "build", "gradient"), [("RNN", _small, "tanh"), ("RNN, large weights", _large, "relu")]
)
def test_the_gradients_of_an_rnn_are_products_of_its_jacobians(
    name: str, build: Any, gradient: str
) -> None:
    forecaster, x = net(build), series()
    weights = {key: value.detach().numpy() for key, value in forecaster.cell.named_parameters()}
    head = forecaster.head.weight.detach().numpy()[0]
    states, h = [], np.zeros(32)
    for value in x[:40]:
        z = (
            weights["weight_ih_l0"][:, 0] * value
            + weights["bias_ih_l0"]
            + weights["weight_hh_l0"] @ h
            + weights["bias_hh_l0"]
        )
        h = np.tanh(z) if gradient == "tanh" else np.maximum(z, 0)
        states.append(h)
    error = head @ h + forecaster.head.bias.item() - x[40]
    back, norms = error * head, []
    for h in reversed(states):
        norms.append(np.linalg.norm(back))
        derivative = 1 - h**2 if gradient == "tanh" else (h > 0).astype(float)
        back = weights["weight_hh_l0"].T @ (derivative * back)
    assert gradients_by_layer(steps=40)[name].norms == pytest.approx(norms[::-1], rel=1e-6)


@pytest.mark.parametrize(("name", "build"), [("LSTM", _lstm), ("LSTM, forget gate open", _open)])
def test_the_gradients_of_an_lstm_are_autograds_own(name: str, build: Any) -> None:
    forecaster, x = net(build), torch.from_numpy(series())
    cell = nn.LSTMCell(1, 32).double()
    state = {key.removesuffix("_l0"): value for key, value in forecaster.cell.state_dict().items()}
    cell.load_state_dict(state)
    states, memory = [], None
    for value in x[:40]:
        memory = cell(value.reshape(1, 1), memory)
        memory[0].retain_grad()
        states.append(memory[0])
    ((forecaster.head(states[-1]) - x[40]).square().sum() / 2).backward()
    assert gradients_by_layer(steps=40)[name].norms == pytest.approx(
        [float(h.grad.norm()) for h in states], rel=1e-5
    )


def test_small_weights_vanish_large_ones_explode_and_an_open_gate_reaches_back() -> None:
    nets = gradients_by_layer(steps=100, scale=1.5)
    first, last = (
        {name: item.norms[0] for name, item in nets.items()},
        {name: item.norms[-1] for name, item in nets.items()},
    )
    assert all(first[name] < 1e-8 * last[name] for name in ("RNN", "LSTM", "GRU"))
    assert first["RNN, large weights"] > 1e8 * last["RNN, large weights"]
    assert first["LSTM, forget gate open"] > 0.01 * last["LSTM, forget gate open"]
    small = gradients_by_layer(steps=100, scale=0.7)["RNN, large weights"]
    assert small.ratio is not None and small.ratio < 1e-3


def test_gradients_are_shown_in_the_terminal_and_as_json(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["show", "gradients-through-time", "steps=30"]) == 0
    output = capsys.readouterr().out
    assert "vanishes" in output
    assert "explodes" in output
    assert main(["show", "gradients-through-time", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert [item["layer"] for item in content["through_time"]] == list(gradients_by_layer())
    assert main(["show", "gradients-through-time", "steps=1"]) == 2
    assert "steps" in capsys.readouterr().err


def test_gradients_are_drawn_side_by_side_on_a_page(
    capsys: pytest.CaptureFixture[str], content_of: Callable[[str], Any]
) -> None:
    assert main(["show", "gradients-through-time", "steps=20", "--out", "page.html"]) == 0
    assert "written to page.html" in capsys.readouterr().err
    nets, content = gradients_by_layer(steps=20), content_of("page.html")["trace"]
    drawn = {item["layer"]: item["norms"] for item in content["through_time"]}
    assert drawn == {name: pytest.approx(item.norms) for name, item in nets.items()}
    process = [step for step in content["steps"] if step["stage"] == "process"]
    assert [step["name"] for step in process] == list(nets)
    assert all(content["tensors"][step["tensor"]]["shape"] == [20] for step in process)
    (lesson,) = content["explained"]
    assert lesson["title"] == "Side by side"
    results = {row["net"]: row["result"] for row in lesson["table"]}
    assert results["RNN"] == "vanishes" and results["RNN, large weights"] == "explodes"
    assert main(["show", "vgg16", "--out", "page.html"]) == 2
    assert main(["show", "gradients-through-time", "--out", "nowhere/page.html"]) == 2
    assert "nowhere/page.html cannot be written" in capsys.readouterr().err


def test_lesson_page_has_every_number_and_task_page_the_trace(
    content_of: Callable[[str], Any],
) -> None:
    assert main(["show", "convolution", "--out", "lesson.html"]) == 0
    content = content_of("lesson.html")["trace"]
    trace = ki.load("convolution").show()
    assert content["explained"] == json.loads(
        json.dumps([item.to_json() for item in trace.explanation])
    )
    filters, windows = content["explained"][:2]
    assert filters["figures"][0]["values"][:2] == [[1, 0, 0, 0, 0, 1], [0, 1, 0, 0, 1, 0]]
    first = windows["windows"][0]
    assert (first["filter"], first["row"], first["column"], first["sum"]) == ("filter 1", 0, 0, 3)
    assert np.ravel(first["products"]).tolist() == [1, 0, 0, 0, 1, 0, 0, 0, 1]
    assert main(["show", "backprop", "--out", "task.html"]) == 0
    content = content_of("task.html")["trace"]
    chains = ki.load("backprop").show().chains
    assert len(chains) == len(content["chains"]) > 4
    for chain, entry in zip(chains, content["chains"], strict=True):
        assert entry["weight"] == chain.weight
        assert entry["product"] == pytest.approx(chain.product)
        assert entry["product"] == pytest.approx(entry["autograd"], rel=1e-5)
    layers = [layer for layer in content["layers"] if layer["kind"] == "Linear"]
    operations = [content["operations"][layer["operation"]] for layer in layers]  # which have terms
    assert [item["name"] for item in operations] == ["linear"] * 3

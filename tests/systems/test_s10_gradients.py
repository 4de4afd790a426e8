"""S10: vanishing and exploding gradients of RNN, LSTM and GRU, beside backpropagation written out with torch's cells and in numpy."""

from __future__ import annotations

import json
from pathlib import Path
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


def found(**words: Any) -> dict[str, ThroughTime]:
    trace = ki.load("gradients-through-time", words=words).show()
    return {each.layer: each for each in trace.through_time}


def series() -> np.ndarray[Any, Any]:
    values = sunspots.load().data["SUNACTIVITY"].to_numpy()
    return ((values - values.mean()) / values.std()).astype(np.float32).astype(np.float64)


def net(build: Any) -> Forecaster:
    torch.manual_seed(derive(0, "weights"))
    made: Forecaster = build(Options(steps=40)).double()
    return made


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
        bend = 1 - h**2 if gradient == "tanh" else (h > 0).astype(float)
        back = weights["weight_hh_l0"].T @ (bend * back)
    assert found(steps=40)[name].norms == pytest.approx(norms[::-1], rel=1e-6)


@pytest.mark.parametrize(("name", "build"), [("LSTM", _lstm), ("LSTM, forget gate open", _open)])
def test_the_gradients_of_an_lstm_are_autograds_own(name: str, build: Any) -> None:
    forecaster, x = net(build), torch.from_numpy(series())
    cell = nn.LSTMCell(1, 32).double()
    state = {key.removesuffix("_l0"): value for key, value in forecaster.cell.state_dict().items()}
    cell.load_state_dict(state)
    states, held = [], None
    for value in x[:40]:
        held = cell(value.reshape(1, 1), held)
        held[0].retain_grad()
        states.append(held[0])
    ((forecaster.head(states[-1]) - x[40]).square().sum() / 2).backward()
    assert found(steps=40)[name].norms == pytest.approx(
        [float(h.grad.norm()) for h in states], rel=1e-5
    )


def test_small_weights_vanish_large_ones_explode_and_an_open_gate_reaches_back() -> None:
    nets = found(steps=100, scale=1.5)
    first, last = (
        {name: each.norms[0] for name, each in nets.items()},
        {name: each.norms[-1] for name, each in nets.items()},
    )
    assert all(first[name] < 1e-8 * last[name] for name in ("RNN", "LSTM", "GRU"))
    assert first["RNN, large weights"] > 1e8 * last["RNN, large weights"]
    assert first["LSTM, forget gate open"] > 0.01 * last["LSTM, forget gate open"]
    assert found(steps=100, scale=0.7)["RNN, large weights"].ratio < 1e-3  # type: ignore[operator]


def test_it_is_told_in_the_terminal_and_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "gradients-through-time", "steps=30"]) == 0
    told = capsys.readouterr().out
    assert "vanishes" in told
    assert "explodes" in told
    assert main(["show", "gradients-through-time", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert [each["layer"] for each in content["through_time"]] == list(found())
    assert main(["show", "gradients-through-time", "steps=1"]) == 2
    assert "steps" in capsys.readouterr().err


def test_it_is_drawn_side_by_side_on_a_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "gradients-through-time", "steps=20", "--out", "page.html"]) == 0
    assert "written to page.html" in capsys.readouterr().err
    page = Path("page.html").read_text(encoding="utf-8")
    drawn = page.split("Gradients through time</h2>")[1].split("</section>")[0]
    assert drawn.count("<polyline") == len(found())
    assert all(name in drawn for name in found())
    assert "explodes" in page.split("Side by side")[1]
    assert main(["show", "vgg16", "--out", "page.html"]) == 2
    assert main(["show", "gradients-through-time", "--out", "nowhere/page.html"]) == 2
    assert "nowhere/page.html cannot be written" in capsys.readouterr().err


def test_a_lesson_on_a_page_has_every_number_and_a_task_its_inside(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["show", "convolution", "--out", "lesson.html"]) == 0
    page = Path("lesson.html").read_text(encoding="utf-8")
    assert "1 0 0 0 0 1\n0 1 0 0 1 0" in page
    assert "<td>filter 1</td><td>1, 1</td><td>1 0 0 0 1 0 0 0 1</td>" in page
    assert main(["show", "backprop", "--out", "task.html"]) == 0
    page = Path("task.html").read_text(encoding="utf-8")
    assert "The chain rule</h2>" in page
    assert "One number opened</h2>" in page

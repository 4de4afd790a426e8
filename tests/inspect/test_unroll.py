"""Tests of unrolled recurrent layers: against torch, numpy and one step by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from kissipo.inspect.unroll import Opaque, Unrolled, unroll
from kissipo.process.layers import GRU, LSTM, RNN

GATES = {"lstm": "ifgoch", "gru": "rznh", "rnn": "h"}
KINDS: dict[str, tuple[type[nn.RNNBase], type[nn.RNNBase], dict[str, str]]] = {
    "lstm": (LSTM, nn.LSTM, {}),
    "gru": (GRU, nn.GRU, {}),
    "tanh": (RNN, nn.RNN, {}),
    "relu": (RNN, nn.RNN, {"nonlinearity": "relu"}),
}


def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def numpy_step(
    mode: str, x: Any, h: Any, c: Any, w: Any, u: Any, b: Any, b_h: Any
) -> dict[str, Any]:
    """One step of one row as the papers write it, gate by gate."""
    if mode == "LSTM":
        i, f, g, o = (
            part(a)
            for part, a in zip(
                (sigmoid, sigmoid, np.tanh, sigmoid),
                np.split(w @ x + b + u @ h + b_h, 4),
                strict=True,
            )
        )
        new = f * c + i * g
        return {"i": i, "f": f, "g": g, "o": o, "c": new, "h": o * np.tanh(new)}
    if mode == "GRU":
        (x_r, x_z, x_n), (h_r, h_z, h_n) = np.split(w @ x + b, 3), np.split(u @ h + b_h, 3)
        r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
        n = np.tanh(x_n + r * h_n)
        return {"r": r, "z": z, "n": n, "h": (1 - z) * n + z * h}
    a = w @ x + b + u @ h + b_h
    return {"h": np.tanh(a) if mode == "RNN_TANH" else np.maximum(a, 0)}


def numpy_gates(
    layer: nn.RNNBase, x: Any, length: int
) -> dict[tuple[int, bool], list[dict[str, Any]]]:
    """Returns the gates of one sequence (time, feature), per layer and direction."""
    weights = {
        name: value.detach().numpy().astype(np.float64) for name, value in layer.named_parameters()
    }
    gates: dict[tuple[int, bool], list[dict[str, Any]]] = {}
    below = x[:length].astype(np.float64)
    for number in range(layer.num_layers):
        for forward in (True, False) if layer.bidirectional else (True,):
            end = f"_l{number}" + ("" if forward else "_reverse")
            w, u = weights[f"weight_ih{end}"], weights[f"weight_hh{end}"]
            none = np.zeros(len(w))
            b, b_h = weights.get(f"bias_ih{end}", none), weights.get(f"bias_hh{end}", none)
            h = c = np.zeros(layer.hidden_size)
            steps: list[dict[str, Any]] = [{}] * length
            for t in range(length) if forward else reversed(range(length)):
                steps[t] = numpy_step(layer.mode, below[t], h, c, w, u, b, b_h)
                h, c = steps[t]["h"], steps[t].get("c")
            gates[number, forward] = steps
        directions = [
            gates[number, forward]
            for forward in ((True, False) if layer.bidirectional else (True,))
        ]
        below = np.concatenate(
            [np.stack([step["h"] for step in direction]) for direction in directions], axis=1
        )
    return gates


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    kind=st.sampled_from(sorted(KINDS)),
    ours=st.booleans(),
    sizes=st.tuples(*[st.integers(1, 4)] * 3),
    layers=st.integers(1, 3),
    both=st.booleans(),
    bias=st.booleans(),
    first=st.booleans(),
    how=st.sampled_from(["even", "lengths", "packed", "packed, sorted"]),
    lengths=st.lists(st.integers(1, 6), min_size=1, max_size=4),
)
def test_every_gate_is_that_of_a_plain_loop_and_the_states_are_those_of_torch(
    kind: str,
    ours: bool,
    sizes: tuple[int, int, int],
    layers: int,
    both: bool,
    bias: bool,
    first: bool,
    how: str,
    lengths: list[int],
) -> None:
    torch.manual_seed(sum(sizes))
    _, features, units = sizes
    own, theirs, words = KINDS[kind]
    layer = (own if ours else theirs)(
        features, units, layers, bidirectional=both, bias=bias, batch_first=first, **words
    ).eval()
    lengths = sorted(lengths, reverse=True) if how == "packed, sorted" else lengths
    lengths = [max(lengths)] * len(lengths) if how == "even" else lengths
    x = torch.randn(len(lengths), max(lengths), features)
    arranged = x if first else x.transpose(0, 1)
    inputs: tuple[Any, ...] = (arranged,)
    if how.startswith("packed") or (how == "lengths" and not ours):
        packed = pack_padded_sequence(
            arranged, lengths, batch_first=first, enforce_sorted=how == "packed, sorted"
        )
        inputs = (packed,)
    elif how == "lengths":
        inputs = (arranged, None, torch.tensor(lengths))
    with torch.no_grad():
        output = layer(*inputs)
    unrolled = unroll(layer, inputs, output)
    assert isinstance(unrolled, Unrolled), unrolled
    assert unrolled.max_error <= 1e-5
    assert len(unrolled.layers) == layers * (2 if both else 1)
    for row, length in enumerate(lengths):
        for (number, forward), steps in numpy_gates(layer, x[row].numpy(), length).items():
            layer_gates = unrolled.layer(number, forward=forward)
            assert "".join(layer_gates.gates) == GATES[unrolled.cell]
            for t, gates in enumerate(steps):
                for name, gate in gates.items():
                    np.testing.assert_allclose(
                        layer_gates.gates[name][t, row].numpy(), gate, rtol=1e-9, atol=1e-12
                    )
    witness = theirs(
        features, units, layers, bidirectional=both, bias=bias, batch_first=True, **words
    ).double()
    witness.load_state_dict(layer.state_dict())
    directions = (True, False) if both else (True,)
    for row, length in enumerate(lengths):
        with torch.no_grad():
            y, _ = witness(x[row : row + 1, :length].double())
        states = torch.cat(
            [
                unrolled.layer(layers - 1, forward=direction).gates["h"][:length, row]
                for direction in directions
            ],
            dim=-1,
        )
        torch.testing.assert_close(states, y[0], rtol=1e-9, atol=1e-12)


def test_a_step_worked_by_hand() -> None:
    layer = nn.LSTM(1, 1)
    with torch.no_grad():
        for weight in layer.parameters():
            weight.zero_()
        layer.bias_ih_l0.copy_(torch.tensor([0.0, 0.0, np.arctanh(0.5), 100.0]))
    unrolled = unroll(layer, (torch.zeros(2, 1, 1),))
    assert isinstance(unrolled, Unrolled)
    gates = {name: gate.flatten().tolist() for name, gate in unrolled.layers[0].gates.items()}
    assert gates["i"] == [0.5, 0.5] and gates["f"] == [0.5, 0.5] and gates["o"] == [1.0, 1.0]
    assert gates["c"] == pytest.approx(
        [0.25, 0.375]
    )  # half of 0.5, then half of that and again a quarter
    assert gates["h"] == pytest.approx(np.tanh([0.25, 0.375]).tolist())


@pytest.mark.parametrize("kind", ["lstm", "gru", "tanh"])
def test_it_goes_on_from_a_given_state_and_takes_a_sequence_alone(kind: str) -> None:
    own, theirs, words = KINDS[kind]
    torch.manual_seed(0)
    for layer in (own(2, 3, **words), theirs(2, 3, **words)):
        with torch.no_grad():
            y, state = layer(torch.randn(4, 2))
        unrolled = unroll(layer, (torch.randn(4, 2), state))
        assert isinstance(unrolled, Unrolled) and unrolled.max_error <= 1e-5
        before = unrolled.layers[0].before[0][0]
        torch.testing.assert_close(before[0].float(), y[-1])


def test_projections_are_walked_too() -> None:
    torch.manual_seed(0)
    layer = nn.LSTM(2, 5, 2, proj_size=3, bidirectional=True)
    unrolled = unroll(layer, (torch.randn(4, 2, 2),))
    assert isinstance(unrolled, Unrolled)
    assert {
        name: gate.shape[-1] for name, gate in unrolled.layers[0].gates.items()
    } == dict.fromkeys("ifgoc", 5) | {"h": 3}


def test_what_cannot_be_expanded_is_an_opaque_box_that_says_so() -> None:
    linear = unroll(nn.Linear(2, 2), (torch.zeros(1, 2),), name="head")
    assert linear == Opaque("head", "Linear is not a recurrent layer of torch.nn")
    cell = nn.LSTM(2, 3)
    real = cell(torch.zeros(4, 1, 2))
    wrong = unroll(cell, (torch.zeros(4, 1, 2),), (real[0] + 0.01, real[1]))
    assert isinstance(wrong, Opaque) and "gives other states (by 0.01" in wrong.why
    nans = unroll(cell, (torch.full((4, 1, 2), torch.nan),))
    assert isinstance(nans, Opaque)
    halves = nn.GRU(2, 3).bfloat16()
    assert isinstance(unroll(halves, (torch.randn(4, 1, 2).bfloat16(),)), Opaque)


def test_nothing_of_the_layer_changes() -> None:
    layer = nn.LSTM(2, 3, 2, dropout=0.5).train()
    x, weights = (
        torch.randn(4, 2, 2),
        {name: value.clone() for name, value in layer.state_dict().items()},
    )
    generator = torch.get_rng_state()
    unroll(layer, (x,))
    assert layer.training and torch.equal(generator, torch.get_rng_state())
    assert all(torch.equal(weights[name], value) for name, value in layer.state_dict().items())
    assert all(weight.requires_grad and weight.grad is None for weight in layer.parameters())

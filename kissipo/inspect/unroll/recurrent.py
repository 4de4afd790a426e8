"""Unroll a recurrent layer step by step, with every gate of every unit.

LSTM  i, f, g, o, c, h        GRU  r, z, n, h        RNN  h

The computation is plain torch in double precision with the weights of the layer. Its
output must equal the output of the layer up to 1e-5, else the layer is opaque.

Shapes:   inputs of the layer -> each gate (time, batch, unit), the first step first
Choices:  projections, packed sequences and sequences of unequal length as in torch.nn.
          In padded steps the state does not change, and the gates have no meaning:
          `there` is false.
Source:   Hochreiter and Schmidhuber 1997; Cho et al. 2014; Elman 1990; gates as in
          torch.nn.
Example:  >>> unrolled = unroll(nn.GRU(3, 4), (torch.zeros(5, 2, 3),))
          >>> gates = unrolled.layers[0].gates
          >>> [f"{name} {tuple(gate.shape)}" for name, gate in gates.items()]
          ['r (5, 2, 4)', 'z (5, 2, 4)', 'n (5, 2, 4)', 'h (5, 2, 4)']
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypedDict, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import linear
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from kissipo.core.module_state import eval_mode
from kissipo.inspect.unroll.opaque import TOLERANCE, Opaque, relative_error

State = tuple[Tensor, ...]
Lengths = Tensor | Sequence[int]
Gates = dict[str, Tensor]


class Weights(TypedDict):
    """The weights of one layer in one direction, by their names in torch."""

    weight_ih: Tensor
    weight_hh: Tensor
    bias_ih: Tensor | None
    bias_hh: Tensor | None
    weight_hr: Tensor | None


@dataclass(frozen=True)
class UnrolledLayer:
    """One layer in one direction.

    number:   the index of the layer, from 0
    forward:  whether the first step is read first
    below:    the input (time, batch, feature)
    before:   h, and c of an LSTM, before each step (time, batch, unit)
    steps:    the gates of each step, each (batch, unit)
    last:     the states after the last step
    """

    number: int
    forward: bool
    below: Tensor
    before: list[State]
    steps: list[Gates]
    last: State
    weights: Weights

    @cached_property
    def gates(self) -> Gates:
        """Returns each gate over all steps (time, batch, unit)."""
        return (
            {name: torch.stack([step[name] for step in self.steps]) for name in self.steps[0]}
            if self.steps
            else {}
        )


@dataclass(frozen=True)
class Unrolled:
    """All layers and directions of a recurrent layer.

    cell:       rnn, lstm or gru
    there:      true for steps that are not padding (time, batch); None without padding
    max_error:  the maximum difference from the layer, relative to max(1, maximum state)
    """

    name: str
    cell: str
    layers: tuple[UnrolledLayer, ...]
    there: Tensor | None
    max_error: float

    def layer(self, number: int, *, forward: bool = True) -> UnrolledLayer:
        """Returns one layer, with an index from 0, in one direction."""
        return next(
            layer for layer in self.layers if layer.number == number and layer.forward == forward
        )


def unroll(
    layer: nn.Module, inputs: tuple[Any, ...], output: Any = None, *, name: str = ""
) -> Unrolled | Opaque:
    """Returns the gates of a recurrent layer, or an `Opaque` with the reason.

    inputs:  the arguments of forward: x, and optionally states, lengths and table
    output:  the output of the layer; if None it is computed in eval mode
    """
    name = name or type(layer).__name__.lower()
    if not isinstance(layer, nn.RNNBase):
        return Opaque(name, f"{type(layer).__name__} is not a recurrent layer of torch.nn")
    if layer.mode not in ("LSTM", "GRU", "RNN_TANH", "RNN_RELU"):
        return Opaque(name, f"its cell {layer.mode} is unknown")
    if output is None:
        with eval_mode(layer):
            output = layer(*inputs)
    with torch.no_grad():
        x, states, there = time_first(layer, *inputs)
        states = states and tuple(state.double() for state in states)
        layers, y = unroll_layers(layer, x.double(), states, there)
        real = _timed(layer, output[0])
        max_error = relative_error(y, real, real.abs().clamp(min=1))
    if not max_error <= TOLERANCE:
        return Opaque(
            name,
            f"unrolled in double precision it gives other states (by {max_error:.2g})",
        )
    return Unrolled(name, layer.mode.split("_")[0].lower(), tuple(layers), there, max_error)


def time_first(
    layer: nn.RNNBase,
    input: Tensor | PackedSequence,
    hx: Tensor | State | None = None,
    lengths: Lengths | None = None,
    table: Tensor | None = None,
) -> tuple[Tensor, State | None, Tensor | None]:
    """Returns x (time, batch, feature), initial states, mask (time, batch)."""
    x = input if table is None else table[input]
    states = hx if hx is None or isinstance(hx, tuple) else (hx,)
    if isinstance(x, PackedSequence):
        x, lengths = pad_packed_sequence(x)
    elif x.dim() == 2:
        x, states = x.unsqueeze(1), states and tuple(state.unsqueeze(1) for state in states)
    else:
        x = x.movedim(1 if layer.batch_first else 0, 0)
    there = None if lengths is None else torch.arange(len(x))[:, None] < torch.as_tensor(lengths)
    return x, states, there


def unroll_layers(
    layer: nn.RNNBase, x: Tensor, states: State | None, there: Tensor | None
) -> tuple[list[UnrolledLayer], Tensor]:
    """Returns all layers and directions over x (time, batch, feature), and y.

    The precision is that of x.
    """
    directions = (True, False) if layer.bidirectional else (True,)
    if states is None:
        rows, width = layer.num_layers * len(directions), layer.proj_size or layer.hidden_size
        states = tuple(x.new_zeros(rows, x.shape[1], size) for size in (width, layer.hidden_size))
    waits = None if there is None else ~there.unsqueeze(-1)
    layers: list[UnrolledLayer] = []
    for number in range(layer.num_layers):
        outputs = []
        for forward in directions:
            state = tuple(
                part[len(layers)].to(x.dtype) for part in states[: 2 if layer.mode == "LSTM" else 1]
            )
            weights = _weights(layer, number, forward, x.dtype)
            input_part = linear(x, weights["weight_ih"], weights["bias_ih"])
            steps, before = [Gates()] * len(x), [state] * len(x)
            for t in range(len(x)) if forward else reversed(range(len(x))):
                before[t] = state
                steps[t] = gates_of(layer.mode, input_part[t], state, weights)
                new = (steps[t]["h"], steps[t]["c"]) if layer.mode == "LSTM" else (steps[t]["h"],)
                state = (
                    new
                    if waits is None
                    else tuple(map(torch.where, [waits[t]] * len(new), state, new))
                )
            layers.append(UnrolledLayer(number, forward, x, before, steps, state, weights))
            outputs.append(torch.stack([step["h"] for step in steps]))
        x = torch.cat(outputs, dim=-1)
        x = x if waits is None else x.masked_fill(waits, 0)
    return layers, x


def gates_of(mode: str, input_part: Tensor, state: State, weights: Weights) -> Gates:
    """Returns the gates of one step; `input_part` is x W + b."""
    hidden_part = linear(state[0], weights["weight_hh"], weights["bias_hh"])
    if mode == "LSTM":
        i, f, g, o = (input_part + hidden_part).chunk(4, dim=-1)
        i, f, g, o = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)
        c = f * state[1] + i * g
        h = o * torch.tanh(c)
        return {
            "i": i,
            "f": f,
            "g": g,
            "o": o,
            "c": c,
            "h": h if weights["weight_hr"] is None else linear(h, weights["weight_hr"]),
        }
    if mode == "GRU":
        (x_r, x_z, x_n), (h_r, h_z, h_n) = input_part.chunk(3, dim=-1), hidden_part.chunk(3, dim=-1)
        r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
        n = torch.tanh(x_n + r * h_n)
        return {"r": r, "z": z, "n": n, "h": (1 - z) * n + z * state[0]}
    return {
        "h": torch.tanh(input_part + hidden_part)
        if mode == "RNN_TANH"
        else torch.relu(input_part + hidden_part)
    }


def _weights(layer: nn.RNNBase, number: int, forward: bool, dtype: torch.dtype) -> Weights:
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
    weights = {
        name: getattr(layer, f"{name}_l{number}{'' if forward else '_reverse'}", None)
        for name in names
    }
    return cast(
        Weights,
        {name: None if weight is None else weight.to(dtype) for name, weight in weights.items()},
    )


def _timed(layer: nn.RNNBase, y: Tensor | PackedSequence) -> Tensor:
    """Returns the output of the layer as (time, batch, unit)."""
    if isinstance(y, PackedSequence):
        return pad_packed_sequence(y)[0]
    out: Tensor = y.unsqueeze(1) if y.dim() == 2 else y.movedim(1 if layer.batch_first else 0, 0)
    return out

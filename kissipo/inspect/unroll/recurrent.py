"""Expanding: a recurrent layer, which torch runs as one piece, walked step by step with every gate of every unit.

LSTM  i, f, g, o, c, h        GRU  r, z, n, h        RNN  h        at each step, layer and direction

The walk is plain torch in double precision with the weights of the layer; what it gives must be what the layer gave, to 1e-5,
else the layer stays an opaque box that says why.

Shapes:   inputs as the layer takes them -> each gate (time, batch, unit), the first step of the sequence first
Choices:  projections, packed sequences and sequences of unequal length as in torch.nn; behind the length of a sequence its state
          waits, and its gates mean nothing: `there` says which steps are read.
Source:   Hochreiter and Schmidhuber 1997; Cho et al. 2014; Elman 1990; gates and their order as in torch.nn.
Example:  >>> found = expand(nn.GRU(3, 4), (torch.zeros(5, 2, 3),))
          >>> [f"{name} {tuple(gate.shape)}" for name, gate in found.walks[0].gates.items()]
          ['r (5, 2, 4)', 'z (5, 2, 4)', 'n (5, 2, 4)', 'h (5, 2, 4)']
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from kissipo.core.module_state import eval_mode
from kissipo.inspect.unroll.opaque import FAR_OFF, Opaque, off_by

State = tuple[Tensor, ...]
Gates = dict[str, Tensor]


@dataclass(frozen=True)
class Walk:
    """One layer in one direction.

    number:   of the layer, counted from 0
    forward:  whether the first step is read first
    below:    what it read (time, batch, feature)
    before:   h, and c of an LSTM, before each step (time, batch, unit)
    steps:    the gates of each step, each (batch, unit)
    last:     its states after the last step
    """

    number: int
    forward: bool
    below: Tensor
    before: list[State]
    steps: list[Gates]
    last: State
    weights: Mapping[str, Any]

    @cached_property
    def gates(self) -> Gates:
        """Each gate over all steps (time, batch, unit)."""
        return (
            {name: torch.stack([step[name] for step in self.steps]) for name in self.steps[0]}
            if self.steps
            else {}
        )


@dataclass(frozen=True)
class Unrolled:
    """All layers and directions of a recurrent layer.

    cell:   rnn, lstm or gru
    there:  which steps are read (time, batch); None when all are
    off:    by how much the walk differs from the layer at most, relative to the greatest state, at least 1
    """

    name: str
    cell: str
    walks: tuple[Walk, ...]
    there: Tensor | None
    off: float

    def walk(self, number: int, *, forward: bool = True) -> Walk:
        """One layer, counted from 0, in one direction."""
        return next(
            each for each in self.walks if each.number == number and each.forward == forward
        )


def unroll(
    layer: nn.Module, inputs: tuple[Any, ...], output: Any = None, *, name: str = ""
) -> Unrolled | Opaque:
    """The gates of a recurrent layer for these inputs, or why they cannot be told.

    inputs:  as its forward takes them: x, and where it had them the states, lengths and table
    output:  what the layer gave, where it is known; else it is asked, answering
    """
    name = name or type(layer).__name__.lower()
    if not isinstance(layer, nn.RNNBase):
        return Opaque(name, f"{type(layer).__name__} is no recurrent layer of torch.nn's family")
    if layer.mode not in ("LSTM", "GRU", "RNN_TANH", "RNN_RELU"):
        return Opaque(name, f"its cell {layer.mode} is none that is known")
    if output is None:
        with eval_mode(layer):
            output = layer(*inputs)
    with torch.no_grad():
        x, states, there = laid_out(layer, *inputs)
        states = states and tuple(state.double() for state in states)
        walks, y = walk(layer, x.double(), states, there)
        real = _timed(layer, output[0])
        off = off_by(y, real, real.abs().clamp(min=1))
    if not off <= FAR_OFF:
        return Opaque(
            name,
            f"walked step by step in double precision it gives other states than by itself (by {off:.2g})",
        )
    return Unrolled(name, layer.mode.split("_")[0].lower(), tuple(walks), there, off)


def laid_out(
    layer: nn.RNNBase, input: Any, hx: Any = None, lengths: Any = None, table: Tensor | None = None
) -> tuple[Tensor, State | None, Tensor | None]:
    """The input as (time, batch, feature), the states before it, and which steps are read (time, batch)."""
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


def walk(
    layer: nn.RNNBase, x: Tensor, states: State | None, there: Tensor | None
) -> tuple[list[Walk], Tensor]:
    """All layers and directions over x (time, batch, feature), and what the last layer gives; in the precision of x."""
    ways = (True, False) if layer.bidirectional else (True,)
    if states is None:
        rows, width = layer.num_layers * len(ways), layer.proj_size or layer.hidden_size
        states = tuple(x.new_zeros(rows, x.shape[1], size) for size in (width, layer.hidden_size))
    waits = None if there is None else ~there.unsqueeze(-1)
    walks: list[Walk] = []
    for number in range(layer.num_layers):
        gives = []
        for forward in ways:
            state = tuple(
                part[len(walks)].to(x.dtype) for part in states[: 2 if layer.mode == "LSTM" else 1]
            )
            weights = _weights(layer, number, forward, x.dtype)
            given = linear(x, weights["weight_ih"], weights["bias_ih"])
            steps, before = [Gates()] * len(x), [state] * len(x)
            for t in range(len(x)) if forward else reversed(range(len(x))):
                before[t] = state
                steps[t] = gates_of(layer.mode, given[t], state, weights)
                new = (steps[t]["h"], steps[t]["c"]) if layer.mode == "LSTM" else (steps[t]["h"],)
                state = (
                    new
                    if waits is None
                    else tuple(map(torch.where, [waits[t]] * len(new), state, new))
                )
            walks.append(Walk(number, forward, x, before, steps, state, weights))
            gives.append(torch.stack([step["h"] for step in steps]))
        x = torch.cat(gives, dim=-1)
        x = x if waits is None else x.masked_fill(waits, 0)
    return walks, x


def gates_of(mode: str, given: Tensor, state: State, weights: Mapping[str, Any]) -> Gates:
    """One step of a cell from `given`, x W + b, and the state before it."""
    held = linear(state[0], weights["weight_hh"], weights["bias_hh"])
    if mode == "LSTM":
        i, f, g, o = (given + held).chunk(4, dim=-1)
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
        (x_r, x_z, x_n), (h_r, h_z, h_n) = given.chunk(3, dim=-1), held.chunk(3, dim=-1)
        r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
        n = torch.tanh(x_n + r * h_n)
        return {"r": r, "z": z, "n": n, "h": (1 - z) * n + z * state[0]}
    return {"h": torch.tanh(given + held) if mode == "RNN_TANH" else torch.relu(given + held)}


def _weights(layer: nn.RNNBase, number: int, forward: bool, dtype: torch.dtype) -> dict[str, Any]:
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
    found = {
        name: getattr(layer, f"{name}_l{number}{'' if forward else '_reverse'}", None)
        for name in names
    }
    return {name: None if weight is None else weight.to(dtype) for name, weight in found.items()}


def _timed(layer: nn.RNNBase, y: Any) -> Tensor:
    """What the layer gave as (time, batch, unit)."""
    if isinstance(y, PackedSequence):
        return pad_packed_sequence(y)[0]
    out: Tensor = y.unsqueeze(1) if y.dim() == 2 else y.movedim(1 if layer.batch_first else 0, 0)
    return out

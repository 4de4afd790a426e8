"""A unit of a recurrent layer at one step: all its gates, each with its part from the input, from the state, and the bias.

LSTM  i, f, o = sigmoid(x W + h U + b)   g = tanh(x W + h U + b)   c' = f · c + i · g   h' = o · tanh(c')
GRU   r, z = sigmoid(x W + h U + b)      n = tanh(x W + b + r · (h U + b'))             h' = (1 - z) · n + z · h
RNN   h' = tanh(x W + h U + b), or relu

Shapes:   a step, a row of the batch and a unit; the units of both directions side by side, as torch gives them
Source:   see inspect/unroll/recurrent.py, which walks; here its numbers are taken apart again.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from torch import Tensor

from kissipo.inspect.breakdown.breakdown import Breakdown, Index, Terms, number_of, places, term
from kissipo.inspect.unroll import Unrolled, Walk

_ORDER = {"lstm": "ifgo", "gru": "rzn", "rnn": "h"}


def unit(
    found: Unrolled,
    hidden_size: int,
    *,
    number: int,
    row: int,
    step: int,
    at: int,
    cell: Index,
    relu: bool = False,
) -> Breakdown:
    """All gates of a unit.

    number:  of the layer, counted from 0
    at:      the unit, that of the second direction behind those of the first
    cell:    its place in what the layer gives
    """
    width = found.walks[0].steps[0]["h"].shape[-1]
    way, own = divmod(at, width)
    walk, from_end = found.walk(number, forward=not way), " read from the end" if way else ""
    if found.there is not None and not found.there[step, row]:
        return Breakdown(
            found.cell,
            "this step is behind the end of the sequence and is not read",
            cell,
            (),
            None,
            (),
            0.0,
        )
    if width != hidden_size:
        return _projected(walk, row, step, own, cell)
    gates = [
        _gate(found.cell, walk, name, row, step, own, hidden_size, relu)
        for name in _ORDER[found.cell]
    ]
    values = {gate.operation.split()[1]: gate.result for gate in gates}
    before = [float(state[row, own]) for state in walk.before[step]]
    if found.cell == "rnn":
        (only,) = gates
        return Breakdown(
            "rnn" + from_end, only.description, cell, only.terms, only.bias, only.steps, only.result
        )
    if found.cell == "gru":
        mixed = _named(("n", "h before"), (values["n"], before[0]), (1 - values["z"], values["z"]))
        return Breakdown(
            "gru" + from_end,
            "h = (1 - z) · n + z · h before",
            cell,
            (mixed,),
            None,
            (),
            mixed.sum,
            gates=tuple(gates),
        )
    kept = _named(("c before", "g"), (before[1], values["g"]), (values["f"], values["i"]))
    c = Breakdown("state c", "c = f · c before + i · g", (step, own), (kept,), None, (), kept.sum)
    shown = math.tanh(c.result)
    terms = term("gates", (), shown, values["o"], name="tanh(c)")
    steps = (("c", c.result), ("tanh(c)", shown))
    return Breakdown(
        "lstm" + from_end,
        "h = o · tanh(c)",
        cell,
        (terms,),
        None,
        steps,
        terms.sum,
        gates=(*gates, c),
    )


def _gate(
    cell: str, walk: Walk, name: str, row: int, step: int, own: int, hidden: int, relu: bool
) -> Breakdown:
    """One gate: the sums before its bend, and the bend."""
    at = _ORDER[cell].index(name) * hidden + own
    x, h = walk.below[step, row], walk.before[step][0][row]
    w, u = (walk.weights[which][at].detach() for which in ("weight_ih", "weight_hh"))
    b, b_h = (
        None if walk.weights[bias] is None else number_of(walk.weights[bias][at])
        for bias in ("bias_ih", "bias_hh")
    )
    opened_by, description, from_state = 1.0, "x W + h U + b", "from the state"
    if cell == "gru" and name == "n":
        opened_by, description, from_state = (
            float(walk.steps[step]["r"][row, own]),
            "x W + b + r · (h U + b')",
            "from the state, times r",
        )
    below = "input" if walk.number == 0 else f"layer {walk.number}"
    lead = (row, step) if walk.number == 0 else (step,)
    given = Terms(below, places(lead, len(x)), _numbers(x), _numbers(w))
    held = Terms("state", places((), len(h)), _numbers(h), opened_by * _numbers(u))
    bias = None if b is None else b + opened_by * (b_h or 0.0)
    total = math.fsum([*given.products, *held.products, bias or 0.0])
    bend = "sigmoid" if name in "iforz" else "relu" if relu else "tanh"
    result = (
        1 / (1 + math.exp(-total))
        if bend == "sigmoid"
        else max(0.0, total)
        if relu
        else math.tanh(total)
    )
    steps = (
        ("from the input", given.sum),
        (from_state, held.sum),
        ("bias", bias or 0.0),
        ("sum", total),
        (bend, result),
    )
    operation = f"gate {name}"
    return Breakdown(
        operation,
        f"{name} = {bend}({description})",
        (step, own),
        (given, held),
        bias,
        steps,
        result,
    )


def _projected(walk: Walk, row: int, step: int, own: int, cell: Index) -> Breakdown:
    """A unit of an LSTM whose h is a projection of all its units."""
    gates = walk.steps[step]
    shown = _numbers((gates["o"] * gates["c"].tanh())[row])
    terms = Terms(
        "o · tanh(c)",
        places((), len(shown)),
        shown,
        _numbers(walk.weights["weight_hr"][own].detach()),
    )
    return Breakdown("lstm", "h = projection of o · tanh(c)", cell, (terms,), None, (), terms.sum)


def _named(names: tuple[str, ...], values: tuple[float, ...], weights: tuple[float, ...]) -> Terms:
    return Terms(
        "gates",
        np.zeros((len(names), 0), dtype=np.int64),
        np.array(values),
        np.array(weights),
        names,
    )


def _numbers(x: Tensor) -> Any:
    return x.detach().double().numpy()

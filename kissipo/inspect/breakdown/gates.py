"""Breakdown of a unit of a recurrent layer at one step.

Each gate has a part from the input, a part from the state, and a bias.

LSTM  i, f, o = sigmoid(x W + h U + b)      g = tanh(x W + h U + b)
      c' = f · c + i · g                    h' = o · tanh(c')
GRU   r, z = sigmoid(x W + h U + b)         n = tanh(x W + b + r · (h U + b'))
      h' = (1 - z) · n + z · h
RNN   h' = tanh(x W + h U + b), or relu

Shapes:   a step, a row of the batch and a unit; both directions are concatenated
Source:   the values of inspect/unroll/recurrent.py, split into their terms here.
"""

from __future__ import annotations

import math

import numpy as np
from torch import Tensor

from kissipo.inspect.breakdown.breakdown import (
    Breakdown,
    Index,
    Numbers,
    Terms,
    number_of,
    places,
    term,
)
from kissipo.inspect.unroll import Unrolled, UnrolledLayer

_ORDER = {"lstm": "ifgo", "gru": "rzn", "rnn": "h"}


def unit(
    recurrent: Unrolled,
    hidden_size: int,
    *,
    number: int,
    row: int,
    step: int,
    position: int,
    cell: Index,
    relu: bool = False,
) -> Breakdown:
    """Returns the breakdown of a unit, with all its gates.

    number:    the index of the layer, from 0
    position:  the index of the unit; the backward direction follows the forward one
    cell:      the index of the value in the output of the layer
    """
    width = recurrent.layers[0].steps[0]["h"].shape[-1]
    is_backward, own = divmod(position, width)
    layer, from_end = (
        recurrent.layer(number, forward=not is_backward),
        " read from the end" if is_backward else "",
    )
    if recurrent.there is not None and not recurrent.there[step, row]:
        return Breakdown(
            recurrent.cell,
            "this step is after the end of the sequence: it is padding",
            cell,
            (),
            None,
            (),
            0.0,
        )
    if width != hidden_size:
        return _projected(layer, row, step, own, cell)
    gates = [
        _gate(recurrent.cell, layer, name, row, step, own, hidden_size, relu)
        for name in _ORDER[recurrent.cell]
    ]
    values = {gate.operation.split()[1]: gate.result for gate in gates}
    before = [float(state[row, own]) for state in layer.before[step]]
    if recurrent.cell == "rnn":
        (only,) = gates
        return Breakdown(
            "rnn" + from_end, only.description, cell, only.terms, only.bias, only.steps, only.result
        )
    if recurrent.cell == "gru":
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
    new_state = _named(("c before", "g"), (before[1], values["g"]), (values["f"], values["i"]))
    c = Breakdown(
        "state c", "c = f · c before + i · g", (step, own), (new_state,), None, (), new_state.sum
    )
    activated = math.tanh(c.result)
    terms = term("gates", (), activated, values["o"], name="tanh(c)")
    steps = (("c", c.result), ("tanh(c)", activated))
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
    cell: str,
    layer: UnrolledLayer,
    name: str,
    row: int,
    step: int,
    own: int,
    hidden: int,
    relu: bool,
) -> Breakdown:
    """Returns the breakdown of one gate: the sum, and its activation."""
    index = _ORDER[cell].index(name) * hidden + own
    x, h = layer.below[step, row], layer.before[step][0][row]
    weights = layer.weights
    w, u = weights["weight_ih"][index].detach(), weights["weight_hh"][index].detach()
    b, b_h = (
        None if bias is None else number_of(bias[index])
        for bias in (weights["bias_ih"], weights["bias_hh"])
    )
    scale, description, from_state = 1.0, "x W + h U + b", "from the state"
    if cell == "gru" and name == "n":
        scale, description, from_state = (
            float(layer.steps[step]["r"][row, own]),
            "x W + b + r · (h U + b')",
            "from the state, times r",
        )
    below = "input" if layer.number == 0 else f"layer {layer.number}"
    lead = (row, step) if layer.number == 0 else (step,)
    from_input = Terms(below, places(lead, len(x)), _numbers(x), _numbers(w))
    from_hidden = Terms("state", places((), len(h)), _numbers(h), scale * _numbers(u))
    bias = None if b is None else b + scale * (b_h or 0.0)
    total = math.fsum([*from_input.products, *from_hidden.products, bias or 0.0])
    function = "sigmoid" if name in "iforz" else "relu" if relu else "tanh"
    result = (
        1 / (1 + math.exp(-total))
        if function == "sigmoid"
        else max(0.0, total)
        if relu
        else math.tanh(total)
    )
    steps = (
        ("from the input", from_input.sum),
        (from_state, from_hidden.sum),
        ("bias", bias or 0.0),
        ("sum", total),
        (function, result),
    )
    operation = f"gate {name}"
    return Breakdown(
        operation,
        f"{name} = {function}({description})",
        (step, own),
        (from_input, from_hidden),
        bias,
        steps,
        result,
    )


def _projected(layer: UnrolledLayer, row: int, step: int, own: int, cell: Index) -> Breakdown:
    """Returns the breakdown of a unit of an LSTM with a projection."""
    gates, projection = layer.steps[step], layer.weights["weight_hr"]
    assert projection is not None
    outputs = _numbers((gates["o"] * gates["c"].tanh())[row])
    terms = Terms(
        "o · tanh(c)",
        places((), len(outputs)),
        outputs,
        _numbers(projection[own].detach()),
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


def _numbers(x: Tensor) -> Numbers:
    values: Numbers = x.detach().double().numpy()
    return values

"""Inside: what stands in no operation of torch, worked out from a recording: the gates of recurrent layers, the weights of attention,
the gradient at every layer, and of every layer its greatest number opened into its terms.

Example:  >>> import torch
          >>> from kissipo.inspect.tracing.record import record
          >>> net = nn.LSTM(3, 2, batch_first=True)
          >>> found = look_inside(net, record(net, (torch.ones(1, 4, 3),)))
          >>> [(value.key, tuple(value.tensor.shape)) for value in found.values][:2]
          [('lstm.i', (4, 1, 2)), ('lstm.f', (4, 1, 2))]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from inspect import signature
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from kissipo.inspect.breakdown import Breakdown, CannotExplainError, explain_value
from kissipo.inspect.breakdown.explain_value import what_is_opened
from kissipo.inspect.tracing.backward import gradients
from kissipo.inspect.tracing.recording import Origin, Recording, Value
from kissipo.inspect.unroll import (
    Opaque,
    Unrolled,
    UnrolledAttention,
    unroll,
    unroll_attention,
    unroll_sdpa,
)

TERMS = 24


@dataclass(frozen=True)
class Inside:
    """What was worked out.

    values:     gates, attention, gradients, each with the axes that it has
    expanded:   for each layer that torch runs as one piece: the keys of its gates or attention, or why they cannot be told
    gradients:  for each layer the key of the loss's gradient at what it gave
    opened:     numbers with the terms that they were made of
    """

    values: tuple[Value, ...]
    unrolled: tuple[dict[str, Any], ...]
    gradients: tuple[dict[str, Any], ...]
    opened: tuple[Breakdown, ...]

    def to_json(self) -> dict[str, Any]:
        """The documented form; of opened numbers the greatest terms."""
        return {
            "expanded": list(self.unrolled),
            "gradients": list(self.gradients),
            "breakdown": [short(each) for each in self.opened],
        }


def look_inside(
    net: nn.Module, recording: Recording, *, loss: Callable[[Any], Tensor] | None = None
) -> Inside:
    """All that can be worked out.

    loss:  from what the net gives to one number; without it there are no gradients
    """
    values: list[Value] = []
    unrolled = [*_expanded(recording, values)]
    gradient_keys = []
    if loss is not None:
        inputs = tuple(
            value.tensor for value in recording.values.values() if value.origin == "input"
        )
        gives = {(call.name, call.number): call.gives for call in recording.steps}
        for found in gradients(net, inputs, loss):
            at = gives[found.layer, found.call][0]
            key = f"{_place(found.layer, found.call)}.gradient"
            values.append(
                Value(key, found.gradient.detach(), "gradient", recording.values[at].axes)
            )
            gradient_keys.append({"layer": found.layer, "call": found.call, "tensor": key})
    return Inside(tuple(values), tuple(unrolled), tuple(gradient_keys), tuple(_opened(recording)))


def _expanded(recording: Recording, values: list[Value]) -> Iterator[dict[str, Any]]:
    """The gates of each way through a recurrent layer, the weights of each attention, or why they cannot be told."""
    for call in recording.steps:
        about = {"layer": call.name, "call": call.number}
        if isinstance(call.layer, nn.RNNBase):
            found = unroll(call.layer, call.inputs, call.output, name=call.name)
            yield about | (
                _opaque(found)
                if isinstance(found, Opaque)
                else _gates(found, _place(call.name, call.number), values)
            )
        elif isinstance(call.layer, nn.MultiheadAttention):
            heads = unroll_attention(call.layer, call.inputs, call.output, name=call.name)
            yield about | (
                _opaque(heads)
                if isinstance(heads, Opaque)
                else _heads(heads, _place(call.name, call.number), values)
            )
    known = {key: value.tensor for key, value in recording.values.items()}
    for each in recording.operations:
        if each.name == "scaled_dot_product_attention":
            heads = _plain_attention(
                *each.again.arguments(known), output=known[each.gives[0]], name=each.layer
            )
            told = (
                _opaque(heads)
                if isinstance(heads, Opaque)
                else _heads(heads, f"{each.layer}.operation{each.number}", values)
            )
            yield {"layer": each.layer, "call": each.call, **told}


def _plain_attention(
    args: tuple[Any, ...], words: dict[str, Any], *, output: Tensor, name: str
) -> UnrolledAttention | Opaque:
    given = signature(_arguments).bind(*args, **words).arguments
    if given.pop("dropout_p", 0.0):
        return Opaque(name, "it drops some of its weights at random")
    return unroll_sdpa(**given, output=output, name=name)


def _arguments(  # those of torch, which has no signature to ask
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: Any = 0.0,
    is_causal: Any = False,
    *,
    scale: Any = None,
    enable_gqa: Any = False,
) -> None: ...


def _opaque(found: Opaque) -> dict[str, Any]:
    return {"opaque": found.why}


def _gates(found: Unrolled, place: str, values: list[Value]) -> dict[str, Any]:
    walks = []
    for each in found.walks:
        where = (
            place
            + (f".layer{each.number}" if each.number else "")
            + ("" if each.forward else ".backward")
        )
        keys = {name: f"{where}.{name}" for name in each.gates}
        values += [
            _value(keys[name], gate, "gate", ("time", "batch", "unit"))
            for name, gate in each.gates.items()
        ]
        walks.append({"number": each.number, "forward": each.forward, "gates": keys})
    return {"cell": found.cell, "max_error": found.off, "unrolled": walks}


def _heads(found: UnrolledAttention, place: str, values: list[Value]) -> dict[str, Any]:
    parts = {"scores": found.scores, "weights": found.weights, "mixed": found.mixed}
    keys = {name: f"{place}.{name}" for name in parts}
    for name, part in parts.items():
        part = (
            part.reshape(-1, *part.shape[-3:])
            if part.dim() > 3
            else part.reshape(1, -1, *part.shape[-2:])
        )
        axes = ("batch", "head", "query", "feature" if name == "mixed" else "key")
        values.append(_value(keys[name], part, "attention", axes))
    return {"heads": values[-1].tensor.shape[1], "max_error": found.off, "attention": keys}


def _value(key: str, tensor: Tensor, origin: Origin, axes: tuple[str, ...]) -> Value:
    return Value(key, tensor.detach().to(torch.float32), origin, axes)


def _place(layer: str, call: int) -> str:
    return layer + (f"#{call}" if call else "")


def _opened(recording: Recording) -> Iterator[Breakdown]:
    """Of the first way through every layer the number that is farthest from zero."""
    for call in recording.steps:
        output = what_is_opened(call.layer, call.output)
        if (
            call.number
            or not isinstance(output, Tensor)
            or not output.is_floating_point()
            or not output.numel()
        ):
            continue
        at = np.unravel_index(int(output.abs().nan_to_num().argmax()), tuple(output.shape))
        with suppress(CannotExplainError):
            yield explain_value(
                call.layer, call.inputs, call.output, tuple(map(int, at)), name=call.name
            )


def short(opened: Breakdown) -> dict[str, Any]:
    """The documented form with the greatest terms, and the number and sum of the others."""
    content = opened.to_json()
    terms = sorted(content["terms"], key=lambda term: -abs(term["product"]))
    content["terms"] = [
        {name: value for name, value in term.items() if name != "running"} for term in terms[:TERMS]
    ]
    content["others"] = {
        "count": len(terms[TERMS:]),
        "sum": sum(term["product"] for term in terms[TERMS:]),
    }
    content["gates"] = [short(gate) for gate in opened.gates]
    return content

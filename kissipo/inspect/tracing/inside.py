"""Inside: values that torch does not return, computed from a recording.

These are the gates of recurrent layers, the weights of attention, the gradient at every
layer, and a breakdown of the maximum value of every layer.

Example:  >>> import torch
          >>> from kissipo.inspect.tracing.record import record
          >>> net = nn.LSTM(3, 2, batch_first=True)
          >>> inside = look_inside(net, record(net, (torch.ones(1, 4, 3),)))
          >>> [(value.key, tuple(value.tensor.shape)) for value in inside.values][:2]
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

from kissipo.core.json_object import JsonObject
from kissipo.inspect.breakdown import Breakdown, CannotExplainError, explain_value
from kissipo.inspect.breakdown.explain_value import explainable_output
from kissipo.inspect.tracing.backward import gradients
from kissipo.inspect.tracing.recorded_heads import recorded_heads
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
    """The computed values.

    values:      gates, attention, gradients, each with named axes
    unrolled:    for each layer that torch runs as one operation: the keys of its gates
                 or attention, or the reason why they are missing
    gradients:   for each layer the key of the gradient of the loss by its output
    breakdowns:  one value of each layer with its terms
    """

    values: tuple[Value, ...]
    unrolled: tuple[JsonObject, ...]
    gradients: tuple[JsonObject, ...]
    breakdowns: tuple[Breakdown, ...]

    def to_json(self) -> JsonObject:
        """Returns the documented JSON; breakdowns have only their largest terms."""
        return {
            "expanded": list(self.unrolled),
            "gradients": list(self.gradients),
            "breakdown": [short(breakdown) for breakdown in self.breakdowns],
        }


def look_inside(
    net: nn.Module, recording: Recording, *, loss: Callable[[Any], Tensor] | None = None
) -> Inside:
    """Returns all values that can be computed from a recording.

    loss:  computes one number from the outputs of the net; None: there are no gradients
    """
    values: list[Value] = []
    unrolled = [*_expanded(recording, values)]
    gradient_keys = []
    if loss is not None:
        inputs = tuple(
            value.tensor for value in recording.values.values() if value.origin == "input"
        )
        output_keys = {(call.name, call.number): call.output_keys for call in recording.steps}
        for item in gradients(net, inputs, loss):
            output_key = output_keys[item.layer, item.call][0]
            key = f"{_place(item.layer, item.call)}.gradient"
            values.append(
                Value(key, item.gradient.detach(), "gradient", recording.values[output_key].axes)
            )
            gradient_keys.append({"layer": item.layer, "call": item.call, "tensor": key})
    return Inside(
        tuple(values), tuple(unrolled), tuple(gradient_keys), tuple(_breakdowns(recording))
    )


def _expanded(recording: Recording, values: list[Value]) -> Iterator[dict[str, object]]:
    """Yields the gates of each recurrent call and the weights of each attention.

    Where they cannot be computed, the entry has the reason.
    """
    for call in recording.steps:
        about = {"layer": call.name, "call": call.number}
        if isinstance(call.layer, nn.RNNBase):
            recurrent = unroll(call.layer, call.inputs, call.output, name=call.name)
            yield about | (
                _opaque(recurrent)
                if isinstance(recurrent, Opaque)
                else _gates(recurrent, _place(call.name, call.number), values)
            )
        elif isinstance(call.layer, nn.MultiheadAttention):
            heads = unroll_attention(call.layer, call.inputs, call.output, name=call.name)
            yield about | (
                _opaque(heads)
                if isinstance(heads, Opaque)
                else _heads(heads, _place(call.name, call.number), values)
            )
    tensors = {key: value.tensor for key, value in recording.values.items()}
    for operation in recording.operations:
        if operation.name == "scaled_dot_product_attention":
            heads = _plain_attention(
                *operation.replay.arguments(tensors),
                output=tensors[operation.output_keys[0]],
                name=operation.layer,
            )
            heads_json = (
                _opaque(heads)
                if isinstance(heads, Opaque)
                else _heads(heads, f"{operation.layer}.operation{operation.number}", values)
            )
            about = {"layer": operation.layer, "call": operation.call}
            yield about | {"operation": operation.number} | heads_json
    yield from recorded_heads(recording)


def _plain_attention(
    args: tuple[object, ...], words: dict[str, object], *, output: Tensor, name: str
) -> UnrolledAttention | Opaque:
    bound = signature(_arguments).bind(*args, **words).arguments
    if bound.pop("dropout_p", 0.0):
        return Opaque(name, "it has dropout on its weights")
    return unroll_sdpa(**bound, output=output, name=name)


def _arguments(  # the arguments of torch, which has no signature
    query: object,
    key: object,
    value: object,
    attn_mask: object = None,
    dropout_p: object = 0.0,
    is_causal: object = False,
    *,
    scale: object = None,
    enable_gqa: object = False,
) -> None: ...


def _opaque(opaque: Opaque) -> dict[str, object]:
    return {"opaque": opaque.why}


def _gates(recurrent: Unrolled, place: str, values: list[Value]) -> dict[str, object]:
    layers = []
    for layer in recurrent.layers:
        where = (
            place
            + (f".layer{layer.number}" if layer.number else "")
            + ("" if layer.forward else ".backward")
        )
        keys = {name: f"{where}.{name}" for name in layer.gates}
        values += [
            _value(keys[name], gate, "gate", ("time", "batch", "unit"))
            for name, gate in layer.gates.items()
        ]
        layers.append({"number": layer.number, "forward": layer.forward, "gates": keys})
    return {"cell": recurrent.cell, "max_error": recurrent.max_error, "unrolled": layers}


def _heads(heads: UnrolledAttention, place: str, values: list[Value]) -> dict[str, object]:
    parts = {"scores": heads.scores, "weights": heads.weights, "mixed": heads.mixed}
    keys = {name: f"{place}.{name}" for name in parts}
    for name, part in parts.items():
        part = (
            part.reshape(-1, *part.shape[-3:])
            if part.dim() > 3
            else part.reshape(1, -1, *part.shape[-2:])
        )
        axes = ("batch", "head", "query", "feature" if name == "mixed" else "key")
        values.append(_value(keys[name], part, "attention", axes))
    return {"heads": values[-1].tensor.shape[1], "max_error": heads.max_error, "attention": keys}


def _value(key: str, tensor: Tensor, origin: Origin, axes: tuple[str, ...]) -> Value:
    return Value(key, tensor.detach().to(torch.float32), origin, axes)


def _place(layer: str, call: int) -> str:
    return layer + (f"#{call}" if call else "")


def _breakdowns(recording: Recording) -> Iterator[Breakdown]:
    """Yields the breakdown of the largest value of every layer's first call."""
    for call in recording.steps:
        output = explainable_output(call.layer, call.output)
        if (
            call.number
            or not isinstance(output, Tensor)
            or not output.is_floating_point()
            or not output.numel()
        ):
            continue
        index = np.unravel_index(int(output.abs().nan_to_num().argmax()), tuple(output.shape))
        with suppress(CannotExplainError):
            yield explain_value(
                call.layer, call.inputs, call.output, tuple(map(int, index)), name=call.name
            )


def short(breakdown: Breakdown) -> JsonObject:
    """Returns the JSON with the largest terms, and the sum of the others."""
    content = breakdown.to_json()
    terms = sorted(content["terms"], key=lambda term: -abs(term["product"]))
    content["terms"] = [
        {name: value for name, value in term.items() if name != "running"} for term in terms[:TERMS]
    ]
    content["others"] = {
        "count": len(terms[TERMS:]),
        "sum": sum(term["product"] for term in terms[TERMS:]),
    }
    content["gates"] = [short(gate) for gate in breakdown.gates]
    return content

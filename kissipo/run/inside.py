"""Inside: what stands in no operation of torch, worked out from a recording: the gates of recurrent layers, the weights of attention,
the gradient at every layer, and of every layer its greatest number opened into its terms.

Example:  >>> import torch
          >>> from kissipo.run.record import record
          >>> net = nn.LSTM(3, 2, batch_first=True)
          >>> found = look_inside(net, record(net, (torch.ones(1, 4, 3),)))
          >>> [(value.key, tuple(value.tensor.shape)) for value in found.values][:2]
          [('lstm.i', (4, 1, 2)), ('lstm.f', (4, 1, 2))]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from kissipo.run.backward import gradients
from kissipo.run.cells import CannotOpenError, Opened, open_cell
from kissipo.run.cells.open_cell import padded
from kissipo.run.expand import Opaque, expand
from kissipo.run.recording import Call, Origin, Recording, Value

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
    expanded: tuple[dict[str, Any], ...]
    gradients: tuple[dict[str, Any], ...]
    opened: tuple[Opened, ...]

    def to_json(self) -> dict[str, Any]:
        """The documented form; of opened numbers the greatest terms."""
        return {
            "expanded": list(self.expanded),
            "gradients": list(self.gradients),
            "opened": [short(each) for each in self.opened],
        }


def look_inside(net: nn.Module, recording: Recording, *, loss: Callable[[Any], Tensor] | None = None) -> Inside:
    """All that can be worked out.

    loss:  from what the net gives to one number; without it there are no gradients
    """
    values: list[Value] = []
    expanded = [each for call in recording.steps for each in _expanded(call, values)]
    slopes = []
    if loss is not None:
        inputs = tuple(value.tensor for value in recording.values.values() if value.origin == "input")
        gives = {(call.name, call.number): call.gives for call in recording.steps}
        for found in gradients(net, inputs, loss):
            at = gives[found.layer, found.call][0]
            key = f"{_place(found.layer, found.call)}.gradient"
            values.append(Value(key, found.gradient.detach(), "gradient", recording.values[at].axes))
            slopes.append({"layer": found.layer, "call": found.call, "tensor": key})
    return Inside(tuple(values), tuple(expanded), tuple(slopes), tuple(_opened(recording)))


def _expanded(call: Call, values: list[Value]) -> Iterator[dict[str, Any]]:
    """The gates of one way through a recurrent layer."""
    if not isinstance(call.layer, nn.RNNBase):
        return
    about = {"layer": call.name, "call": call.number}
    found = expand(call.layer, call.inputs, call.output, name=call.name)
    if isinstance(found, Opaque):
        yield {**about, "opaque": found.why}
        return
    walks = []
    for each in found.walks:
        place = _place(call.name, call.number) + (f".layer{each.number}" if each.number else "")
        place += "" if each.forward else ".backward"
        keys = {name: f"{place}.{name}" for name in each.gates}
        for name, gate in each.gates.items():
            values.append(_value(keys[name], gate, "gate", ("time", "batch", "unit")))
        walks.append({"number": each.number, "forward": each.forward, "gates": keys})
    yield {**about, "cell": found.cell, "off": found.off, "walks": walks}


def _value(key: str, tensor: Tensor, origin: Origin, axes: tuple[str, ...]) -> Value:
    return Value(key, tensor.detach().to(torch.float32), origin, axes)


def _place(layer: str, call: int) -> str:
    return layer + (f"#{call}" if call else "")


def _opened(recording: Recording) -> Iterator[Opened]:
    """Of the first way through every layer the number that is farthest from zero."""
    for call in recording.steps:
        output = padded(call.layer, call.output[0]) if isinstance(call.layer, nn.RNNBase) else call.output
        if call.number or not isinstance(output, Tensor) or not output.is_floating_point() or not output.numel():
            continue
        at = np.unravel_index(int(output.abs().nan_to_num().argmax()), tuple(output.shape))
        with suppress(CannotOpenError):
            yield open_cell(call.layer, call.inputs, call.output, tuple(map(int, at)), name=call.name)


def short(opened: Opened) -> dict[str, Any]:
    """The documented form with the greatest terms, and the number and sum of the others."""
    content = opened.to_json()
    terms = sorted(content["terms"], key=lambda term: -abs(term["product"]))
    content["terms"] = [{name: value for name, value in term.items() if name != "running"} for term in terms[:TERMS]]
    content["others"] = {"count": len(terms[TERMS:]), "sum": sum(term["product"] for term in terms[TERMS:])}
    content["gates"] = [short(gate) for gate in opened.gates]
    return content

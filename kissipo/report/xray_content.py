"""What the x-ray page of one example shows: its trace, with the numbers of its tensors.

The page calculates with these numbers: any value of a layer opens into its terms. Where
the weights of a layer are too large for the page, it names the command that does it.
The trace of a lesson has no recording: its page shows the values of its steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from kissipo.core.json_object import JsonMapping, JsonObject
from kissipo.core.notation import as_json_line
from kissipo.core.numpy_array import NumpyArray
from kissipo.inspect.describe_layer import describe_layer
from kissipo.inspect.trace import Step, Trace
from kissipo.inspect.tracing.recording import Call, Operation, Recording, Value, as_array
from kissipo.report.packed_tensors import ALL_BYTES, EXACT_BYTES, LARGE_BYTES, packed_tensors
from kissipo.report.record_json import record_json

_OPERATIONS_BYTES = 200_000  # of the examples of a report
_MANY, _LONG = 4_000_000, 600  # numbers and steps: a deep net or long sequence has more room
Key = tuple[int, str]
"""The number of a trace, and the key of a tensor in it."""
_LEFT_OUT = ("breakdown", "gradients", "steps")


def xray_content(
    trace: Trace, more: JsonMapping | None = None, *, exact_bytes: int = EXACT_BYTES
) -> tuple[JsonObject, bytes]:
    """Returns the content of an x-ray page, and the block of its numbers.

    more:         further fields of the content, such as the title
    exact_bytes:  the size of the tensors that are stored exactly, after compression
    """
    all_bytes = LARGE_BYTES if _is_large(trace) else max(ALL_BYTES, exact_bytes)
    content = _content(trace)
    numbers = _pack([(trace, content)], exact_bytes, all_bytes)
    return {"view": "xray", **(more or {}), "trace": content}, numbers


def example_xrays(traces: Iterable[tuple[str, Trace]]) -> tuple[list[JsonObject], bytes]:
    """Returns the x-rays of some examples with their titles, as many as fit into a
    report, and the block of their numbers; the weights, which they share, stand in it
    once."""
    xrays: list[JsonObject] = []
    described: list[tuple[Trace, JsonObject]] = []
    size = 0
    for title, trace in traces:
        content = _content(trace)
        size += len(as_json_line(content["operations"]))
        if xrays and size > _OPERATIONS_BYTES:
            break
        xrays.append({"title": title, "trace": content})
        described.append((trace, content))
    return xrays, _pack(described, EXACT_BYTES, ALL_BYTES)


def _pack(described: Sequence[tuple[Trace, JsonObject]], exact_bytes: int, all_bytes: int) -> bytes:
    """Returns one block with the numbers of all traces; writes into the content of each
    where its tensors stand in the block."""
    arrays: dict[Key, NumpyArray] = {}
    weights: dict[Key, NumpyArray] = {}
    rows: dict[Key, NDArray[np.int64]] = {}
    inputs = set()
    for number, (trace, content) in enumerate(described):
        for key, array in _all_arrays(trace).items():
            origin = content["tensors"][key]["origin"]
            (weights if origin == "weight" else arrays)[number, key] = array
            if origin == "input":
                inputs.add((number, key))
        if trace.recording is not None:
            rows |= {(number, key): read for key, read in _rows_read(trace.recording)}
    entries, numbers = packed_tensors(
        {**arrays, **weights},
        rows,
        exact_only=weights,
        larger=inputs,
        exact_bytes=exact_bytes,
        all_bytes=all_bytes,
    )
    for (number, key), entry in entries.items():
        described[number][1]["tensors"][key].update(entry)
    return numbers


def _content(trace: Trace) -> JsonObject:
    """Returns what the page says of a trace, without the numbers of its tensors."""
    described = {**trace.to_json(), **trace.inside_json()}
    values = {value.key: value for value in trace.values}
    return {
        **{name: part for name, part in described.items() if name not in _LEFT_OUT},
        "sections": [record_json(section) for section in trace.sections],
        "steps": _steps(_shown_steps(trace)),
        "layers": [] if trace.recording is None else _layers(trace, trace.recording),
        "tensors": {
            key: _described(values[key]) if key in values else _step_axes(trace, array)
            for key, array in _all_arrays(trace).items()
        },
    }


def _is_large(trace: Trace) -> bool:
    """Returns whether a trace is of a deep net or of a long sequence."""
    drawn = [value.tensor.numel() for value in trace.values if value.origin != "weight"]
    longest = max((step.shape[0] for step in trace.of("process") if step.shape), default=0)
    return longest > _LONG or sum(drawn) > _MANY


def _all_arrays(trace: Trace) -> dict[str, NumpyArray]:
    """Returns all tensors in the order in which a page needs them."""
    arrays = _step_arrays(_shown_steps(trace))
    return arrays if trace.recording is None else arrays | _arrays(trace, trace.recording)


def _arrays(trace: Trace, recording: Recording) -> dict[str, NumpyArray]:
    """Returns the tensors in the order in which the page needs them."""
    by_origin: dict[str, list[Value]] = {}
    for value in trace.values:
        by_origin.setdefault(value.origin, []).append(value)
    outputs = {key for call in recording.steps for key in call.output_keys}
    weights = sorted(by_origin.get("weight", ()), key=lambda value: value.tensor.numel())
    activations = by_origin.get("operation", [])
    ordered = [
        *by_origin.get("input", ()),
        *(value for value in activations if value.key in {*outputs, *recording.answers}),
        *by_origin.get("gate", ()),
        *by_origin.get("attention", ()),
        *by_origin.get("gradient", ()),
        *(value for value in activations if value.key not in outputs),
        *by_origin.get("constant", ()),
        *by_origin.get("outside", ()),
        *weights,
    ]
    return {value.key: as_array(value.tensor) for value in ordered}


def _shown_steps(trace: Trace) -> dict[int, Step]:
    """Returns the steps by their numbers; with a recording, those outside the net."""
    every = enumerate(trace.steps)
    return {n: step for n, step in every if trace.recording is None or step.stage != "process"}


def _step_arrays(steps: dict[int, Step]) -> dict[str, NumpyArray]:
    return {_step_key(n): step.value for n, step in steps.items() if _has_array(step)}


def _has_array(step: Step) -> bool:
    return isinstance(step.value, np.ndarray)


def _step_key(number: int) -> str:
    return f"step {number}"


def _rows_read(recording: Recording) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Yields for the weights of each embedding the rows that were read."""
    read: dict[str, list[NDArray[np.int64]]] = {}
    others = {key for operation in recording.operations for key in _whole(operation)}
    for operation in recording.operations:
        if operation.name == "embedding":
            ids, weight = operation.input_keys[:2]
            read.setdefault(weight, []).append(np.unique(as_array(recording.values[ids].tensor)))
    for weight, rows in read.items():
        if weight not in others:
            yield weight, np.unique(np.concatenate(rows)).astype(np.int64)


def _whole(operation: Operation) -> tuple[str, ...]:
    """Returns the keys of the tensors of which an operation reads all rows."""
    return () if operation.name == "embedding" else operation.input_keys


def _described(value: Value) -> JsonObject:
    """Returns what the page says of a tensor."""
    return {
        "origin": value.origin,
        "axes": list(value.axes),
        "shape": list(value.tensor.shape),
        "dtype": str(value.tensor.dtype).removeprefix("torch."),
        "statistics": None if value.origin == "weight" else value.figures["statistics"],
    }


def _step_axes(trace: Trace, array: NumpyArray) -> JsonObject:
    """Returns the axes of a step outside the net: those of a tensor of its shape."""
    axes = [f"axis {number}" for number in range(array.ndim)]
    ends = [value for value in trace.values if value.origin == "input"]
    if trace.recording is not None:
        ends += [trace.recording.values[key] for key in trace.recording.answers]
    for value in ends:
        shape, names = value.tensor.shape[1:], value.axes[1:]
        if array.ndim and tuple(shape[-array.ndim :]) == array.shape:
            axes = list(names[-array.ndim :])
    return {"origin": "step", "axes": axes, "shape": list(array.shape), "dtype": array.dtype.name}


def _steps(steps: dict[int, Step]) -> list[JsonObject]:
    """Returns steps with the keys of their arrays."""
    return [
        {**step.to_json(), "tensor": _step_key(number)} if _has_array(step) else step.to_json()
        for number, step in steps.items()
    ]


def _layers(trace: Trace, recording: Recording) -> list[JsonObject]:
    """Returns every call of a layer that computes something, in order.

    output:     the key of its first output
    operation:  the operation that computed it; -1: the layer returns its own input
    same:       whether the output has the numbers of the input, in their order
    gradient:   the norm of the gradient of the loss with respect to the output
    gradient_tensor: the key of this gradient
    """
    makers = {
        key: operation.number for operation in recording.operations for key in operation.output_keys
    }
    norms, keys = _gradient_norms(trace), _gradient_keys(trace)
    layers: list[JsonObject] = []
    for call in recording.steps:
        output = call.output_keys[0] if call.output_keys else ""
        inner = recording.operations[slice(*call.operations)]
        counts = [operation.multiplications for operation in inner]
        layers.append({
            **call.to_json(),
            "description": describe_layer(call.layer),
            "output": output,
            "operation": -1 if output in call.input_keys else makers.get(output, -1),
            "same": _is_same(recording, call),
            "multiplications": None if None in counts else sum(count or 0 for count in counts),
            "parameters": sum(operation.parameters for operation in inner),
            "seconds": sum(operation.seconds for operation in inner),
            "gradient": norms.get((call.name, call.number)),
            "gradient_tensor": keys.get((call.name, call.number)),
        })  # fmt: skip
    return layers


def _is_same(recording: Recording, call: Call) -> bool:
    """Returns whether a layer passes on the numbers that it got."""
    if not call.input_keys or not call.output_keys:
        return False
    before, after = (
        recording.values[keys[0]].tensor for keys in (call.input_keys, call.output_keys)
    )
    return before.numel() == after.numel() and bool((before.ravel() == after.ravel()).all())


def _gradient_norms(trace: Trace) -> dict[tuple[str, int], float]:
    """Returns the norm of the gradient by the name of the layer and its call."""
    values = {value.key: value for value in trace.values}
    return {
        place: float(np.linalg.norm(as_array(values[key].tensor).astype(np.float64)))
        for place, key in _gradient_keys(trace).items()
    }


def _gradient_keys(trace: Trace) -> dict[tuple[str, int], str]:
    """Returns the key of the gradient by the name of the layer and its call."""
    if trace.inside is None:
        return {}
    return {(item["layer"], item["call"]): item["tensor"] for item in trace.inside.gradients}

"""Trace: one sample on its path through all steps, with shapes, costs and values.

`show`, the report and the pages read it. Hooks on the layers record the steps of the
net for one sample; codecs and answers add the steps before and after it. A container
that computes something itself (a sum, a mean) has a `DESCRIPTION`, and is a step, too.
Values are copied at once, because later layers may overwrite them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from torch import Tensor, nn

from kissipo.core.description import Section, plain_section_json
from kissipo.core.json_object import JsonObject
from kissipo.core.numpy_array import NumpyArray
from kissipo.inspect.chain_rule import Chain
from kissipo.inspect.costs import multiplications, parameters
from kissipo.inspect.describe_layer import describe_layer
from kissipo.inspect.explanation import Explanation
from kissipo.inspect.gradients_through_time import ThroughTime
from kissipo.inspect.tracing.inside import Inside
from kissipo.inspect.tracing.recording import Recording, Value, as_array, is_frame, pad_nested
from kissipo.inspect.tracing.trace_file import MAX_BYTES, VERSION, tensor_table, write_trace

Stage = Literal["input", "process", "output"]
_MAX_LISTED = 12


@dataclass(frozen=True)
class Step:
    """One step of the data flow, for one sample.

    shape:            the shape of the output, without the batch axis
    parameters:       the number of weights and biases
    multiplications:  the number of multiplications by weights (attention: also of
                      scores)
    memory:           the bytes of the output
    value:            the output: an array, a text, a number
    names:            of its values, where they are not those of the outputs
    """

    stage: Stage
    name: str
    description: str
    shape: tuple[int, ...] = ()
    parameters: int = 0
    multiplications: int = 0
    memory: int = 0
    value: Any = None
    names: tuple[str, ...] = ()

    def to_json(self) -> JsonObject:
        """Returns the step as JSON, with at most a dozen of its values."""
        lists = {"shape": list(self.shape), "names": list(self.names)}
        return {**vars(self), **lists, "value": show_value(self.value)}


@dataclass(frozen=True)
class RawInput:
    """The value of one input before it was encoded.

    columns:  the texts of each column: one, or one per step of a window
    tokens:   the tokens of a text as they stand in it, also those that are unknown
    times:    the timestamps of the steps
    """

    columns: Mapping[str, tuple[str, ...]]
    tokens: tuple[str, ...] = ()
    times: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trace:
    """All steps in the order of the data flow, and the inside of the net.

    recording:      every operation with its tensors; None in a short trace
    inside:         gates, attention, gradients and breakdowns; None in a short trace
    labels:         names along an axis: the tokens of a text along time, the classes
    raw_inputs:     the values of the inputs before they were encoded
    top:            the most probable next tokens after each token, with probabilities
    answer, truth:  the prediction and the target, formatted
    sections:       what the net and the answer show of the example, such as its beam
    """

    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()
    chains: tuple[Chain, ...] = ()
    through_time: tuple[ThroughTime, ...] = ()
    explanation: tuple[Explanation, ...] = ()
    recording: Recording | None = None
    inside: Inside | None = None
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    raw_inputs: tuple[RawInput, ...] = ()
    top: tuple[tuple[tuple[str, float], ...], ...] = ()
    answer: str = ""
    truth: str = ""
    name: str = ""
    sections: tuple[Section, ...] = ()

    def of(self, stage: Stage) -> list[Step]:
        """Returns the steps of one stage."""
        return [step for step in self.steps if step.stage == stage]

    @property
    def parameters(self) -> int:
        """Returns the number of parameters, with a recording also outside layers."""
        counted = self.recording.operations if self.recording else self.steps
        return sum(item.parameters for item in counted)

    @property
    def multiplications(self) -> int:
        """Returns the multiplications, with a recording also outside layers."""
        counted = self.recording.operations if self.recording else self.steps
        return sum(item.multiplications or 0 for item in counted)

    @property
    def memory(self) -> int:
        """Returns the bytes of the outputs of all steps of the net, for one sample."""
        return sum(step.memory for step in self.of("process"))

    @property
    def values(self) -> list[Value]:
        """Returns every tensor, recorded or computed from the recording."""
        recorded = [] if self.recording is None else [*self.recording.values.values()]
        return recorded + ([] if self.inside is None else [*self.inside.values])

    def to_json(self) -> JsonObject:
        """Returns the documented JSON: version, totals, steps."""
        return {
            "version": VERSION,
            "parameters": self.parameters,
            "multiplications": self.multiplications,
            "memory": self.memory,
            "notes": list(self.notes),
            "chains": [chain.to_json() for chain in self.chains],
            "through_time": [item.to_json() for item in self.through_time],
            "explained": [item.to_json() for item in self.explanation],
            "steps": [step.to_json() for step in self.steps],
        }

    def content(self, *, max_bytes: int = MAX_BYTES) -> tuple[JsonObject, dict[str, NumpyArray]]:
        """Returns the content of `trace.json`, and the values of tensor files by key.

        max_bytes:  the size limit of a tensor; a larger one has statistics only
        """
        table, arrays = tensor_table(self.values, max_bytes=max_bytes)
        return {**self.to_json(), **self.inside_json(), "tensors": table}, arrays

    def save(self, folder: Path | str, *, max_bytes: int = MAX_BYTES) -> Path:
        """Writes `trace.json` and the tensor files (docs/trace.md).

        Raises:   MachineError when the files cannot be written;
                  RunError when the folder is not a trace.
        """
        return write_trace(folder, *self.content(max_bytes=max_bytes))

    def inside_json(self) -> dict[str, object]:
        """Returns the recording and the values computed from it as JSON."""
        recording, inside = self.recording, self.inside
        top = [[{"unit": unit, "probability": chance} for unit, chance in row] for row in self.top]
        return {
            "name": self.name,
            "answer": self.answer,
            "truth": self.truth,
            "labels": {axis: list(names) for axis, names in self.labels.items()},
            "raw_inputs": [vars(item) for item in self.raw_inputs],
            "top": top,
            "sections": [plain_section_json(section) for section in self.sections],
            "answers": list(recording.answers) if recording else [],
            "not_followed": list(recording.notes) if recording else [],
            "operations": [call.to_json() for call in recording.operations] if recording else [],
            "layers": [
                {**call.to_json(), "description": describe_layer(call.layer)}
                for call in recording.calls
            ]
            if recording
            else [],
            **(inside.to_json() if inside else {"expanded": [], "gradients": [], "breakdown": []}),
        }


def steps_of(recording: Recording) -> list[Step]:
    """Returns the layers that compute something, in the order in which they finished.

    A container that only returns the output of its last layer is not a step.
    """
    steps: list[Step] = []
    for call in recording.steps:
        output, frame = tensor_of(call.output), is_frame(call.layer)
        first, *more = call.inputs or (None,)
        # a channel-independent net has several rows for one sample
        value = as_array(output if len(output) > 1 else output[0])
        if frame and steps and np.array_equal(steps[-1].value, value):
            continue
        steps.append(
            Step(
                stage="process",
                name=call.name,
                description=describe_layer(call.layer),
                shape=value.shape,
                parameters=0 if frame or call.number else parameters(call.layer),
                multiplications=multiplications(call.layer, first, output, *more),
                memory=output.numel() * output.element_size(),
                value=value,
            )
        )
    return steps


def tensor_of(output: object) -> Tensor:
    """Returns the output of a layer as one tensor; packed and nested ones are padded.

    For a recurrent layer these are the states of all steps.
    """
    first = output[0] if isinstance(output, tuple) else output
    if isinstance(first, nn.utils.rnn.PackedSequence):
        return nn.utils.rnn.pad_packed_sequence(first, batch_first=True)[0]
    assert isinstance(first, Tensor), type(first)
    return pad_nested(first)


def show_value(value: object) -> object:
    """Returns a value as JSON; of a long array only the first entries."""
    if isinstance(value, np.ndarray):
        flat = value.reshape(-1)
        return [_plain(number) for number in flat[:_MAX_LISTED]] + (
            ["..."] if len(flat) > _MAX_LISTED else []
        )
    return _plain(value)


def format_array(value: NumpyArray, *, max_values: int = 5) -> str:
    """Returns the first values of an array as text.

    Example:  >>> format_array(np.array([0.5, 1.0, -2.25]))
              '[0.5 1 -2.25]'
    """
    flat = np.asarray(value).reshape(-1)
    if not len(flat):
        return "[]"
    text = " ".join(
        f"{number:.3g}" if isinstance(number, np.floating) else str(number)
        for number in flat[:max_values]
    )
    return f"[{text}{' ...' if len(flat) > max_values else ''}]"


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    return value if isinstance(value, str | int | float | bool | None) else str(value)

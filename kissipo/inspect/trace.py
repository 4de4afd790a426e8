"""Trace: the way of one sample through all steps, with shape, cost and values; what `show`, the report and the pages read.

The steps of the net are recorded by hooks on its layers while it answers one sample; the steps before and after are told by
the codecs and the answers. A layer around others that adds something of its own to what they give (a sum, a mean) says so as
its `TELL`, and is a step too. Values are copied at once, because later layers may write over them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from kissipo.inspect.chain_rule import Chain
from kissipo.inspect.costs import multiplications, parameters
from kissipo.inspect.describe_layer import describe_layer
from kissipo.inspect.explanation import Explanation
from kissipo.inspect.gradients_through_time import ThroughTime
from kissipo.inspect.tracing.inside import Inside
from kissipo.inspect.tracing.recording import Recording, Value, as_array, filled, is_frame
from kissipo.inspect.tracing.trace_file import MOST_BYTES, VERSION, tensor_table, write_trace

Stage = Literal["input", "process", "output"]
_LIST_MOST = 12


@dataclass(frozen=True)
class Step:
    """One step of the way.

    shape:            of one sample, without the batch axis
    parameters:       weights that belong to this step
    multiplications:  by weights, of attention also of scores, for one sample
    memory:           bytes of what the step gives, for one sample
    value:            what it gives: an array, a text, a number
    """

    stage: Stage
    name: str
    description: str
    shape: tuple[int, ...] = ()
    parameters: int = 0
    multiplications: int = 0
    memory: int = 0
    value: Any = None

    def to_json(self) -> dict[str, Any]:
        """The step with at most a dozen of its values."""
        content = {key: value for key, value in vars(self).items() if key not in ("tell", "value")}
        content["description"] = self.description
        return {**content, "shape": list(self.shape), "value": show_value(self.value)}


@dataclass(frozen=True)
class Trace:
    """All steps in the order in which the data pass, and what is inside the net.

    recording, inside:  every operation with its tensors, and what was worked out from them; not there for a short look
    labels:             names along an axis: the units of a text along time, the classes
    likeliest:          after each unit of a text those that the net expected next, with their probabilities
    answer, truth:      as people read them
    """

    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()
    chains: tuple[Chain, ...] = ()
    through_time: tuple[ThroughTime, ...] = ()
    explanation: tuple[Explanation, ...] = ()
    recording: Recording | None = None
    inside: Inside | None = None
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    top: tuple[tuple[tuple[str, float], ...], ...] = ()
    answer: str = ""
    truth: str = ""
    name: str = ""

    def of(self, stage: Stage) -> list[Step]:
        """The steps of one stage."""
        return [step for step in self.steps if step.stage == stage]

    @property
    def parameters(self) -> int:
        """Weights of the whole net; with a recording those that belong to no layer, too."""
        counted = self.recording.operations if self.recording else self.steps
        return sum(each.parameters for each in counted)

    @property
    def multiplications(self) -> int:
        """Multiplications by weights for one sample; with a recording those that stand outside of layers, too, where they are known."""
        counted = self.recording.operations if self.recording else self.steps
        return sum(each.multiplications or 0 for each in counted)

    @property
    def memory(self) -> int:
        """Bytes that all steps of the net give, for one sample."""
        return sum(step.memory for step in self.of("process"))

    @property
    def values(self) -> list[Value]:
        """Every tensor: what was recorded, and what was worked out from it."""
        recorded = [] if self.recording is None else [*self.recording.values.values()]
        return recorded + ([] if self.inside is None else [*self.inside.values])

    def to_json(self) -> dict[str, Any]:
        """The documented form: version, totals, steps."""
        return {
            "version": VERSION,
            "parameters": self.parameters,
            "multiplications": self.multiplications,
            "memory": self.memory,
            "notes": list(self.notes),
            "chains": [chain.to_json() for chain in self.chains],
            "through_time": [each.to_json() for each in self.through_time],
            "explained": [each.to_json() for each in self.explanation],
            "steps": [step.to_json() for step in self.steps],
        }

    def content(
        self, *, most_bytes: int = MOST_BYTES
    ) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """What `trace.json` says, and the numbers of every tensor that has a file, by its key.

        most_bytes:  of a tensor; of a larger one only statistics are given
        """
        table, arrays = tensor_table(self.values, most_bytes=most_bytes)
        return {**self.to_json(), **self.inside_json(), "tensors": table}, arrays

    def save(self, folder: Path | str, *, most_bytes: int = MOST_BYTES) -> Path:
        """Writes `trace.json` and the tensors (docs/trace.md).

        Raises:   MachineError when they cannot be written; RunError when something else lies there.
        """
        return write_trace(folder, *self.content(most_bytes=most_bytes))

    def inside_json(self) -> dict[str, Any]:
        """What `trace.json` says besides: the sample, operations, layers, gates, gradients, opened numbers."""
        recording, inside = self.recording, self.inside
        top = [[{"unit": unit, "probability": chance} for unit, chance in row] for row in self.top]
        return {
            "name": self.name,
            "answer": self.answer,
            "truth": self.truth,
            "labels": {axis: list(names) for axis, names in self.labels.items()},
            "likeliest": top,
            "answers": list(recording.answers) if recording else [],
            "not_followed": list(recording.notes) if recording else [],
            "operations": [each.to_json() for each in recording.operations] if recording else [],
            "layers": [
                {**each.to_json(), "description": describe_layer(each.layer)}
                for each in recording.calls
            ]
            if recording
            else [],
            **(inside.to_json() if inside else {"expanded": [], "gradients": [], "breakdown": []}),
        }


def steps_of(recording: Recording) -> list[Step]:
    """The layers that do something, in the order in which they gave; a layer that only hands on what was given is none."""
    steps: list[Step] = []
    for call in recording.steps:
        output, frame = tensor_of(call.output), is_frame(call.layer)
        first, *more = call.inputs or (None,)
        # a net on each variable by itself goes through several rows for one sample
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


def tensor_of(gives: Any) -> Tensor:
    """The output of a layer; of a recurrent one the states of all steps, of a packed or nested one filled up."""
    first = gives[0] if isinstance(gives, tuple) else gives
    if isinstance(first, nn.utils.rnn.PackedSequence):
        return nn.utils.rnn.pad_packed_sequence(first, batch_first=True)[0]
    assert isinstance(first, Tensor), type(first)
    return filled(first)


def show_value(value: Any) -> Any:
    """A value as JSON can hold it: short arrays whole, long ones by their first entries."""
    if isinstance(value, np.ndarray):
        flat = value.reshape(-1)
        return [_plain(each) for each in flat[:_LIST_MOST]] + (
            ["..."] if len(flat) > _LIST_MOST else []
        )
    return _plain(value)


def format_array(value: NDArray[Any], *, most: int = 5) -> str:
    """An array in a few words.

    Example:  >>> format_array(np.array([0.5, 1.0, -2.25]))
              '[0.5 1 -2.25]'
    """
    flat = np.asarray(value).reshape(-1)
    if not len(flat):
        return "[]"
    shown = " ".join(
        f"{each:.3g}" if isinstance(each, np.floating) else str(each) for each in flat[:most]
    )
    return f"[{shown}{' ...' if len(flat) > most else ''}]"


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    return value if isinstance(value, str | int | float | bool | None) else str(value)

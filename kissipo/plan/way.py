"""The way of the data: one sample through every step of a wired pipeline, from the world to the answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

from kissipo.codec.together import Together
from kissipo.codec.windows import Windows
from kissipo.core.batch import Batch
from kissipo.core.door import Door
from kissipo.core.frame import Frame
from kissipo.core.protocols import Learn
from kissipo.input.augment import Augment
from kissipo.input.feeds import TensorFeed
from kissipo.output.answer import Answer
from kissipo.plan.draft import Wiring
from kissipo.run.chain import chain_rule
from kissipo.run.evaluate import as_tuple
from kissipo.run.record import record
from kissipo.run.through_time import NotToldError, ThroughTime, through_time
from kissipo.run.trace import Step, Trace, steps_of


def follow(
    frame: Frame,
    feed: TensorFeed,
    doors: Sequence[Door],
    answers: Sequence[Answer],
    net: nn.Module,
    *,
    learn: Learn | None = None,
    augment: Augment | None = None,
    notes: Sequence[str] = (),
) -> Trace:
    """The trace of the first sample of the feed.

    frame:  what the sample came from: its row, or the steps of its window
    augment: how inputs are changed while learning, which is told
    learn:  whose loss is followed back through time, where the net is recurrent and the sample has a target
    """
    sample = feed.batch(slice(0, 1))
    steps, start = [], 0
    for door, x in zip(doors, sample.inputs, strict=True):
        length = door.length if isinstance(door, Windows) else 0
        rows = np.arange(start, min(start + length, len(frame))) if length else np.arange(len(frame))
        steps += _input_steps(frame.take(rows), door, x[0])
        start += length
    if augment is not None:
        steps.append(replace(steps[-1], name="augment", tell=augment.tell(), memory=0))
    recording = record(net, sample.inputs, axes=[("batch", *door.port.axes) for door in doors])
    steps += steps_of(recording)
    for answer, output in zip(answers, as_tuple(recording.output), strict=True):
        steps += [
            Step("output", each.name, each.tell, each.shape, value=each.value) for each in answer.decoding(output)
        ]
    chains = (
        chain_rule(net, sample.inputs[0], sample.targets[0]) if sample.targets and answers[0].WORD == "number" else []
    )
    back, why_not = _through_time(net, sample, answers, learn)
    return Trace(tuple(steps), (*notes, *why_not), tuple(chains), tuple(back))


def _through_time(
    net: nn.Module, sample: Batch, answers: Sequence[Answer], learn: Learn | None
) -> tuple[list[ThroughTime], list[str]]:
    """The gradients through time of one sample, or a note why they are left out."""
    if learn is None or not sample.targets:
        return [], []
    targets = tuple(each.double() if each.is_floating_point() else each for each in sample.targets)
    losses: dict[str, Callable[[Any], torch.Tensor]] = {"the sample": lambda outputs: learn.loss(outputs, targets)}
    if answers[0].port.axes[:1] == ("time",):  # which then is the only answer
        last = (targets[0][:, -1:],)
        losses = {
            "last step": lambda outputs: learn.loss(outputs[:, -1:], last),
            "all steps": losses["the sample"],
        }
    try:
        return [each for each in through_time(net, sample.inputs, losses) if len(each.norms) > 1], []
    except NotToldError as error:
        return [], [f"gradients through time are left out: {error}"]


def sample_frame(wiring: Wiring, part: str, number: int) -> Frame:
    """The rows of the frame that one sample of a part came from: its row, or the steps of its window."""
    first = int(wiring.parts[part][number])
    steps = sum(door.length for door in wiring.doors if isinstance(door, Windows))
    return wiring.frame.take(np.arange(first, first + max(1, steps)))


def _input_steps(frame: Frame, door: Door, encoded: torch.Tensor) -> list[Step]:
    """The values as they came, then what each codec made of them."""
    columns = list(dict.fromkeys(door.columns))
    shape = encoded.shape[:1] if isinstance(door, Windows) else ()
    listed = ", ".join(columns[:4]) + (f" and {len(columns) - 4} more" if len(columns) > 4 else "")
    steps = [
        Step("input", listed, "as it came", tuple(shape), value=_raw(frame, columns, whole=isinstance(door, Windows)))
    ]
    for inner in door.doors if isinstance(door, Together) else ():
        part = inner.encode(frame.take(np.arange(1)))[0]
        steps.append(Step("input", inner.KIND.replace("_", "-"), inner.tell(), tuple(part.shape), value=part.numpy()))
    size = encoded.numel() * encoded.element_size()
    steps.append(
        Step(
            "input", door.KIND.replace("_", "-"), door.tell(), tuple(encoded.shape), memory=size, value=encoded.numpy()
        )
    )
    return steps


def _raw(frame: Frame, columns: Sequence[str], *, whole: bool) -> Any:
    """One row as people write it; a window as its first and last steps."""
    if whole:
        column = frame[columns[0]]
        texts = [column.show(at) for at in range(len(frame))]
        if column.kind == "string":
            joined = "".join(str(text) for text in texts)
            return joined if len(joined) <= 60 else joined[:57] + "..."
        shown = [str(text) for text in texts]
        return ", ".join(shown if len(shown) <= 6 else [*shown[:3], "...", *shown[-2:]])
    values = {name: frame[name].show(0) for name in columns[:6]}
    if len(columns) == 1:
        return _short(values[columns[0]])
    more = f", and {len(columns) - 6} more" if len(columns) > 6 else ""
    return ", ".join(f"{name}={_short(value)}" for name, value in values.items()) + more


def _short(value: Any) -> Any:
    if hasattr(value, "shape"):
        return f"picture of {'x'.join(str(side) for side in value.shape)}, {value.min()}..{value.max()}"
    text = "(missing)" if value is None else str(value)
    return text if len(text) <= 60 else text[:57] + "..."

"""Data flow: traces one example from the raw input to the prediction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from kissipo.core.batch import Batch
from kissipo.core.codec import Codec
from kissipo.core.description import Section
from kissipo.core.frame import Frame
from kissipo.core.module_state import eval_mode
from kissipo.core.protocols import Augmentation, describes_samples, shows_steps
from kissipo.core.text import format_value, list_ends, list_some, shorten
from kissipo.engine.evaluate import as_tuple, decoded
from kissipo.inspect.chain_rule import chain_rule
from kissipo.inspect.gradients_through_time import ThroughTime, UnsupportedNetError, through_time
from kissipo.inspect.trace import RawInput, Step, Trace, steps_of
from kissipo.inspect.tracing.inside import look_inside
from kissipo.inspect.tracing.record import record
from kissipo.output.answer import Answer, DecodingStep, Prediction
from kissipo.process.layers.shows_attention import ShowsSelfAttention
from kissipo.runs.example import Example, Loss, example_of, stored_example
from kissipo.runs.trained import TrainedModel

_TOP_K = 5


def trace_of(
    run: TrainedModel, values: Sequence[object] = (), *, position: int = 0, inside: bool = True
) -> Trace:
    """Traces one example of what `predict` takes, or an example of the test split.

    position:  the index of the example in the test split, counted from 0
    inside:    whether the trace holds operations, gates, gradients and breakdowns
    Raises:    TaskError, DataError when the values do not fit, or there is no such
               example.
    """
    augment = None
    if values:
        example = example_of(run, values)
    else:
        example = replace(stored_example(run, position), loss=run.experiment().algorithm)
        augment = run.pipeline().augment
    example = replace(example, notes=(*filter(None, [run.remark]), *example.notes))
    return follow(
        example,
        run.codecs,
        run.answers,
        run.net,
        augment=augment,
        inside=inside,
        name=run.folder.name,
    )


def follow(
    example: Example,
    codecs: Sequence[Codec],
    answers: Sequence[Answer],
    net: nn.Module,
    *,
    augment: Augmentation | None = None,
    inside: bool = False,
    name: str = "",
) -> Trace:
    """Traces one example; with a loss and a target, the trace includes the gradients.

    augment:  the augmentation in training, which is listed as a step
    inside:   whether every operation is recorded, with gates, gradients and breakdowns
    """
    frame, sample, algorithm = example.frame, example.dataset.batch(slice(0, 1)), example.loss
    frames = _frames(frame, codecs, sample.inputs)
    raw_inputs = list(map(_raw_input, frames, codecs))
    steps: list[Step] = []
    for part, codec, x in zip(frames, codecs, sample.inputs, strict=True):
        steps += _input_steps(part, codec, x[0])
    if augment is not None:
        steps.append(replace(steps[-1], name="augment", description=augment.describe(), memory=0))
    recording = record(net, sample.inputs, axes=[("batch", *codec.spec.axes) for codec in codecs])
    steps += steps_of(recording)
    with eval_mode(net):
        outputs = decoded(net, sample.inputs, recording.output, answers)
    labels = _labels(frame, codecs, answers, sample.inputs)
    in_windows = any("window" in value.axes for value in recording.values.values())
    if isinstance(net, ShowsSelfAttention) and "time" in labels and not in_windows:
        labels |= dict.fromkeys(("query", "key"), labels["time"])  # one text reads itself
    written = answers[0].axis_labels(as_tuple(recording.output)[0]) if inside else {}
    for answer, output in zip(answers, outputs, strict=True):
        *before, last = answer.decoding_steps(output)
        decoding = [*before, _in_units(last, frame, answer, output, sample.targets)]
        steps += map(_output_step, decoding)
    chains = (
        chain_rule(net, sample.inputs[0], sample.targets[0])
        if sample.targets and answers[0].spec.axes == ("answer",)
        else []
    )
    back, why_not = _through_time(net, sample, answers, algorithm)
    trace = Trace(tuple(steps), (*example.notes, *why_not), tuple(chains), tuple(back), name=name)
    if not inside and not shows_steps(net):
        return trace
    with eval_mode(net):
        sections = [
            section
            for part, codec in zip(frames, codecs, strict=True)
            for section in (codec.example_sections(part) if inside else ())
        ]
        sections += _net_sections(net, sample, codecs, answers, raw_inputs)
        if not inside:
            return replace(trace, sections=tuple(sections))
        read = _read(raw_inputs[0], labels.get("time", ()))
        sections += answers[0].example_sections(
            net, sample.inputs, outputs[0], sample.targets[:1], read
        )
    loss = (
        None
        if algorithm is None or not sample.targets
        else partial(_loss, algorithm, sample.targets)
    )
    return replace(
        trace,
        recording=recording,
        inside=look_inside(net, recording, loss=loss),
        labels={**labels, **{axis: tuple(names) for axis, names in written.items()}},
        raw_inputs=tuple(raw_inputs),
        top=_top(answers[0], outputs[0]),
        answer=_answer(frame, answers[0], outputs[0], sample.targets),
        truth=_truth(frame, answers[0], sample.targets),
        sections=tuple(section for section in sections if section.content),
    )


def _frames(frame: Frame, codecs: Sequence[Codec], inputs: Sequence[torch.Tensor]) -> list[Frame]:
    """Returns the rows that each codec reads: all, or those of its own window."""
    frames, start = [], 0
    for codec, x in zip(codecs, inputs, strict=True):
        if not codec.window_length:
            frames.append(frame)
            continue
        end = start + x.shape[1]
        frames.append(frame.take(np.arange(start, min(end, len(frame)))))
        start = end
    return frames


def _output_step(step: DecodingStep) -> Step:
    """Returns a step of decoding as a step of the trace."""
    return Step(
        "output", step.name, step.description, step.shape, value=step.value, names=step.names
    )


def _net_sections(
    net: nn.Module,
    sample: Batch,
    codecs: Sequence[Codec],
    answers: Sequence[Answer],
    raw_inputs: Sequence[RawInput],
) -> Sequence[Section]:
    """Returns what the net describes of the sample."""
    if not describes_samples(net):
        return ()
    specs = [codec.spec for codec in codecs], [answer.spec for answer in answers]
    return net.describe_example(sample.inputs, *specs, [raw.tokens for raw in raw_inputs])


def _read(raw: RawInput, ids: Sequence[str]) -> tuple[str, ...]:
    """Returns the tokens that a net reads, as they stand in the text."""
    return raw.tokens[: len(ids)] or tuple(ids)


def _loss(algorithm: Loss, targets: tuple[torch.Tensor, ...], outputs: object) -> torch.Tensor:
    return algorithm.loss(outputs, targets)


def _labels(
    frame: Frame, codecs: Sequence[Codec], answers: Sequence[Answer], inputs: Sequence[torch.Tensor]
) -> dict[str, tuple[str, ...]]:
    """Returns the names of the time steps or terms, of the features and of the
    classes."""
    labels: dict[str, tuple[str, ...]] = {}
    ids = [codec for codec in codecs if codec.spec.vocab_size and not codec.spec.axes]
    for codec, x in zip(codecs, inputs, strict=True):
        words = codec.spec.labels
        if codec.spec.axes[:1] in (("time",), ("term",)) and not x.is_floating_point() and words:
            names = [words[index] for index in x[0].reshape(len(x[0]), -1)[:, 0].tolist()]
            if codec.window_length and len(frame) >= len(names):
                names = [str(frame[codec.columns[0]].show(index)) for index in range(len(names))]
            labels.setdefault(codec.spec.axes[0], tuple(names))
        elif codec.spec.is_weighted_bag:
            labels.setdefault("term", tuple(words[index] for index in x[0, :, 0].long().tolist()))
        elif codec.spec.axes == ("feature",) and words:
            labels.setdefault("feature", tuple(words))
        elif ids == [codec] and words:  # several inputs of ids have names of their own
            labels["state"] = tuple(words)
    if answers[0].spec.axes in (("class",), ("action",), ("document",)) and answers[0].spec.labels:
        labels[answers[0].spec.axes[0]] = tuple(answers[0].spec.labels)
    return labels


def _top(answer: Answer, output: torch.Tensor) -> tuple[tuple[tuple[str, float], ...], ...]:
    """Returns the most probable next tokens after each token of a text."""
    if answer.vocabulary is None:
        return ()
    words = answer.vocabulary.labels
    top = output[0].softmax(dim=-1).topk(min(_TOP_K, output.shape[-1]))
    rows = zip(top.indices.tolist(), top.values.tolist(), strict=True)
    return tuple(
        tuple((words[index], probability) for index, probability in zip(*row, strict=True))
        for row in rows
    )


def _in_units(
    step: DecodingStep,
    frame: Frame,
    answer: Answer,
    output: torch.Tensor,
    targets: Sequence[torch.Tensor],
) -> DecodingStep:
    """Returns the last decoding step in the units of the sample: words of its text."""
    decision = _decision(frame, answer, output, targets)
    if len(frame) != 1 or decision.spans is None:
        return step
    return replace(step, value=decision.value, description=decision.describe())


def _decision(
    frame: Frame, answer: Answer, output: torch.Tensor, targets: Sequence[torch.Tensor]
) -> Prediction:
    """Returns the first prediction; of a single sample, in the units of the sample."""
    decision = answer.predictions(output, targets)[0]
    if len(frame) == 1:
        (decision,) = answer.in_units_of([decision], frame)
    return decision


def _answer(
    frame: Frame, answer: Answer, output: torch.Tensor, targets: Sequence[torch.Tensor]
) -> str:
    """Returns the formatted prediction; empty if it is not a plain value."""
    decision = _decision(frame, answer, output, targets)
    sure = f" ({decision.confidence:.1%})" if decision.confidence is not None else ""
    if not isinstance(decision.value, str | int | float):
        return ""
    return (
        f"{decision.value!r}{sure}"
        if answer.vocabulary is not None
        else f"{_short(decision.value)}{sure}"
    )


def _truth(frame: Frame, answer: Answer, targets: Sequence[torch.Tensor]) -> str:
    """Returns the formatted target."""
    if answer.forecasts and targets:
        return ", ".join(f"{value:.6g}" for value in np.ravel(answer.truth(targets[0]))[:_TOP_K])
    if answer.name not in frame or len(frame) != 1:
        return ""
    return str(_short(frame[answer.name].show(0)))


def _through_time(
    net: nn.Module, sample: Batch, answers: Sequence[Answer], algorithm: Loss | None
) -> tuple[list[ThroughTime], list[str]]:
    """Returns the gradients through time, or a note why there are none."""
    if algorithm is None or not sample.targets:
        return [], []
    targets = tuple(item.double() if item.is_floating_point() else item for item in sample.targets)
    losses: dict[str, Callable[[Any], torch.Tensor]] = {
        "the sample": lambda outputs: algorithm.loss(outputs, targets)
    }
    is_by_step = answers[0].codec.spec.axes[:1] == ("time",)
    if answers[0].spec.axes[:1] == ("time",) and is_by_step:  # a series has a single output
        is_padded = answers[0].spec.padded
        count = int(targets[0].count_nonzero()) if is_padded else targets[0].shape[1]
        last = (targets[0][:, count - 1 : count],)
        losses = {
            "last step": lambda outputs: algorithm.loss(outputs[:, count - 1 : count], last),
            "all steps": losses["the sample"],
        }
    try:
        return [
            item for item in through_time(net, sample.inputs, losses) if len(item.norms) > 1
        ], []
    except UnsupportedNetError as error:
        return [], [f"gradients through time are left out: {error}"]


def _input_steps(frame: Frame, codec: Codec, encoded: torch.Tensor) -> list[Step]:
    """Returns the step of the raw values, then a step per codec."""
    columns = list(dict.fromkeys(codec.columns))
    shape = encoded.shape[:1] if codec.window_length else ()
    listed = list_some(columns, 4)
    steps = [
        Step(
            "input",
            listed,
            "raw input",
            tuple(shape),
            value=_raw(frame, columns, whole=codec.window_length > 0),
        )
    ]
    steps += [
        Step("input", inner.name, inner.description, tuple(inner.value.shape), value=inner.value)
        for inner in codec.encoding_steps(frame)
    ]
    size = encoded.numel() * encoded.element_size()
    steps.append(
        Step(
            "input",
            codec.KIND.replace("_", "-"),
            codec.describe(),
            tuple(encoded.shape),
            memory=size,
            value=encoded.numpy(),
        )
    )
    return steps


def _raw_input(frame: Frame, codec: Codec) -> RawInput:
    """Returns the values of an input before they are encoded."""
    columns = {
        name: tuple(_text_of(frame[name].show(row)) for row in range(len(frame)))
        for name in dict.fromkeys(codec.columns)
    }
    times = [column for column in frame.columns if column.kind == "time"]
    texts = [column[0] for column in columns.values()] if len(frame) == 1 else []
    return RawInput(
        columns,
        tuple(codec.tokens_of(texts)),
        tuple(_text_of(times[0].show(row)) for row in range(len(frame)))
        if times and codec.window_length
        else (),
    )


def _text_of(value: object) -> str:
    """Returns a value of a column as text; empty for an array, such as an image."""
    return "" if value is None or isinstance(value, np.ndarray) else str(value)


def _raw(frame: Frame, columns: Sequence[str], *, whole: bool) -> object:
    """Returns a formatted row, or the first and last steps of a window."""
    if whole:
        column = frame[columns[0]]
        texts = [column.show(step) for step in range(len(frame))]
        if column.kind == "string":
            return shorten("".join(map(str, texts)), 60)
        return list_ends([str(_short(text)) for text in texts], 3, 2)
    if len(columns) == 1:
        return _short(frame[columns[0]].show(0))
    return list_some([f"{name}={_short(frame[name].show(0))}" for name in columns], 6)


def _short(value: object) -> object:
    if isinstance(value, np.ndarray):
        kind = "image of" if value.ndim > 1 and value.dtype.kind == "u" else "numbers:"
        sides = "x".join(str(side) for side in value.shape)
        return f"{kind} {sides}, {value.min():.4g}..{value.max():.4g}"
    if isinstance(value, float):
        return format_value(value, digits=6)
    return shorten("(missing)" if value is None else str(value), 60)

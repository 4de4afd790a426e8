"""Builds the pipeline of a table or of images: one sample per row."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kissipo.codec.labels import Labels, as_strings
from kissipo.codec.mask import MaskCodec
from kissipo.codec.numbers import Numbers
from kissipo.codec.pixels import Pixels
from kissipo.codec.tokens import Tokens
from kissipo.core.codec import Codec
from kissipo.core.errors import DataError, TaskError
from kissipo.core.finding import Finding, refuse_failures
from kissipo.core.frame import Column, Frame
from kissipo.input.augment import Augment
from kissipo.input.check import columns as column_checks
from kissipo.input.check import images as image_checks
from kissipo.input.check import masks as mask_checks
from kissipo.input.check import targets as answer_checks
from kissipo.input.check.rows import describe_divided, duplicates
from kissipo.input.formats.image_folder import MASK
from kissipo.input.lazy_dataset import LazyColumn
from kissipo.input.source_data import Reading
from kissipo.input.split import split_rows
from kissipo.input.tensor_dataset import TensorDataset
from kissipo.output.answer import Answer
from kissipo.output.answers.mask import Mask
from kissipo.pipeline.infer_types import guess_answer
from kissipo.pipeline.parse import ResolvedTask
from kissipo.pipeline.pipeline import InferredOption, Pipeline
from kissipo.pipeline.registries import ANSWERS
from kissipo.pipeline.table_codecs import check_columns, codecs_for, sort_columns

_IMAGE_SIDE, _MASK_SIDE = 64, 128
_GIGABYTE = 1_000_000_000


def build(reading: Reading, resolved: ResolvedTask, *, seed: int, strict: bool = False) -> Pipeline:
    """Returns a pipeline with codecs fitted on the training split, and all splits
    encoded.

    Raises:   DataError for data that cannot be used, saying what to do.
    """
    findings = list(reading.findings)
    frame = _readable_images(reading.frame, resolved, findings)
    answers, inferred_options = _answers(reading, resolved)
    frame = _rows_with_targets(frame, answers, resolved, findings)
    codecs = _codecs(frame, resolved, answers, findings, inferred_options)
    group = resolved.general.split.group
    groups = None if group is None else _groups(frame[group], frame.rows, findings)
    refuse_failures(findings, strict=strict)
    group_ids, duplicate_findings = _duplicates(frame, codecs, answers, resolved)
    splits = split_rows(
        len(frame),
        resolved.general.split,
        seed=seed,
        classes=_classes(frame, answers),
        together=group_ids if groups is None else groups,
        fixed=_official_split(reading, frame),
    )
    findings += describe_divided(duplicate_findings, group_ids, splits)
    train = frame.take(splits["train"])
    for codec in codecs:
        codec.fit(train)
    for answer in answers:
        if isinstance(answer, Mask):
            answer.codec.size = (codecs[0].spec.shape[1], codecs[0].spec.shape[2])
        answer.fit(train)
        remarks = answer.codec.remarks(frame) if isinstance(answer, Mask) else []
        findings += [Finding("WARN", "masks", remark) for remark in remarks]
    if resolved.source.name != "make":
        findings += _check_fitted(frame, codecs, answers)
    refuse_failures(findings, strict=strict)
    size = sum(_bytes(codec, len(frame)) for codec in _all_codecs(codecs, answers))
    in_memory = size <= getattr(resolved.source.options, "memory_limit", inf) * _GIGABYTE
    findings += [] if in_memory else [_memory_finding(size)]
    datasets = {
        name: encode(frame.take(positions), codecs, answers, in_memory=in_memory)
        for name, positions in splits.items()
    }
    names = getattr(resolved.source.options, "augment", ())
    masks = tuple(number for number, answer in enumerate(answers) if isinstance(answer, Mask))
    augment = Augment(names, masks) if names else None
    inferred = (*inferred_options, *_fitted_options(codecs))
    return Pipeline(
        frame,
        splits,
        codecs,
        answers,
        datasets,
        tuple(findings),
        inferred_options=inferred,
        augment=augment,
    )


def encode(
    frame: Frame, codecs: Sequence[Codec], answers: Sequence[Answer] = (), *, in_memory: bool = True
) -> TensorDataset:
    """Returns encoded samples, with targets if answers are passed.

    in_memory:   False: images are read and encoded when a batch needs them
    """
    inputs, targets = (
        tuple(
            codec.encode(frame) if in_memory or not _bytes(codec, 1) else LazyColumn(codec, frame)
            for codec in members
        )
        for members in (codecs, [answer.codec for answer in answers])
    )
    finishes = tuple(
        codec.finish if type(codec).finish is not Codec.finish else None for codec in codecs
    )
    return TensorDataset(inputs, targets, finishes)


def _all_codecs(codecs: Sequence[Codec], answers: Sequence[Answer]) -> tuple[Codec, ...]:
    """Returns the codecs of inputs and answers."""
    return (*codecs, *(answer.codec for answer in answers))


def _bytes(codec: Codec, samples: int) -> int:
    """Returns the bytes of the images of so many samples; other samples are small."""
    return samples * codec.spec.size if isinstance(codec, Pixels | MaskCodec) else 0


def _memory_finding(size: int) -> Finding:
    message = f"the images take {size / _GIGABYTE:.1f} GB, more than input.memory_limit"
    action = "read from disk batch by batch, again in every epoch"
    return Finding("PASS", "memory", message, action)


def encode_new(
    frame: Frame, codecs: Sequence[Codec], answers: Sequence[Answer], *, evaluated: bool = False
) -> TensorDataset:
    """Returns the samples of new rows; with targets where they are evaluated."""
    with_targets = answers if evaluated else ()
    size = sum(_bytes(codec, len(frame)) for codec in _all_codecs(codecs, with_targets))
    return encode(frame, codecs, with_targets, in_memory=size <= _GIGABYTE)


def _readable_images(frame: Frame, resolved: ResolvedTask, findings: list[Finding]) -> Frame:
    """Returns the rows whose images can be read; a table is returned unchanged."""
    if resolved.source.name != "images":
        return frame
    skip = resolved.source.options.skip_corrupt
    looks = image_checks.check_images(frame["image"])
    findings += image_checks.damage_findings(looks, skip=skip)
    refuse_failures(findings)
    readable = [number for number, look in enumerate(looks) if not look.damage]
    frame = frame.take(np.array(readable)) if len(readable) < len(looks) else frame
    findings += image_checks.change_findings(frame, [looks[number] for number in readable])
    return frame


def _answers(
    reading: Reading, resolved: ResolvedTask
) -> tuple[tuple[Answer, ...], list[InferredOption]]:
    """Returns the answers of the task, or one inferred from the answer column of the
    data."""
    losses, written = resolved.losses, resolved.answers
    if losses and len(losses) != max(1, len(written)):
        raise TaskError(
            "process.loss must name one loss for each answer",
            got=f"{len(losses)} losses, {len(written)} answers",
        )
    if not written:
        column = _answer_column(reading)
        kind, reason = guess_answer(reading.frame[column])
        return (_make(kind, column, None, losses[0] if losses else None),), [
            InferredOption(f"output.{kind}", column, f"'{column}' has {reason}")
        ]
    answers, inferred_options = [], []
    for number, component in enumerate(written):
        fitting = (
            ("category", "mask") if resolved.source.name == "images" else ("category", "number")
        )
        if component.name not in fitting:
            allowed = ", ".join(fitting)
            raise TaskError(
                f"output.{component.name} is not an answer for {resolved.source.name}",
                allowed=allowed,
            )
        column = component.value
        if component.name == "mask":
            answers.append(
                _mask_answer(
                    column, component.options, losses[number] if losses else None, reading.frame
                )
            )
            continue
        if column is None:
            column = _answer_column(reading)
            inferred_options.append(
                InferredOption(
                    f"{component.place}.{component.name}", column, "the answer column of these data"
                )
            )
        answers.append(
            _make(
                component.name, str(column), component.options, losses[number] if losses else None
            )
        )
    return tuple(answers), inferred_options


def _mask_answer(name: Any, options: Any, loss: str | None, frame: Frame) -> Answer:
    """Returns the answer for masks: classes from the named column, or a single
    class."""
    if MASK not in frame:
        raise TaskError(
            f"output.mask needs masks, and {frame.origin} comes with none",
            do="Name their folder: input.masks=FOLDER",
        )
    name = "defect" if name is None else str(name)
    by = name if name in frame and frame[name].kind == "string" else None
    return Mask(name, options, by=by, loss=loss)


def _answer_column(reading: Reading) -> str:
    if reading.answer:
        return reading.answer
    raise TaskError(
        f"which column of {reading.frame.origin} is the answer?",
        got="the columns " + ", ".join(reading.frame.names),
        do="Name it with --output COLUMN, output.category=COLUMN or output.number=COLUMN",
    )


def _make(kind: str, column: str, options: Any, loss: str | None) -> Answer:
    module = ANSWERS.find(kind, place="output")
    answer: Answer = module.ANSWER(
        column, options if options is not None else module.Options(), loss=loss
    )
    return answer


def _rows_with_masks(
    frame: Frame, answer: Mask, resolved: ResolvedTask, findings: list[Finding]
) -> Frame:
    """Returns the images that have a mask or need none."""
    name = answer.codec.column
    has_mask, mask_findings = mask_checks.without_masks(
        frame, name, resolved.source.options.missing_masks
    )
    frame = frame.take(np.flatnonzero(has_mask))
    findings += mask_findings + mask_checks.mask_findings(frame, name)
    refuse_failures(findings)
    return frame


def _rows_with_targets(
    frame: Frame, answers: Sequence[Answer], resolved: ResolvedTask, findings: list[Finding]
) -> Frame:
    """Returns the rows that have targets, with every target column in its kind."""
    for answer in answers:
        if isinstance(answer, Mask):
            frame = _rows_with_masks(frame, answer, resolved, findings)
            continue
        name, column = answer.name, frame[answer.name]
        answer_checks.refuse_all_missing(frame, name)
        if answer.WORD == "category":
            frame = frame.replaced(as_strings(column))
        elif column.kind != "number":
            raise DataError(
                f"the answer '{name}' must be a number for output.number",
                got=f"texts such as '{next(iter(column.categories), '')}'",
                do=f"Use output.category={name}, or correct the cells",
            )
        else:
            findings += column_checks.mixed_types(frame, [name]) + column_checks.infinities(
                frame, [name]
            )
            refuse_failures(findings)
        missing = answer_checks.missing_targets(frame, name)
        findings += missing
        if missing:
            frame = frame.take(np.flatnonzero(~frame[name].missing))
    for answer in answers:
        if isinstance(answer, Mask):
            continue
        if answer.WORD == "category":
            if "image" in frame and frame["image"].kind == "image":
                image_checks.refuse_rare_classes(frame, answer.name)
            findings += answer_checks.classes(frame[answer.name])
        else:
            answer_checks.refuse_one_number(frame, answer.name)
    return frame


def _codecs(
    frame: Frame,
    resolved: ResolvedTask,
    answers: Sequence[Answer],
    findings: list[Finding],
    inferred_options: list[InferredOption],
) -> tuple[Codec, ...]:
    options, group = resolved.source.options, resolved.general.split.group
    if resolved.source.name == "images":
        size = (options.size[0], options.size[-1]) if options.size else None
        has_masks = any(isinstance(answer, Mask) for answer in answers)
        max_side = _MASK_SIDE if has_masks else _IMAGE_SIDE
        return (Pixels("image", size=size, color=options.color, max_side=max_side),)
    if resolved.source.name == "make":
        inputs = [
            column
            for column in frame.columns
            if column.name not in {answer.name for answer in answers}
        ]
        numbers = Numbers(
            tuple(column.name for column in inputs if column.kind == "number"), scale=options.scale
        )
        return (*(Labels(column.name) for column in inputs if column.kind == "string"), numbers)
    columns = sort_columns(
        frame, options, reserved=[*(answer.name for answer in answers), *([group] if group else [])]
    )
    findings += check_columns(frame, columns)
    inferred_options += columns.inferred_options()
    return codecs_for(frame, columns, options)


def _duplicates(
    frame: Frame, codecs: Sequence[Codec], answers: Sequence[Answer], resolved: ResolvedTask
) -> tuple[Any, list[Finding]]:
    """Returns one number per row, equal for equal rows; generated samples may
    repeat."""
    if resolved.source.name == "make":
        return None, []
    names = [column for codec in codecs for column in codec.columns]
    # masks do not count: an image with two masks is still the same image
    names += [answer.name for answer in answers if not isinstance(answer, Mask)]
    return duplicates(frame.only(dict.fromkeys(names)))


def _groups(column: Column, rows: NDArray[Any], findings: list[Finding]) -> NDArray[Any]:
    """Returns one number per row, equal in a group; a row without a group is its
    own."""
    groups = as_strings(column).values.astype(np.int64)
    alone = np.flatnonzero(column.missing)
    if len(alone):
        message = (
            f"{len(alone):,} of {len(column):,} rows have no '{column.name}', "
            "by which the samples are split"
        )
        findings.append(
            Finding(
                "WARN",
                "groups",
                message,
                "each of them is a group of its own",
                tuple(rows[alone][:10].tolist()),
            )
        )
        groups[alone] = np.iinfo(np.int64).max - np.arange(len(alone))
    return groups


def _classes(frame: Frame, answers: Sequence[Answer]) -> Any:
    """Returns the classes that a stratified split balances: those of the first
    category."""
    if any(isinstance(answer, Mask) for answer in answers) and "class" in frame:
        return frame["class"].values
    first = next((answer for answer in answers if answer.WORD == "category"), None)
    return None if first is None else frame[first.name].values


def _official_split(reading: Reading, frame: Frame) -> dict[str, Any] | None:
    """Returns the official split, as positions in the frame without the rows left
    out."""
    if reading.parts is None:
        return None
    new_positions = np.full(len(reading.frame), -1)
    new_positions[frame.rows - 1] = np.arange(len(frame))
    return {
        name: new_positions[positions][new_positions[positions] >= 0]
        for name, positions in reading.parts.items()
    }


def _check_fitted(
    frame: Frame, codecs: Sequence[Codec], answers: Sequence[Answer]
) -> list[Finding]:
    """Checks what needs fitted codecs: target leakage, and the sizes of images."""
    findings: list[Finding] = []
    for codec in codecs:
        if isinstance(codec, Pixels):
            return image_checks.sizes(frame[codec.column], codec.size or (1, 1))
    names = [
        name
        for codec in codecs
        for name in codec.columns
        if frame[name].kind in ("number", "string")
    ]
    for answer in answers:
        findings += answer_checks.leakage(
            frame, names, answer.name, is_category=answer.WORD == "category"
        )
    return findings or [Finding("PASS", "target leakage", "no column alone determines the answer")]


def _fitted_options(codecs: Sequence[Codec]) -> list[InferredOption]:
    """Returns the options that only fitted codecs know."""
    inferred_options = []
    lengths = [codec.length for codec in codecs if isinstance(codec, Tokens)]
    if len(lengths) == 1:
        inferred_options.append(
            InferredOption(
                "input.max_length", lengths[0], "99 % of the training texts are not longer"
            )
        )
    for codec in codecs:
        if isinstance(codec, Pixels):
            limit = f"at most {codec.max_side}x{codec.max_side}"
            inferred_options.append(
                InferredOption(
                    "input.size", list(codec.size or ()), f"the size of most images, {limit}"
                )
            )
            inferred_options.append(
                InferredOption("input.color", codec.color, "the color of the training images")
            )
    return inferred_options

"""Rows as samples: how a table or a collection of images becomes features, targets and parts."""

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
from kissipo.pipeline.table_codecs import check_columns, doors_for, sort_columns

_IMAGE_SIDE, _MARKED_SIDE = 64, 128
_GIGABYTE = 1_000_000_000


def wire(reading: Reading, resolved: ResolvedTask, *, seed: int, strict: bool = False) -> Pipeline:
    """Codecs fitted on the training part, all parts encoded.

    Raises:   DataError for data that cannot be used, saying what to do.
    """
    findings = list(reading.findings)
    frame = _decodable(reading.frame, resolved, findings)
    answers, decisions = _answers(reading, resolved)
    frame = _answered(frame, answers, resolved, findings)
    codecs = _doors(frame, resolved, answers, findings, decisions)
    group = resolved.general.split.group
    groups = None if group is None else _groups(frame[group], frame.rows, findings)
    refuse_failures(findings, strict=strict)
    twin, found = _twins(frame, codecs, answers, resolved)
    parts = split_rows(
        len(frame),
        resolved.general.split,
        seed=seed,
        classes=_classes(frame, answers),
        together=twin if groups is None else groups,
        fixed=_published(reading, frame),
    )
    findings += describe_divided(found, twin, parts)
    train = frame.take(parts["train"])
    for codec in codecs:
        codec.fit(train)
    for answer in answers:
        if isinstance(answer, Mask):
            answer.codec.size = (codecs[0].spec.shape[1], codecs[0].spec.shape[2])
        answer.fit(train)
        told = answer.codec.remarks(frame) if isinstance(answer, Mask) else []
        findings += [Finding("WARN", "masks", remark) for remark in told]
    if resolved.source.word != "make":
        findings += _check_fitted(frame, codecs, answers)
    refuse_failures(findings, strict=strict)
    size = sum(_bytes(codec, len(frame)) for codec in _read_by(codecs, answers))
    kept = size <= getattr(resolved.source.options, "memory_limit", inf) * _GIGABYTE
    findings += [] if kept else [_not_kept(size)]
    datasets = {
        name: encode(frame.take(positions), codecs, answers, kept=kept)
        for name, positions in parts.items()
    }
    names = getattr(resolved.source.options, "augment", ())
    masks = tuple(number for number, answer in enumerate(answers) if isinstance(answer, Mask))
    augment = Augment(names, masks) if names else None
    decided = (*decisions, *_settled(codecs))
    return Pipeline(
        frame, parts, codecs, answers, datasets, tuple(findings), decisions=decided, augment=augment
    )


def encode(
    frame: Frame, codecs: Sequence[Codec], answers: Sequence[Answer] = (), *, kept: bool = True
) -> TensorDataset:
    """Samples for the net; without answers only the inputs. What is not kept is encoded when it is asked for."""
    inputs, targets = (
        tuple(
            codec.encode(frame) if kept or not _bytes(codec, 1) else LazyColumn(codec, frame)
            for codec in some
        )
        for some in (codecs, [answer.codec for answer in answers])
    )
    finishes = tuple(
        codec.finish if type(codec).finish is not Codec.finish else None for codec in codecs
    )
    return TensorDataset(inputs, targets, finishes)


def _read_by(codecs: Sequence[Codec], answers: Sequence[Answer]) -> tuple[Codec, ...]:
    """The codecs of inputs and answers."""
    return (*codecs, *(answer.codec for answer in answers))


def _bytes(codec: Codec, samples: int) -> int:
    """What the images of so many samples take; nothing else grows beyond measure."""
    return samples * codec.spec.size if isinstance(codec, Pixels | MaskCodec) else 0


def _not_kept(size: int) -> Finding:
    told = f"the images take {size / _GIGABYTE:.1f} GB, more than input.memory_limit"
    return Finding("PASS", "memory", told, "read from disk batch by batch, in every epoch anew")


def question(
    frame: Frame, codecs: Sequence[Codec], answers: Sequence[Answer], *, judged: bool = False
) -> TensorDataset:
    """Every row of new data, asked by itself; with their answers where they are judged."""
    asked = answers if judged else ()
    size = sum(_bytes(codec, len(frame)) for codec in _read_by(codecs, asked))
    return encode(frame, codecs, asked, kept=size <= _GIGABYTE)


def _decodable(frame: Frame, resolved: ResolvedTask, findings: list[Finding]) -> Frame:
    """Images that can be read; a table as it is."""
    if resolved.source.word != "images":
        return frame
    skip = resolved.source.options.skip_corrupt
    looks = image_checks.look_at(frame["image"])
    findings += image_checks.damage_findings(looks, skip=skip)
    refuse_failures(findings)
    whole = [number for number, look in enumerate(looks) if not look.damage]
    frame = frame.take(np.array(whole)) if len(whole) < len(looks) else frame
    findings += image_checks.change_findings(frame, [looks[number] for number in whole])
    return frame


def _answers(
    reading: Reading, resolved: ResolvedTask
) -> tuple[tuple[Answer, ...], list[InferredOption]]:
    """The answers as written, or one inferred from the column that comes as the answer."""
    losses, written = resolved.losses, resolved.answers
    if losses and len(losses) != max(1, len(written)):
        raise TaskError(
            "process.loss must name one loss for each answer",
            given=f"{len(losses)} losses, {len(written)} answers",
        )
    if not written:
        column = _asked_column(reading)
        word, reason = guess_answer(reading.frame[column])
        return (_make(word, column, None, losses[0] if losses else None),), [
            InferredOption(f"output.{word}", column, f"'{column}' has {reason}")
        ]
    answers, decisions = [], []
    for number, chosen in enumerate(written):
        fitting = (
            ("category", "mask") if resolved.source.word == "images" else ("category", "number")
        )
        if chosen.word not in fitting:
            allowed = ", ".join(fitting)
            raise TaskError(
                f"output.{chosen.word} is no answer for {resolved.source.word}", allowed=allowed
            )
        column = chosen.value
        if chosen.word == "mask":
            answers.append(
                _marks(column, chosen.options, losses[number] if losses else None, reading.frame)
            )
            continue
        if column is None:
            column = _asked_column(reading)
            decisions.append(
                InferredOption(
                    f"{chosen.place}.{chosen.word}", column, "the answer that comes with these data"
                )
            )
        answers.append(
            _make(chosen.word, str(column), chosen.options, losses[number] if losses else None)
        )
    return tuple(answers), decisions


def _marks(name: Any, options: Any, loss: str | None, frame: Frame) -> Answer:
    """What is marked: of the class of its image, where the name is that of a column, else of one kind."""
    if MASK not in frame:
        raise TaskError(
            f"output.mask needs masks, and {frame.origin} comes with none",
            do="Name their folder: input.masks=FOLDER",
        )
    name = "defect" if name is None else str(name)
    by = name if name in frame and frame[name].kind == "string" else None
    return Mask(name, options, by=by, loss=loss)


def _asked_column(reading: Reading) -> str:
    if reading.answer:
        return reading.answer
    raise TaskError(
        f"which column of {reading.frame.origin} is the answer?",
        given="the columns " + ", ".join(reading.frame.names),
        do="Say it with --output COLUMN, or output.category=COLUMN, or output.number=COLUMN",
    )


def _make(word: str, column: str, options: Any, loss: str | None) -> Answer:
    module = ANSWERS.find(word, place="output")
    answer: Answer = module.ANSWER(
        column, options if options is not None else module.Options(), loss=loss
    )
    return answer


def _marked(frame: Frame, answer: Mask, resolved: ResolvedTask, findings: list[Finding]) -> Frame:
    """The images that have a mask, or are said to need none."""
    name = answer.codec.column
    there, found = mask_checks.without_masks(frame, name, resolved.source.options.missing_masks)
    frame = frame.take(np.flatnonzero(there))
    findings += found + mask_checks.mask_findings(frame, name)
    refuse_failures(findings)
    return frame


def _answered(
    frame: Frame, answers: Sequence[Answer], resolved: ResolvedTask, findings: list[Finding]
) -> Frame:
    """The rows that can be learned from, every answer in its kind."""
    for answer in answers:
        if isinstance(answer, Mask):
            frame = _marked(frame, answer, resolved, findings)
            continue
        name, column = answer.name, frame[answer.name]
        answer_checks.refuse_no_answers(frame, name)
        if answer.WORD == "category":
            frame = frame.replaced(as_strings(column))
        elif column.kind != "number":
            raise DataError(
                f"the answer '{name}' must be a number for output.number",
                given=f"texts such as '{next(iter(column.levels), '')}'",
                do=f"Use output.category={name}, or correct the cells",
            )
        else:
            findings += column_checks.mixed_types(frame, [name]) + column_checks.infinities(
                frame, [name]
            )
            refuse_failures(findings)
        found = answer_checks.unanswered(frame, name)
        findings += found
        if found:
            frame = frame.take(np.flatnonzero(~frame[name].missing))
    for answer in answers:
        if isinstance(answer, Mask):
            continue
        if answer.WORD == "category":
            if "image" in frame and frame["image"].kind == "image":
                image_checks.refuse_lonely(frame, answer.name)
            findings += answer_checks.classes(frame[answer.name])
        else:
            answer_checks.refuse_one_number(frame, answer.name)
    return frame


def _doors(
    frame: Frame,
    resolved: ResolvedTask,
    answers: Sequence[Answer],
    findings: list[Finding],
    decisions: list[InferredOption],
) -> tuple[Codec, ...]:
    options, group = resolved.source.options, resolved.general.split.group
    if resolved.source.word == "images":
        size = (options.size[0], options.size[-1]) if options.size else None
        most = _MARKED_SIDE if any(isinstance(answer, Mask) for answer in answers) else _IMAGE_SIDE
        return (Pixels("image", size=size, color=options.color, most=most),)
    if resolved.source.word == "make":
        rest = [
            column
            for column in frame.columns
            if column.name not in {answer.name for answer in answers}
        ]
        numbers = Numbers(
            tuple(column.name for column in rest if column.kind == "number"), scale=options.scale
        )
        return (*(Labels(column.name) for column in rest if column.kind == "string"), numbers)
    columns = sort_columns(
        frame, options, reserved=[*(answer.name for answer in answers), *([group] if group else [])]
    )
    findings += check_columns(frame, columns)
    decisions += columns.decisions()
    return doors_for(frame, columns, options)


def _twins(
    frame: Frame, codecs: Sequence[Codec], answers: Sequence[Answer], resolved: ResolvedTask
) -> tuple[Any, list[Finding]]:
    """One number a row, equal for rows in which the net and the judge see the same; made samples may repeat."""
    if resolved.source.word == "make":
        return None, []
    seen = [column for codec in codecs for column in codec.columns]
    seen += [
        answer.name for answer in answers if not isinstance(answer, Mask)
    ]  # an image marked in two ways is one
    return duplicates(frame.only(dict.fromkeys(seen)))


def _groups(column: Column, rows: NDArray[Any], findings: list[Finding]) -> NDArray[Any]:
    """One number a row, equal for rows of one group; rows that name none stand alone."""
    groups = as_strings(column).values.astype(np.int64)
    alone = np.flatnonzero(column.missing)
    if len(alone):
        told = f"{len(alone):,} of {len(column):,} rows have no '{column.name}', by which the samples are split"
        findings.append(
            Finding(
                "WARN",
                "groups",
                told,
                "each of them is a group of its own",
                tuple(rows[alone][:10].tolist()),
            )
        )
        groups[alone] = np.iinfo(np.int64).max - np.arange(len(alone))
    return groups


def _classes(frame: Frame, answers: Sequence[Answer]) -> Any:
    """Class numbers by which the split keeps shares: those of the first answer that is a category."""
    if any(isinstance(answer, Mask) for answer in answers) and "class" in frame:
        return frame["class"].values
    first = next((answer for answer in answers if answer.WORD == "category"), None)
    return None if first is None else frame[first.name].values


def _published(reading: Reading, frame: Frame) -> dict[str, Any] | None:
    """The publisher's parts, as positions in the frame without the rows that were left out."""
    if reading.parts is None:
        return None
    place = np.full(len(reading.frame), -1)
    place[frame.rows - 1] = np.arange(len(frame))
    return {
        name: place[positions][place[positions] >= 0] for name, positions in reading.parts.items()
    }


def _check_fitted(
    frame: Frame, codecs: Sequence[Codec], answers: Sequence[Answer]
) -> list[Finding]:
    """What can be asked only when the doors are known: columns that give the answer away, sizes of images."""
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
    return findings or [
        Finding("PASS", "gives the answer away", "no column alone tells the answer")
    ]


def _settled(codecs: Sequence[Codec]) -> list[InferredOption]:
    """FrozenConfig that only the fitted codecs know."""
    decisions = []
    lengths = [codec.length for codec in codecs if isinstance(codec, Tokens)]
    if len(lengths) == 1:
        decisions.append(
            InferredOption(
                "input.max_length", lengths[0], "99 % of the training texts are not longer"
            )
        )
    for codec in codecs:
        if isinstance(codec, Pixels):
            most = f"at most {codec.most}x{codec.most}"
            decisions.append(
                InferredOption(
                    "input.size", list(codec.size or ()), f"the size of most images, {most}"
                )
            )
            decisions.append(
                InferredOption("input.color", codec.color, "as the training images are")
            )
    return decisions

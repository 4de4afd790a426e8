"""Rows as samples: how a table or a collection of pictures becomes features, targets and parts."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kissipo.codec.labels import Labels, as_strings
from kissipo.codec.mask import Mask
from kissipo.codec.numbers import Numbers
from kissipo.codec.pixels import Pixels
from kissipo.codec.tokens import Tokens
from kissipo.core.codec import Door
from kissipo.core.errors import DataError, TaskError
from kissipo.core.finding import Finding, refuse_failures
from kissipo.core.frame import Column, Frame
from kissipo.input.augment import Augment
from kissipo.input.check import columns as column_checks
from kissipo.input.check import images as image_checks
from kissipo.input.check import masks as mask_checks
from kissipo.input.check import targets as answer_checks
from kissipo.input.check.rows import tell_divided, twins
from kissipo.input.formats.image_folder import MASK
from kissipo.input.lazy_dataset import OnDisk
from kissipo.input.source_data import Reading
from kissipo.input.split import split_rows
from kissipo.input.tensor_dataset import TensorFeed
from kissipo.output.answer import Answer
from kissipo.output.answers.mask import Marks
from kissipo.pipeline.infer_types import guess_answer
from kissipo.pipeline.parse import Choices
from kissipo.pipeline.pipeline import Decision, Wiring
from kissipo.pipeline.registries import ANSWERS
from kissipo.pipeline.table_codecs import check_columns, doors_for, sort_columns

_PICTURE_SIDE, _MARKED_SIDE = 64, 128
_GIGABYTE = 1_000_000_000


def wire(reading: Reading, choices: Choices, *, seed: int, strict: bool = False) -> Wiring:
    """Codecs fitted on the training part, all parts encoded.

    Raises:   DataError for data that cannot be used, saying what to do.
    """
    findings = list(reading.findings)
    frame = _decodable(reading.frame, choices, findings)
    answers, decisions = _answers(reading, choices)
    frame = _answered(frame, answers, choices, findings)
    doors = _doors(frame, choices, answers, findings, decisions)
    group = choices.general.split.group
    groups = None if group is None else _groups(frame[group], frame.rows, findings)
    refuse_failures(findings, strict=strict)
    twin, found = _twins(frame, doors, answers, choices)
    parts = split_rows(
        len(frame),
        choices.general.split,
        seed=seed,
        classes=_classes(frame, answers),
        together=twin if groups is None else groups,
        fixed=_published(reading, frame),
    )
    findings += tell_divided(found, twin, parts)
    train = frame.take(parts["train"])
    for door in doors:
        door.fit(train)
    for answer in answers:
        if isinstance(answer, Marks):
            answer.codec.size = (doors[0].port.shape[1], doors[0].port.shape[2])
        answer.fit(train)
        told = answer.codec.remarks(frame) if isinstance(answer, Marks) else []
        findings += [Finding("WARN", "masks", remark) for remark in told]
    if choices.source.word != "make":
        findings += _check_fitted(frame, doors, answers)
    refuse_failures(findings, strict=strict)
    size = sum(_bytes(door, len(frame)) for door in _read_by(doors, answers))
    kept = size <= getattr(choices.source.options, "memory_limit", inf) * _GIGABYTE
    findings += [] if kept else [_not_kept(size)]
    feeds = {name: encode(frame.take(positions), doors, answers, kept=kept) for name, positions in parts.items()}
    names = getattr(choices.source.options, "augment", ())
    masks = tuple(number for number, answer in enumerate(answers) if isinstance(answer, Marks))
    augment = Augment(names, masks) if names else None
    decided = (*decisions, *_settled(doors))
    return Wiring(frame, parts, doors, answers, feeds, tuple(findings), decisions=decided, augment=augment)


def encode(frame: Frame, doors: Sequence[Door], answers: Sequence[Answer] = (), *, kept: bool = True) -> TensorFeed:
    """Samples for the net; without answers only the inputs. What is not kept is encoded when it is asked for."""
    inputs, targets = (
        tuple(door.encode(frame) if kept or not _bytes(door, 1) else OnDisk(door, frame) for door in some)
        for some in (doors, [answer.codec for answer in answers])
    )
    finishes = tuple(door.finish if type(door).finish is not Door.finish else None for door in doors)
    return TensorFeed(inputs, targets, finishes)


def _read_by(doors: Sequence[Door], answers: Sequence[Answer]) -> tuple[Door, ...]:
    """The codecs of inputs and answers."""
    return (*doors, *(answer.codec for answer in answers))


def _bytes(door: Door, samples: int) -> int:
    """What the pictures of so many samples take; nothing else grows beyond measure."""
    return samples * door.port.size if isinstance(door, Pixels | Mask) else 0


def _not_kept(size: int) -> Finding:
    told = f"the pictures take {size / _GIGABYTE:.1f} GB, more than input.memory_limit"
    return Finding("PASS", "memory", told, "read from disk batch by batch, in every epoch anew")


def question(frame: Frame, doors: Sequence[Door], answers: Sequence[Answer], *, judged: bool = False) -> TensorFeed:
    """Every row of new data, asked by itself; with their answers where they are judged."""
    asked = answers if judged else ()
    size = sum(_bytes(door, len(frame)) for door in _read_by(doors, asked))
    return encode(frame, doors, asked, kept=size <= _GIGABYTE)


def _decodable(frame: Frame, choices: Choices, findings: list[Finding]) -> Frame:
    """Pictures that can be read; a table as it is."""
    if choices.source.word != "images":
        return frame
    skip = choices.source.options.skip_corrupt
    looks = image_checks.look_at(frame["picture"])
    findings += image_checks.damage_findings(looks, skip=skip)
    refuse_failures(findings)
    whole = [number for number, look in enumerate(looks) if not look.damage]
    frame = frame.take(np.array(whole)) if len(whole) < len(looks) else frame
    findings += image_checks.change_findings(frame, [looks[number] for number in whole])
    return frame


def _answers(reading: Reading, choices: Choices) -> tuple[tuple[Answer, ...], list[Decision]]:
    """The answers as written, or one inferred from the column that comes as the answer."""
    losses, written = choices.losses, choices.answers
    if losses and len(losses) != max(1, len(written)):
        raise TaskError(
            "process.loss must name one loss for each answer", given=f"{len(losses)} losses, {len(written)} answers"
        )
    if not written:
        column = _asked_column(reading)
        word, reason = guess_answer(reading.frame[column])
        return (_make(word, column, None, losses[0] if losses else None),), [
            Decision(f"output.{word}", column, f"'{column}' has {reason}")
        ]
    answers, decisions = [], []
    for number, chosen in enumerate(written):
        fitting = ("category", "mask") if choices.source.word == "images" else ("category", "number")
        if chosen.word not in fitting:
            allowed = ", ".join(fitting)
            raise TaskError(f"output.{chosen.word} is no answer for {choices.source.word}", allowed=allowed)
        column = chosen.value
        if chosen.word == "mask":
            answers.append(_marks(column, chosen.options, losses[number] if losses else None, reading.frame))
            continue
        if column is None:
            column = _asked_column(reading)
            decisions.append(Decision(f"{chosen.place}.{chosen.word}", column, "the answer that comes with these data"))
        answers.append(_make(chosen.word, str(column), chosen.options, losses[number] if losses else None))
    return tuple(answers), decisions


def _marks(name: Any, options: Any, loss: str | None, frame: Frame) -> Answer:
    """What is marked: of the class of its picture, where the name is that of a column, else of one kind."""
    if MASK not in frame:
        raise TaskError(
            f"output.mask needs masks, and {frame.origin} comes with none", do="Name their folder: input.masks=FOLDER"
        )
    name = "defect" if name is None else str(name)
    by = name if name in frame and frame[name].kind == "string" else None
    return Marks(name, options, by=by, loss=loss)


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
    answer: Answer = module.ANSWER(column, options if options is not None else module.Options(), loss=loss)
    return answer


def _marked(frame: Frame, answer: Marks, choices: Choices, findings: list[Finding]) -> Frame:
    """The pictures that have a mask, or are said to need none."""
    name = answer.codec.column
    there, found = mask_checks.without_masks(frame, name, choices.source.options.missing_masks)
    frame = frame.take(np.flatnonzero(there))
    findings += found + mask_checks.mask_findings(frame, name)
    refuse_failures(findings)
    return frame


def _answered(frame: Frame, answers: Sequence[Answer], choices: Choices, findings: list[Finding]) -> Frame:
    """The rows that can be learned from, every answer in its kind."""
    for answer in answers:
        if isinstance(answer, Marks):
            frame = _marked(frame, answer, choices, findings)
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
            findings += column_checks.mixed_types(frame, [name]) + column_checks.infinities(frame, [name])
            refuse_failures(findings)
        found = answer_checks.unanswered(frame, name)
        findings += found
        if found:
            frame = frame.take(np.flatnonzero(~frame[name].missing))
    for answer in answers:
        if isinstance(answer, Marks):
            continue
        if answer.WORD == "category":
            if "picture" in frame and frame["picture"].kind == "picture":
                image_checks.refuse_lonely(frame, answer.name)
            findings += answer_checks.classes(frame[answer.name])
        else:
            answer_checks.refuse_one_number(frame, answer.name)
    return frame


def _doors(
    frame: Frame, choices: Choices, answers: Sequence[Answer], findings: list[Finding], decisions: list[Decision]
) -> tuple[Door, ...]:
    options, group = choices.source.options, choices.general.split.group
    if choices.source.word == "images":
        size = (options.size[0], options.size[-1]) if options.size else None
        most = _MARKED_SIDE if any(isinstance(answer, Marks) for answer in answers) else _PICTURE_SIDE
        return (Pixels("picture", size=size, color=options.color, most=most),)
    if choices.source.word == "make":
        rest = [column for column in frame.columns if column.name not in {answer.name for answer in answers}]
        numbers = Numbers(tuple(column.name for column in rest if column.kind == "number"), scale=options.scale)
        return (*(Labels(column.name) for column in rest if column.kind == "string"), numbers)
    columns = sort_columns(frame, options, reserved=[*(answer.name for answer in answers), *([group] if group else [])])
    findings += check_columns(frame, columns)
    decisions += columns.decisions()
    return doors_for(frame, columns, options)


def _twins(
    frame: Frame, doors: Sequence[Door], answers: Sequence[Answer], choices: Choices
) -> tuple[Any, list[Finding]]:
    """One number a row, equal for rows in which the net and the judge see the same; made samples may repeat."""
    if choices.source.word == "make":
        return None, []
    seen = [column for door in doors for column in door.columns]
    seen += [answer.name for answer in answers if not isinstance(answer, Marks)]  # a picture marked in two ways is one
    return twins(frame.only(dict.fromkeys(seen)))


def _groups(column: Column, rows: NDArray[Any], findings: list[Finding]) -> NDArray[Any]:
    """One number a row, equal for rows of one group; rows that name none stand alone."""
    groups = as_strings(column).values.astype(np.int64)
    alone = np.flatnonzero(column.missing)
    if len(alone):
        told = f"{len(alone):,} of {len(column):,} rows have no '{column.name}', by which the samples are split"
        findings.append(
            Finding("WARN", "groups", told, "each of them is a group of its own", tuple(rows[alone][:10].tolist()))
        )
        groups[alone] = np.iinfo(np.int64).max - np.arange(len(alone))
    return groups


def _classes(frame: Frame, answers: Sequence[Answer]) -> Any:
    """Class numbers by which the split keeps shares: those of the first answer that is a category."""
    if any(isinstance(answer, Marks) for answer in answers) and "class" in frame:
        return frame["class"].values
    first = next((answer for answer in answers if answer.WORD == "category"), None)
    return None if first is None else frame[first.name].values


def _published(reading: Reading, frame: Frame) -> dict[str, Any] | None:
    """The publisher's parts, as positions in the frame without the rows that were left out."""
    if reading.parts is None:
        return None
    place = np.full(len(reading.frame), -1)
    place[frame.rows - 1] = np.arange(len(frame))
    return {name: place[positions][place[positions] >= 0] for name, positions in reading.parts.items()}


def _check_fitted(frame: Frame, doors: Sequence[Door], answers: Sequence[Answer]) -> list[Finding]:
    """What can be asked only when the doors are known: columns that give the answer away, sizes of pictures."""
    findings: list[Finding] = []
    for door in doors:
        if isinstance(door, Pixels):
            return image_checks.sizes(frame[door.column], door.size or (1, 1))
    names = [name for door in doors for name in door.columns if frame[name].kind in ("number", "string")]
    for answer in answers:
        findings += answer_checks.giveaways(frame, names, answer.name, is_category=answer.WORD == "category")
    return findings or [Finding("PASS", "gives the answer away", "no column alone tells the answer")]


def _settled(doors: Sequence[Door]) -> list[Decision]:
    """Words that only the fitted codecs know."""
    decisions = []
    lengths = [door.length for door in doors if isinstance(door, Tokens)]
    if len(lengths) == 1:
        decisions.append(Decision("input.max_length", lengths[0], "99 % of the training texts are not longer"))
    for door in doors:
        if isinstance(door, Pixels):
            most = f"at most {door.most}x{door.most}"
            decisions.append(Decision("input.size", list(door.size or ()), f"the size of most pictures, {most}"))
            decisions.append(Decision("input.color", door.color, "as the training pictures are"))
    return decisions

"""Builds the pipeline of a table or of images: one sample per row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from kissipo.codec.labels import as_strings
from kissipo.core.codec import Codec, columns_of
from kissipo.core.errors import TaskError
from kissipo.core.finding import Finding, first_rows, refuse_failures
from kissipo.core.frame import Column, Frame
from kissipo.core.inferred_option import InferredOption
from kissipo.core.json_object import JsonObject
from kissipo.core.numpy_array import NumpyArray
from kissipo.core.protocols import Augmentation
from kissipo.core.schema import option_infos
from kissipo.input.bucketing import Texts
from kissipo.input.check.rows import describe_divided, duplicates
from kissipo.input.check.time_order import MIN_RESEMBLANCE, MIN_ROWS, resemblance
from kissipo.input.documents import DocumentOptions
from kissipo.input.infer_types import guess_answer
from kissipo.input.lazy_dataset import EncodedColumn, LazyColumn, RaggedColumn
from kissipo.input.sample_weights import check_weights, mean_one, weights_finding
from kissipo.input.series_names import find_series
from kissipo.input.source import Source
from kissipo.input.source_data import Reading
from kissipo.input.split import Split, split_rows
from kissipo.input.table_codecs import ColumnOptions
from kissipo.input.tensor_dataset import TensorDataset
from kissipo.output.answer import Answer
from kissipo.output.unlabeled import unlabeled_finding
from kissipo.pipeline.parse import Component, ResolvedTask
from kissipo.pipeline.pipeline import Pipeline
from kissipo.pipeline.registries import ANSWERS

UNUSED_OPTIONS = (DocumentOptions, "title")
_GIGABYTE = 1_000_000_000
_MIN_DISTINCT = 0.9


def build(reading: Reading, resolved: ResolvedTask, *, seed: int, strict: bool = False) -> Pipeline:
    """Returns a pipeline with codecs fitted on the training split, and all splits
    encoded.

    Raises:   DataError for data that cannot be used, saying what to do.
    """
    source: Source[Any] = resolved.source.module.SOURCE
    options, group = resolved.source.options, resolved.general.split.group
    findings = list(reading.findings)
    frame = source.usable_rows(reading.frame, options, findings)
    answers, inferred_options = _answers(reading, resolved)
    options, needed = _with_needed(options, answers, resolved.source.written)
    inferred_options = [*reading.inferred_options, *inferred_options, *needed]
    usable = frame
    frame = _rows_with_targets(frame, answers, resolved, findings)
    unlabeled = _unlabeled(usable, frame, answers, findings)
    targets = [column for answer in answers for column in answer.codec.columns]
    codecs = source.input_codecs(
        frame,
        options,
        reserved=[*targets, *([group] if group else []), *_side_columns(frame, answers, options)],
        per_pixel=any(answer.IN_IMAGE for answer in answers),
        findings=findings,
        inferred_options=inferred_options,
    )
    for answer in answers:
        codecs = tuple(answer.adapt_inputs(codecs))
    with_own_codec = _take_over_codecs(source, codecs, answers, options)
    groups = _groups_of(frame, answers, resolved, findings)
    refuse_failures(findings, strict=strict)
    group_ids, duplicate_findings = None, list[Finding]()
    if not source.is_generated:
        compared = source.compared_columns(_used_columns(codecs, answers), options)
        group_ids, duplicate_findings = duplicates(frame.only(compared))
    split, order = _split_in_time(frame, targets, resolved, findings, inferred_options)
    refuse_failures(findings, strict=strict)
    strata = (answer.strata(frame) for answer in answers)
    splits = split_rows(
        len(frame),
        split,
        seed=seed,
        classes=next((classes for classes in strata if classes is not None), None),
        together=group_ids if groups is None else groups,
        fixed=_official_split(reading, frame, split, findings),
    )
    if order is not None and split.method == "time":
        splits = {name: np.sort(order[positions]) for name, positions in splits.items()}
    findings += describe_divided(duplicate_findings, group_ids, splits)
    weights = _split_weights(source.weight_column(options), frame, targets, splits, findings)
    _fit(codecs, answers, frame.take(splits["train"]))
    findings += [item for answer in with_own_codec for item in answer.fitted_findings(frame)]
    findings += _fitted_findings(source, frame, codecs, answers, splits)
    inferred_options += _fitted_by_answers(answers, resolved)
    refuse_failures(findings, strict=strict)
    size = _bytes(codecs, answers, len(frame))
    in_memory = size <= source.memory_limit(options) * _GIGABYTE
    findings += [] if in_memory else [_memory_finding(size)]
    texts = Texts(_texts(codecs), _texts([answer.codec for answer in answers]))
    datasets = {
        name: replace(
            encode(frame.take(positions), codecs, answers, in_memory=in_memory),
            weights=weights.get(name),
            texts=texts if source.groups_by_length(options) else None,
        )
        for name, positions in splits.items()
    }
    return Pipeline(
        frame,
        splits,
        codecs,
        answers,
        datasets,
        tuple(findings),
        inferred_options=_with_fitted(inferred_options, codecs, resolved),
        augment=_augment(source, options, codecs, answers),
        unlabeled=unlabeled,
    )


def _texts(codecs: Sequence[Codec]) -> tuple[int, ...]:
    """Returns the positions of the codecs whose steps have padding at the end."""
    specs = [codec.spec for codec in codecs]
    return tuple(
        place
        for place, spec in enumerate(specs)
        if spec.is_padded_sequence or (spec.padded and spec.axes[-1:] == ("time",))
    )


def _unlabeled(
    frame: Frame, labeled: Frame, answers: Sequence[Answer], findings: list[Finding]
) -> Frame | None:
    """Returns the rows without a target; None where there are none, or an answer is
    about the pixels of an image."""
    if len(labeled) == len(frame) or any(answer.IN_IMAGE for answer in answers):
        return None
    unlabeled = frame.take(np.flatnonzero(~np.isin(frame.rows, labeled.rows)))
    findings.append(unlabeled_finding(unlabeled))
    return unlabeled


def _take_over_codecs(
    source: Source[object], codecs: Sequence[Codec], answers: Sequence[Answer], options: object
) -> list[Answer]:
    """Gives each answer the codec that the source has for it; returns the answers that
    keep their own.

    The source reports on its own codecs.
    """
    others = []
    for answer in answers:
        codec = source.target_codec(codecs, answer.name, options)
        if codec is None:
            others.append(answer)
        else:
            answer.codec = codec
    return others


def _augment(
    source: Source[object], options: object, codecs: Sequence[Codec], answers: Sequence[Answer]
) -> Augmentation | None:
    """Returns the random changes in training, with the targets to change."""
    masks, boxes = (
        tuple(number for number, answer in enumerate(answers) if kind == answer.IN_IMAGE)
        for kind in ("mask", "box")
    )
    return source.augment(options, codecs, masks=masks, boxes=boxes)


def _fitted_findings(
    source: Source[object],
    frame: Frame,
    codecs: Sequence[Codec],
    answers: Sequence[Answer],
    splits: Mapping[str, NDArray[np.int64]],
) -> list[Finding]:
    """Returns what the source reports of fitted codecs, and of inputs that give the
    target away."""
    findings = source.fitted_findings(frame, codecs, [answer.codec for answer in answers], splits)
    checked = [name for answer in answers if answer.CHECKS_LEAKAGE for name in answer.codec.columns]
    if checked and not source.is_generated:
        findings = [*findings, *source.check_fitted(frame, codecs, checked)]
    return findings


def _fit(codecs: Sequence[Codec], answers: Sequence[Answer], train: Frame) -> None:
    for codec in codecs:
        codec.fit(train)
    for answer in answers:
        answer.fit_inputs([codec.spec for codec in codecs]).fit(train)


def _split_in_time(
    frame: Frame,
    targets: Sequence[str],
    resolved: ResolvedTask,
    findings: list[Finding],
    inferred_options: list[InferredOption],
) -> tuple[Split, NDArray[np.int64] | None]:
    """Returns the split, by time where rows resemble their neighbors in time, and the
    rows in order of time; None keeps the order of the file."""
    source: Source[Any] = resolved.source.module.SOURCE
    split = resolved.general.split
    column = source.row_times(frame, resolved.source.options, findings)
    if column is None or column.missing.any() or len(frame) < MIN_ROWS:
        return split, None
    order = np.argsort(column.values, kind="stable")
    if split.method == "random" or split.group or split.folds or split.fold or not split.test:
        return split, None
    groups = _series_of_rows(frame, column, targets)
    if groups is None:
        return split, None
    likeness = {name: resemblance(frame[name], order, groups) for name in targets}
    target = max(likeness, key=lambda name: likeness[name], default=None)
    if target is None or likeness[target] < MIN_RESEMBLANCE:
        return split, None
    if split.method is not None:
        return split, order
    message = (
        f"'{target}' resembles its neighbors in '{column.name}' ({likeness[target]:.2f}, "
        "where 1 is equal and 0 is chance): a random split would leak"
    )
    action = "split by time; input.split.method=random changes that"
    findings.append(Finding("WARN", "order of time", message, action))
    reason = f"'{target}' resembles its neighbors in '{column.name}'"
    inferred_options.append(InferredOption("input.split.method", "time", reason))
    return replace(split, method="time"), order


def _series_of_rows(
    frame: Frame, column: Column, targets: Sequence[str]
) -> NDArray[np.int64] | None:
    """Returns the number of the series of each row; None where rows share timestamps
    without a column that names series."""
    if len(np.unique(column.values)) >= _MIN_DISTINCT * len(column):
        return np.zeros(len(column), dtype=np.int64)
    match = find_series(frame.replaced(column), column.name, targets)
    if match is None:
        return None
    codes = np.stack([as_strings(frame[name]).values for name in match[0]], axis=1)
    return np.unique(codes, axis=0, return_inverse=True)[1].reshape(-1)


def encode(
    frame: Frame, codecs: Sequence[Codec], answers: Sequence[Answer] = (), *, in_memory: bool = True
) -> TensorDataset:
    """Returns encoded samples, with targets if answers are passed.

    in_memory:   False: images are read and encoded when a batch needs them
    """
    members = (codecs, [answer.codec for answer in answers])
    inputs, targets = (
        tuple(_encoded(codec, frame, in_memory=in_memory) for codec in some) for some in members
    )
    finishes, target_finishes = (
        tuple(codec.finish if type(codec).finish is not Codec.finish else None for codec in some)
        for some in members
    )
    return TensorDataset(inputs, targets, finishes, target_finishes)


def _encoded(codec: Codec, frame: Frame, *, in_memory: bool) -> Tensor | LazyColumn:
    """Returns an input of all samples."""
    if codec.lazy_bytes and not in_memory:
        return EncodedColumn(codec, frame)
    ragged = codec.ragged(frame)
    return codec.encode(frame) if ragged is None else RaggedColumn(*ragged)


def _split_weights(
    column: str | None,
    frame: Frame,
    targets: Sequence[str],
    splits: Mapping[str, NDArray[np.int64]],
    findings: list[Finding],
) -> dict[str, Tensor]:
    """Returns the sample weights of the splits that have a loss, if there are any."""
    if column is None:
        return {}
    if column in targets:
        raise TaskError(
            f"input.sample_weight names '{column}', which is the answer",
            do="Name a column of weights",
        )
    weights = check_weights(frame[column], frame.rows)
    findings.append(weights_finding(column, weights))
    return {
        name: mean_one(weights[splits[name]], column, name)
        for name in ("train", "validation")
        if len(splits[name])
    }


def _bytes(codecs: Sequence[Codec], answers: Sequence[Answer], samples: int) -> int:
    """Returns the bytes of so many large samples; other samples are not counted."""
    members = (*codecs, *(answer.codec for answer in answers))
    return samples * sum(codec.lazy_bytes for codec in members)


def _memory_finding(size: int) -> Finding:
    message = f"the images take {size / _GIGABYTE:.1f} GB, more than input.memory_limit"
    action = "read from disk batch by batch, again in every epoch"
    return Finding("PASS", "memory", message, action)


def encode_new(
    frame: Frame, codecs: Sequence[Codec], answers: Sequence[Answer], *, evaluated: bool = False
) -> TensorDataset:
    """Returns the samples of new rows; with targets where they are evaluated."""
    with_targets = answers if evaluated else ()
    in_memory = _bytes(codecs, with_targets, len(frame)) <= _GIGABYTE
    return encode(frame, codecs, with_targets, in_memory=in_memory)


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
        guess = guess_answer(reading.frame[column])
        module, loss = ANSWERS.find(guess.kind, place="output"), losses[0] if losses else None
        answer: Answer = module.ANSWER.for_rows(
            column, module.Options(), loss=loss, frame=reading.frame
        )
        return (answer,), [guess.inferred_option()]
    answers, inferred_options = [], []
    for number, component in enumerate(written):
        _refuse_unsuitable(component, resolved.source)
        answer_class: type[Answer] = component.module.ANSWER
        value = component.value
        if value is None and answer_class.NAMES_COLUMN:
            value = _answer_column(reading)
            place = f"{component.place}.{component.name}"
            inferred_options.append(InferredOption(place, value, "the answer column of these data"))
        loss = losses[number] if losses else None
        answers.append(
            answer_class.for_rows(value, component.options, loss=loss, frame=reading.frame)
        )
    return tuple(answers), inferred_options


def _fitted_by_answers(answers: Sequence[Answer], resolved: ResolvedTask) -> list[InferredOption]:
    """Returns the options that the answers inferred from their targets."""
    places = [component.place for component in resolved.answers] or ["output"]
    return [
        replace(option, place=f"{place}.{option.place}")
        for place, answer in zip(places, answers, strict=True)
        for option in answer.fitted_options()
    ]


def _refuse_unsuitable(answer: Component, source: Component) -> None:
    """Refuses an answer when neither the source names it, nor it the source."""
    suitable: tuple[str, ...] = source.module.SOURCE.answers
    if answer.name not in suitable and source.name not in answer.module.ANSWER.SOURCES:
        raise TaskError(
            f"output.{answer.name} is not an answer for {source.name}",
            allowed=", ".join(suitable),
        )


def _answer_column(reading: Reading) -> str:
    if reading.answer:
        return reading.answer
    raise TaskError(
        f"which column of {reading.frame.origin} is the answer?",
        got="the columns " + ", ".join(reading.frame.names),
        do="Name it with --output COLUMN, output.category=COLUMN or output.number=COLUMN",
    )


def _rows_with_targets(
    frame: Frame, answers: Sequence[Answer], resolved: ResolvedTask, findings: list[Finding]
) -> Frame:
    """Returns the rows that have targets, with every target column in its kind."""
    source: Source[Any] = resolved.source.module.SOURCE
    missing = source.missing_targets(resolved.source.options)
    split = resolved.general.split
    for answer in answers:
        answer.is_tested = bool(split.test or split.folds)
        frame = answer.usable_rows(frame, findings, missing=missing)
    for answer in answers:
        if answer.IN_IMAGE != "mask":
            findings += source.check_targets(frame, answer.codec.columns)
        findings += answer.check_targets(frame)
    return frame


def _used_columns(codecs: Sequence[Codec], answers: Sequence[Answer]) -> list[str]:
    """Returns the columns that are encoded.

    Masks and boxes do not count: an image with two masks is still the same image.
    """
    targets = [answer for answer in answers if not answer.IN_IMAGE]
    return columns_of([*codecs, *(answer.codec for answer in targets)])


def _with_needed(
    options: object, answers: Sequence[Answer], written: Sequence[str]
) -> tuple[object, list[InferredOption]]:
    """Returns the options of the source, with those that the answers need and the task
    does not have; and a list of the latter."""
    assert is_dataclass(options) and not isinstance(options, type)
    names = option_infos(type(options))
    needed = {
        option.place.partition(".")[2]: option
        for answer in answers
        for option in answer.input_options()
    }
    needed = {name: needed[name] for name in needed if name in names and name not in written}
    changes = {name: option.value for name, option in needed.items()}
    return replace(options, **changes), list(needed.values())


def _side_columns(frame: Frame, answers: Sequence[Answer], options: object) -> list[str]:
    """Returns columns that an answer keeps from the net, unless the task names them as
    inputs."""
    columns = options if isinstance(options, ColumnOptions) else ColumnOptions()
    named = set(columns.named_columns())
    return [name for answer in answers for name in answer.side_columns(frame) if name not in named]


def _groups_of(
    frame: Frame, answers: Sequence[Answer], resolved: ResolvedTask, findings: list[Finding]
) -> NumpyArray | None:
    """Returns the number of the group of each row, by the task or by an answer."""
    split = resolved.general.split
    if split.group is not None:
        return _groups(frame[split.group], frame.rows, findings)
    columns = (answer.groups(frame) for answer in answers)
    column = next((column for column in columns if column is not None), None)
    if column is None or split.method is not None:
        return None
    count = len(as_strings(column).used_categories())
    message = f"rows with the same '{column.name}' stay in one split ({count:,} groups)"
    action = "input.split.method=random divides them"
    findings.append(Finding("PASS", "groups", message, action))
    return _groups(column, frame.rows, findings)


def _groups(column: Column, rows: NDArray[np.int64], findings: list[Finding]) -> NumpyArray:
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
                first_rows(rows[alone]),
            )
        )
        groups[alone] = np.iinfo(np.int64).max - np.arange(len(alone))
    return groups


def _official_split(
    reading: Reading, frame: Frame, split: Split, findings: list[Finding]
) -> JsonObject | None:
    """Returns the official split, as positions in the frame without the rows left
    out; None where the task wants a random one."""
    if reading.parts is None:
        return None
    if split.method == "random":
        message = "the published split is not used, as input.split.method=random says"
        findings.append(Finding("PASS", "split", message, "the split is drawn at random"))
        return None
    new_positions = np.full(len(reading.frame), -1)
    new_positions[frame.rows - 1] = np.arange(len(frame))
    return {
        name: new_positions[positions][new_positions[positions] >= 0]
        for name, positions in reading.parts.items()
    }


def _with_fitted(
    inferred: Sequence[InferredOption], codecs: Sequence[Codec], resolved: ResolvedTask
) -> tuple[InferredOption, ...]:
    """Returns the inferred options that the source has, with those of fitted codecs.

    Where several codecs set the same option, it stays open.
    """
    fitted = [option for codec in codecs for option in codec.fitted_options()]
    counts = Counter(option.place for option in fitted)
    own = option_infos(resolved.source.module.Options)
    return tuple(
        option
        for option in (*inferred, *fitted)
        if counts[option.place] <= 1
        and (not option.place.startswith("input.") or option.place.split(".")[1] in {*own, "split"})
    )

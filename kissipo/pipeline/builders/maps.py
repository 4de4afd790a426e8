"""Builds the pipeline of a map: all samples are mapped, and there is no target column.

A sample is a row of numbers. Texts are read as the weights of their terms. A column of
few classes colors the map, and is no input. The test split are at most 2,000 of the
same samples, which the metrics compare and the report draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kissipo.codec.bag_of_words import BagOfWords
from kissipo.core.codec import Codec
from kissipo.core.errors import DataError, TaskError
from kissipo.core.finding import Finding, refuse_failures
from kissipo.core.frame import Frame, strings
from kissipo.core.inferred_option import InferredOption
from kissipo.core.schema import option_infos
from kissipo.core.seeds import drawn
from kissipo.input.check.rows import duplicates
from kissipo.input.documents import DocumentOptions
from kissipo.input.formats.documents import NAME, TEXT
from kissipo.input.infer_types import guess_kinds
from kissipo.input.source import O, Source
from kissipo.input.source_data import Reading
from kissipo.input.table_codecs import ColumnOptions
from kissipo.input.tensor_dataset import TensorDataset
from kissipo.output.answer import Answer
from kissipo.output.answers.map import Map
from kissipo.pipeline.builders import rows
from kissipo.pipeline.parse import Component, ResolvedTask
from kissipo.pipeline.pipeline import Pipeline

UNUSED_OPTIONS = (
    *("window", "vocab_size", "min_count", "tokenizer", "tokenizer_file", "max_length"),
    *("split", "batch_size", "bucketing", "sample_weight", "questions", "queries", "title"),
    *("augment", "noise", "masks", "missing_masks", "boxes", "missing_boxes", "ids"),
)
MAX_COMPARED = 2_000
_MIN_SAMPLES = 5
_MAX_CLASSES = 20  # of a column that colors the map unasked


def read(source: Source[O], value: object, options: O) -> Reading:
    """Returns the samples of the source; a source of plain text gives its documents.

    Queries are no documents, and left out. Documents in several folders have the column
    `folder`.
    """
    if not _is_text(options):
        reading: Reading = source.read(value, options)
        return reading
    reading = source.documents(value, options)
    frame = reading.frame
    if reading.parts is not None:
        frame = frame.take(reading.parts["train"])
    texts = [str(frame[TEXT].show(row) or "") for row in range(len(frame))]
    names = [str(name) for name in frame[NAME].texts()]
    columns = [strings(NAME, names), strings(TEXT, texts)]
    folders = [name.partition("/")[0] if "/" in name else "" for name in names]
    if len(set(folders)) > 1:
        columns.append(strings("folder", [folder or None for folder in folders]))
    return replace(reading, frame=Frame(tuple(columns), frame.origin, frame.rows), answer="")


def parse_values(
    source: Source[O], values: Sequence[object], options: O, codecs: Sequence[Codec]
) -> Frame:
    """Returns the samples that are placed on the map."""
    if _is_text(options):
        return source.parse_documents(values, options, codecs)
    return source.parse_values(values, options, codecs)


def build(reading: Reading, resolved: ResolvedTask, *, seed: int, strict: bool = False) -> Pipeline:
    """Returns a pipeline whose codecs are fitted on all samples.

    Raises:   DataError for too few samples, and for columns that are no numbers;
              TaskError for a number of dimensions that does not suit.
    """
    source: Source[Any] = resolved.source.module.SOURCE
    component, findings = resolved.answers[0], list(reading.findings)
    dimensions = _dimensions(component)
    frame = source.usable_rows(reading.frame, resolved.source.options, findings)
    inferred = list(reading.inferred_options)
    color = _color(component, reading, frame, resolved.source.options, inferred)
    codecs = _codecs(resolved.source, frame, color, findings, inferred)
    refuse_failures(findings, strict=strict)
    _refuse_few(frame, dimensions)
    for codec in codecs:
        codec.fit(frame)
    _refuse_ids(codecs)
    columns = [name for codec in codecs for name in codec.columns]
    findings += _equal_samples(frame.only(source.compared_columns(columns, None)))
    refuse_failures(findings, strict=strict)
    answer = Map(dimensions, color=color or "")
    everything = np.arange(len(frame))
    tested = drawn(len(frame), MAX_COMPARED, "compared on a map")
    train = rows.encode(frame, codecs)
    datasets = {
        "train": replace(train, targets=(torch.zeros(len(frame), 0),)),
        "validation": _with_rows(train, everything[:0]),
        "test": _with_rows(train, tested),
    }
    return Pipeline(
        frame,
        {"train": everything, "validation": everything[:0], "test": tested},
        codecs,
        (answer,),
        datasets,
        tuple(findings),
        inferred_options=tuple(inferred),
    )


def encode_new(
    frame: Frame, codecs: Sequence[Codec], answers: Sequence[Answer], *, evaluated: bool = False
) -> TensorDataset:
    """Returns new samples; with themselves as the truth if evaluated."""
    dataset = rows.encode(frame, codecs)
    return _with_rows(dataset, np.arange(len(frame))) if evaluated else dataset


def _is_text(options: object) -> bool:
    """Returns whether the source is a plain text, whose samples are documents."""
    return isinstance(options, DocumentOptions) and not isinstance(options, ColumnOptions)


def _with_rows(dataset: TensorDataset, positions: NDArray[np.int64]) -> TensorDataset:
    """Returns some samples, whose truth are their encoded rows."""
    some = dataset.take(torch.from_numpy(positions))
    inputs = some.everything().inputs
    flat = torch.cat([x.flatten(1).float() for x in inputs], dim=1)
    return replace(some, targets=(flat,), target_finishes=())


def _dimensions(component: Component) -> int:
    value = 2 if component.value is None else component.value
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise TaskError(
            "output.map is the number of dimensions of the map",
            got=repr(value),
            allowed="an integer of at least 1, usually 2",
        )
    return value


def _color(
    component: Component,
    reading: Reading,
    frame: Frame,
    options: object,
    inferred: list[InferredOption],
) -> str | None:
    """Returns the column that colors the map, which is no input.

    Raises:   DataError when the named column is missing.
    """
    written = component.options.color
    if written is not None:
        return None if written == "none" and "none" not in frame else frame[written].name
    columns = options if isinstance(options, ColumnOptions) else ColumnOptions()
    named = set(columns.named_columns())
    found, reason = reading.answer, "the answer column of these data"
    if not found or found not in frame or found in named:
        found, reason = _class_column(frame, named), "the last column of few classes"
    if not found:
        return None
    reason += "; it is no input of the net, output.color=none makes it one"
    inferred.append(InferredOption("output.color", found, reason))
    return found


def _class_column(frame: Frame, named: set[str]) -> str:
    """Returns the last column of texts that are a few classes; "" without one."""
    names = [column.name for column in frame.columns if column.kind == "string"]
    guesses = guess_kinds(frame, [name for name in names if name not in named])
    classes = [
        guess.column
        for guess in guesses
        if guess.kind == "category" and len(frame[guess.column].counts()) <= _MAX_CLASSES
    ]
    return classes[-1] if classes else ""


def _codecs(
    component: Component,
    frame: Frame,
    color: str | None,
    findings: list[Finding],
    inferred: list[InferredOption],
) -> tuple[Codec, ...]:
    """Returns the codecs of the inputs, which are not fitted yet."""
    options, written = component.options, component.written
    if _is_text(options):
        terms = options.term_options()
        return (BagOfWords(TEXT, options=terms, weighting="tf_idf", scale="none"),)
    weighs_terms = "bag_of_words" in option_infos(type(options)) and "bag_of_words" not in written
    if weighs_terms:
        options = replace(options, bag_of_words="tf_idf")
    source: Source[Any] = component.module.SOURCE
    codecs = source.input_codecs(
        frame,
        options,
        reserved=[color] if color else [],
        per_pixel=False,
        findings=findings,
        inferred_options=inferred,
    )
    if weighs_terms and any(isinstance(codec, BagOfWords) for codec in codecs):
        reason = "a map needs numbers: each text becomes the weights of its terms"
        inferred.append(InferredOption("input.bag_of_words", "tf_idf", reason))
    return codecs


def _refuse_few(frame: Frame, dimensions: int) -> None:
    if len(frame) < _MIN_SAMPLES:
        raise DataError(
            f"{frame.origin} has too few samples for a map",
            got=f"{len(frame)} samples",
            allowed=f"at least {_MIN_SAMPLES}",
        )
    if dimensions >= len(frame):
        raise TaskError(
            "a map has fewer dimensions than there are samples",
            got=f"output.map={dimensions} for {len(frame):,} samples",
            allowed=f"1 to {len(frame) - 1}",
        )


def _refuse_ids(codecs: Sequence[Codec]) -> None:
    """Refuses inputs that are read as ids, between which there are no distances."""
    for codec in codecs:
        if codec.spec.vocab_size:
            raise DataError(
                f"'{codec.spec.name}' is read as ids, and a map needs numbers",
                got=f"{codec.spec.vocab_size:,} different values",
                do=f"Leave the column out with input.drop=[{codec.spec.name}]",
            )


def _equal_samples(frame: Frame) -> list[Finding]:
    """Returns how many samples are equal to others."""
    groups, findings = duplicates(frame)
    if groups is None and findings[0].level == "PASS":
        return findings
    action = "kept; equal samples have one place on the map"
    return [replace(finding, action=action) for finding in findings]

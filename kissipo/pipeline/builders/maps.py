"""Builds the pipeline of a map: all samples are mapped, and there is no target column.

A sample is a row of numbers. Texts are read as the weights of their terms. A column of
few classes colors the map, and the net does not see it. The test split are at most
2,000 of the same samples, which the metrics compare and the report draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from kissipo.codec.bag_of_words import BagOfWords
from kissipo.core.codec import Codec
from kissipo.core.errors import DataError, TaskError
from kissipo.core.finding import Finding, refuse_failures
from kissipo.core.frame import Frame, strings
from kissipo.core.inferred_option import InferredOption
from kissipo.core.module_state import eval_mode
from kissipo.core.protocols import batches
from kissipo.core.schema import option_infos
from kissipo.core.seeds import drawn
from kissipo.input.check.rows import duplicates
from kissipo.input.documents import DocumentOptions
from kissipo.input.formats.documents import NAME, TEXT
from kissipo.input.infer_types import guess_kinds
from kissipo.input.source import O, Source
from kissipo.input.source_data import Reading
from kissipo.input.sources.run import Options as RunOptions
from kissipo.input.table_codecs import ColumnOptions
from kissipo.input.tensor_dataset import TensorDataset
from kissipo.output.answer import Answer
from kissipo.output.answers.map import Map
from kissipo.pipeline.builders import rows
from kissipo.pipeline.builders._layer_of_run import LayerOfRun, TrainedRun, trained_run
from kissipo.pipeline.parse import Component, ResolvedTask
from kissipo.pipeline.pipeline import Pipeline
from kissipo.pipeline.registries import NETS

UNUSED_OPTIONS = (
    *("window", "vocab_size", "min_count", "tokenizer", "tokenizer_file", "max_length"),
    *("split", "batch_size", "bucketing", "sample_weight", "questions", "queries", "title"),
    *("augment", "noise", "masks", "missing_masks", "boxes", "missing_boxes", "ids"),
)
MAX_COMPARED = 2_000
_BATCH = 256  # samples that pass a net at once
_MIN_SAMPLES = 5
_MAX_CLASSES = 20  # of a column that colors the map unasked


def read(source: Source[O], value: object, options: O) -> Reading:
    """Returns the samples of the source; a source of plain text gives its documents.

    Queries are no documents, and left out. Documents in several folders have the column
    `folder`. A layer of a run gets the samples of the run.
    """
    if isinstance(options, RunOptions):
        run = trained_run(value)
        inner = run.resolved.source
        reading = inner.module.SOURCE.unlabeled(inner.value, inner.options)
        return replace(reading, answer=run.target)
    if not _is_text(options):
        return source.unlabeled(value, options)
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


def value_source(resolved: ResolvedTask) -> Component:
    """Returns the source that parses values to predict: of a layer that of its run."""
    run = _run_of(resolved)
    return resolved.source if run is None else run.resolved.source


def build(reading: Reading, resolved: ResolvedTask, *, seed: int, strict: bool = False) -> Pipeline:
    """Returns a pipeline whose codecs are fitted on all samples.

    Raises:   DataError for too few samples, and for columns that are no numbers;
              TaskError for a number of dimensions that does not suit.
    """
    component, findings = resolved.answers[0], list(reading.findings)
    run = _run_of(resolved)
    read_by = resolved.source if run is None else run.resolved.source
    source: Source[object] = read_by.module.SOURCE
    dimensions = _dimensions(component)
    _refuse_other_nets(resolved)
    frame = source.usable_rows(reading.frame, read_by.options, findings)
    inferred = list(reading.inferred_options)
    color = _color(component, reading, frame, read_by.options, inferred)
    if run is None:
        codecs = _codecs(read_by, frame, color, findings, inferred)
        refuse_failures(findings, strict=strict)
        _refuse_few(frame, dimensions)
        for codec in codecs:
            codec.fit(frame)
        _refuse_ids(codecs)
    else:
        codecs = run.codecs
        _refuse_few(frame, dimensions)
    front = _front_of(run, resolved)
    if front is not None and resolved.source.options.layer is None:
        reason = "the last layer before the output"
        inferred.append(InferredOption("input.layer", front.layer, reason))
    columns = [name for codec in codecs for name in codec.columns]
    findings += _equal_samples(frame.only(source.compared_columns(columns, None)))
    refuse_failures(findings, strict=strict)
    answer = Map(dimensions, color=color or "")
    everything = np.arange(len(frame))
    tested = drawn(len(frame), MAX_COMPARED, "compared on a map")
    train = _with_rows(rows.encode(frame, codecs), front)
    datasets = {
        "train": train,
        "validation": train.take(slice(0, 0)),
        "test": train.take(torch.from_numpy(tested)),
    }
    _refuse_equal(datasets["test"])
    return Pipeline(
        frame,
        {"train": everything, "validation": everything[:0], "test": tested},
        codecs,
        (answer,),
        datasets,
        tuple(findings),
        inferred_options=tuple(inferred),
    )


def front_net(resolved: ResolvedTask) -> LayerOfRun | None:
    """Returns the net of a run up to a layer, where the task maps a layer of a run."""
    return _front_of(_run_of(resolved), resolved)


def encode_new(
    frame: Frame, codecs: Sequence[Codec], answers: Sequence[Answer], *, evaluated: bool = False
) -> TensorDataset:
    """Returns new samples; with themselves as the truth if evaluated."""
    dataset = rows.encode(frame, codecs)
    return _with_rows(dataset) if evaluated else dataset


def _is_text(options: object) -> bool:
    """Returns whether the source is a plain text, whose samples are documents."""
    return isinstance(options, DocumentOptions) and not isinstance(options, ColumnOptions)


def _run_of(resolved: ResolvedTask) -> TrainedRun | None:
    """Returns the run whose layer is mapped, if the source is one."""
    source = resolved.source
    return trained_run(source.value) if isinstance(source.options, RunOptions) else None


def _front_of(run: TrainedRun | None, resolved: ResolvedTask) -> LayerOfRun | None:
    return None if run is None else LayerOfRun(run, resolved.source.options.layer)


def _with_rows(dataset: TensorDataset, front: LayerOfRun | None = None) -> TensorDataset:
    """Returns samples whose truth are their encoded rows, or what a layer of a run
    makes of them."""
    parts = (dataset.batch(part).inputs for part in batches(len(dataset), _BATCH))
    if front is None:
        rows = [torch.cat([x.flatten(1).float() for x in inputs], dim=1) for inputs in parts]
    else:
        with eval_mode(front), torch.no_grad():
            rows = [front(*inputs) for inputs in parts]
    return replace(dataset, targets=(torch.cat(rows),), target_finishes=())


def _refuse_other_nets(resolved: ResolvedTask) -> None:
    """Refuses a net that does not place samples on a map."""
    if resolved.net is not None and not resolved.net.module.MAPS:
        names = [name for name in NETS.names() if NETS.find(name, place="process.net").MAPS]
        raise TaskError(
            f"process.net={resolved.net.name} does not place samples on a map",
            allowed=", ".join(names),
        )


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
    """Returns the column that colors the map, which the net does not see.

    Raises:   DataError when the named column is missing.
    """
    written = component.options.color_by
    if written is not None:
        return None if written == "none" and "none" not in frame else frame[written].name
    columns = options if isinstance(options, ColumnOptions) else ColumnOptions()
    named = set(columns.named_columns())
    column, reason = reading.answer, "the answer column of these data"
    if not column or column not in frame or column in named:
        column, reason = _class_column(frame, named), "the last column of few classes"
    if not column:
        return None
    reason += "; the net sees it only with output.color_by=none"
    inferred.append(InferredOption("output.color_by", column, reason))
    return column


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
    source: Source[object] = component.module.SOURCE
    codecs = source.input_codecs(
        frame,
        options,
        reserved=[color] if color else [],
        per_pixel=False,
        findings=findings,
        inferred_options=inferred,
    )
    if weighs_terms and any(codec.spec.unit for codec in codecs):
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


def _refuse_equal(compared: TensorDataset) -> None:
    """Refuses samples that are all equal once they are encoded."""
    rows = compared.truth(0)
    if bool((rows == rows[0]).all()):
        raise DataError(
            "all samples are equal, so that there is nothing to map",
            got=f"{len(rows):,} times the same row",
            do="Name columns that differ between the samples",
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

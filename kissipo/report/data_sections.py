"""Sections of the report on the data: the check, samples, the classes, augmentation."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch

from kissipo.core.description import Bars, Gallery, Image, Line, Record, Section, Table
from kissipo.core.seeds import torch_generator
from kissipo.core.text import describe, shorten
from kissipo.output.series_sections import series_chart
from kissipo.pipeline.experiment import Experiment
from kissipo.pipeline.pipeline import Pipeline
from kissipo.report.tables import findings_table, inferred_options_table, splits_table

_MAX_CLASSES, _MAX_IMAGES, _MAX_ROWS, _MAX_COLUMNS = 40, 12, 3, 8
_MAX_TEXT, _MAX_CAPTION, _PASSAGE = 120, 40, 400
_NUM_EXAMPLES, _TIMES = 4, 3


def data_sections(experiment: Experiment) -> list[Section]:
    """Returns the check of the data, the splits, and some samples."""
    pipeline = experiment.pipeline
    records: list[Record] = [
        Line(f"{pipeline.frame.origin}: {len(pipeline.frame):,} rows."),
        findings_table(pipeline.findings),
    ]
    inferred: list[Record] = []
    if experiment.inferred_options:
        text = "They are written to task.yaml, where you can change them."
        inferred = [inferred_options_table(experiment.inferred_options), Line(text, "dim")]
    return [
        Section("Data check", records),
        Section("Splits", _splits(pipeline)),
        Section("Samples of the data", _samples(pipeline)),
        Section("Inferred settings", inferred),
    ]


def augmented_section(experiment: Experiment, seed: int) -> Section:
    """Returns some training samples before and after augmentation, as images."""
    augment, train = experiment.pipeline.augment, experiment.pipeline.datasets["train"]
    if augment is None:
        return Section("Augmentation", [])
    batch = train.batch(torch.arange(min(_NUM_EXAMPLES, len(train))))
    changed = [
        augment(batch, torch_generator(seed, "augment", 0, step)).inputs[0]
        for step in range(_TIMES)
    ]
    captions = ["original", *(f"augmented: {number}" for number in range(1, 1 + _TIMES))]
    codec = experiment.pipeline.codecs[0]
    images_of_samples = [
        map(codec.as_image, some) for some in zip(batch.inputs[0], *changed, strict=True)
    ]
    galleries = [
        Gallery([[Image(image)] for image in images if image is not None], captions)
        for images in images_of_samples
    ]
    what = "images" if codec.is_image else "samples"
    text = f"Training {what} are augmented anew in every epoch: {augment.describe()}."
    return Section("Augmentation", [Line(text), *galleries])


def _splits(pipeline: Pipeline) -> list[Record]:
    """Returns the sizes of the splits, and the balance of the classes."""
    train = pipeline.datasets["train"]
    if not train.targets:
        return []
    records: list[Record] = [splits_table(pipeline, max_classes=_MAX_CLASSES)]
    counts = pipeline.answers[0].split_counts(partial(train.truth, 0)) if len(train) else {}
    if 1 < len(counts) <= _MAX_CLASSES:
        bars = Bars({name: float(count) for name, count in counts.items()}, first="")
        records.append(Section("Examples per class in the training split", [bars]))
    return records


def _samples(pipeline: Pipeline) -> list[Record]:
    """Returns images, rows, the beginning of a text, or the series itself."""
    frame, train = pipeline.frame, pipeline.splits.get("train", np.zeros(0, dtype=np.int64))
    if not len(train) or pipeline.world is not None:
        return []
    if pipeline.codecs[0].is_image:
        return _images(pipeline)
    answer = pipeline.answers[0]
    if answer.vocabulary is not None:
        tokens = frame.columns[0].texts()[int(train[0]) :][:_PASSAGE]
        blank = "" if answer.vocabulary.unit == "characters" else " "
        return [Line(blank.join(str(token) for token in tokens), "text")]
    if any(codec.window_length for codec in pipeline.codecs):
        name = next(iter(answer.variables), answer.name)
        if name not in frame or frame[name].kind != "number" or len(pipeline.starts) > 2:
            return []
        window = sum(codec.window_length for codec in pipeline.codecs)
        test = pipeline.splits["test"] + window
        text = "The shaded steps belong to the test split, which is not used in training."
        note = [Line(text, "dim")] if len(test) else []
        return [series_chart(frame, name, test), *note]
    names = [
        *(name for answer in pipeline.answers for name in answer.codec.columns if name in frame),
        *(name for codec in pipeline.codecs for name in codec.columns),
    ]
    names = list(dict.fromkeys(names))[:_MAX_COLUMNS]
    some = train[:_MAX_ROWS]
    rows = [
        [str(frame.rows[row]), *(_cell_text(frame[name].show(row)) for name in names)]
        for row in some.tolist()
    ]
    captions = [f"row {row}: {', '.join(cells)}" for row, *cells in rows]
    taken = frame.take(some)
    drawn = [item for codec in pipeline.codecs for item in codec.row_drawings(taken, captions)]
    return drawn or [Table(["row", *names], rows)]


def _images(pipeline: Pipeline) -> list[Record]:
    """Returns training images with their targets: of each class one, then the first."""
    train, answer = pipeline.datasets["train"], pipeline.answers[0]
    strata = answer.strata(pipeline.frame.take(pipeline.splits["train"]))
    first = np.arange(len(train)) if strata is None else np.unique(strata, return_index=True)[1]
    if len(first) < _MAX_IMAGES:
        others = np.setdiff1d(np.arange(min(len(train), 2 * _MAX_IMAGES)), first)
        first = np.concatenate([np.sort(first), others])
    some = torch.from_numpy(first[:_MAX_IMAGES].astype(np.int64))
    images = train.batch(some).inputs[0]
    if not train.targets:
        return [Gallery([[Image(image)] for image in images], [""] * len(images))]
    truths = answer.truth(train.truth(0, some))
    if answer.IN_IMAGE == "mask":
        groups = [[Image(image, mask=mask)] for image, mask in zip(images, truths, strict=True)]
        return [Gallery(groups, [""] * len(groups), classes=answer.classes)]
    captions = [shorten(answer.describe_target(truth), _MAX_CAPTION) for truth in truths]
    return [Gallery([[Image(image)] for image in images], captions)]


def _cell_text(value: object) -> str:
    return shorten(describe(value), _MAX_TEXT)

"""The report of a run: data, training, scores, mistakes, how to reproduce it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from kissipo.core.description import Gallery, Image, Line, Section, Table
from kissipo.core.finding import counted
from kissipo.core.json_object import JsonMapping, JsonObject
from kissipo.core.seeds import torch_generator
from kissipo.engine.evaluate import SplitEvaluation
from kissipo.engine.run_folder import ENVIRONMENT, REPORT, RunFolder
from kissipo.inspect.trace import Trace
from kissipo.output.answer import EvaluationData
from kissipo.output.score import Score
from kissipo.pipeline.experiment import Experiment
from kissipo.pipeline.resolve import writable
from kissipo.report import page, render
from kissipo.report.image_sections import looked_at
from kissipo.report.sections import (
    score_section,
    through_time_section,
    training_section,
    verdict_section,
)
from kissipo.report.tables import (
    chains_table,
    findings_table,
    inferred_options_table,
    splits_table,
    trace_summary,
    trace_table,
)

_MAX_CLASSES, _MAX_LENGTH = 40, 160
_NUM_EXAMPLES, _TIMES = 4, 3


@dataclass(frozen=True)
class Results:
    """The results of training and evaluation that the report shows.

    history:     one row per epoch
    seconds:     of training
    evaluation:  the predictions for the evaluated samples, where there are samples
    trace:       of one sample through the trained net
    examples:    sections on single samples
    """

    history: Sequence[JsonObject]
    best_epoch: int
    seconds: float
    scores: Sequence[Score]
    trace: Trace
    evaluation: SplitEvaluation | None = None
    examples: Sequence[page.Section] = ()


def write_report(folder: RunFolder, experiment: Experiment, results: Results) -> None:
    """Writes `report.html`."""
    environment = folder.read_json(ENVIRONMENT)
    eval_metrics = [answer.monitor for answer in experiment.pipeline.answers]
    epochs = experiment.algorithm.epochs if experiment.pipeline.world is None else 0
    described = [
        verdict_section(results.scores),
        *(score_section(score) for score in results.scores if not score.is_replaced),
        _data(experiment),
        *_augmented(experiment, int(environment["seed"])),
        _data_flow(results.trace),
        through_time_section(results.trace.through_time),
        training_section(
            results.history,
            eval_metrics,
            best_epoch=results.best_epoch,
            max_epochs=epochs,
            is_monitored=experiment.algorithm.monitor is not None,
        ),
        *_answer_sections(experiment, results),
    ]
    content = [
        *render.sections(*described),
        *results.examples,
        *render.sections(_reproduce(experiment, environment, folder)),
    ]
    subtitle = (
        f"kissipo {environment['kissipo']}, torch {environment['torch']}, "
        f"seed {environment['seed']}, {results.seconds:.1f} s of training on "
        f"{counted(environment['training_threads'], 'thread')}"
    )
    title = f"{experiment.task.name or 'run'}: Input → Process → Output"
    folder.write_text(REPORT, page.page(title, subtitle, content))


def _answer_sections(experiment: Experiment, results: Results) -> Sequence[Section]:
    """Returns what the net, the algorithm and the first answer describe."""
    score, pipeline, net = results.scores[0], experiment.pipeline, experiment.net
    own = [section for detail in score.described_details for section in detail.sections]
    if score.is_replaced:
        return own
    evaluation, part = results.evaluation, pipeline.eval_split

    def heat_maps(images: Tensor, classes: Sequence[int]) -> tuple[Tensor, str]:
        heat = looked_at(net, images, score.answer, classes)
        return heat.maps, heat.describe()

    data = EvaluationData(
        score.net,
        pipeline.frame,
        pipeline.splits[part],
        pipeline.codecs,
        None if evaluation is None else evaluation.scores[0],
        None if evaluation is None else evaluation.truths[0],
        pipeline.season_length,
        lambda samples: pipeline.datasets[part].batch(torch.from_numpy(samples)).inputs,
        heat_maps,
    )
    return [*own, *score.answer.sections(data)]


def _data(experiment: Experiment) -> Section:
    pipeline = experiment.pipeline
    records: list[Line | Table] = [
        Line(f"{pipeline.frame.origin}: {len(pipeline.frame):,} rows."),
        findings_table(pipeline.findings),
    ]
    if pipeline.datasets["train"].targets:
        records.append(splits_table(pipeline, max_classes=_MAX_CLASSES))
    if experiment.inferred_options:
        text = "Inferred settings, written to task.yaml, where you can change them:"
        records += [Line(text), inferred_options_table(experiment.inferred_options)]
    return Section("Data", records)


def _data_flow(trace: Trace) -> Section:
    records: list[Line | Table] = [
        trace_table(trace, max_length=_MAX_LENGTH),
        Line(f"{trace_summary(trace)}, through the trained model.", "dim"),
    ]
    if trace.chains:
        text = "The chain rule with numbers, for half the squared error of this example:"
        records += [Line(text), chains_table(trace.chains)]
    return Section("Data flow", records)


def _augmented(experiment: Experiment, seed: int) -> list[Section]:
    """Returns some training images before and after augmentation."""
    augment, train = experiment.pipeline.augment, experiment.pipeline.datasets["train"]
    if augment is None:
        return []
    batch = train.batch(torch.arange(min(_NUM_EXAMPLES, len(train))))
    changed = [
        augment(batch, torch_generator(seed, "augment", 0, step)).inputs[0]
        for step in range(_TIMES)
    ]
    captions = ["original", *(f"augmented: {number}" for number in range(1, 1 + _TIMES))]
    galleries = [
        Gallery([[Image(image)] for image in images], captions)
        for images in zip(batch.inputs[0], *changed, strict=True)
    ]
    text = f"Training images are augmented anew in every epoch: {augment.describe()}."
    return [Section("Augmentation", [Line(text), *galleries])]


def _reproduce(experiment: Experiment, environment: JsonMapping, folder: RunFolder) -> Section:
    task = writable(experiment.task, experiment.resolved.source.name)
    command = f"kissipo fit {folder.path}/task.yaml --seed {environment['seed']}"
    texts = (command, task.to_yaml(), json.dumps(environment, indent=1))
    return Section("How to reproduce this run", [Line(text, "code") for text in texts])

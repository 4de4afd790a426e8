"""The report of a run: data, data flow, training, scores, mistakes, and how to reproduce it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kissipo.codec.board import Board
from kissipo.core.finding import counted
from kissipo.core.seeds import torch_generator
from kissipo.core.text import format_value, shorten
from kissipo.engine.evaluate import SplitEvaluation
from kissipo.engine.run_folder import ENVIRONMENT, REPORT, RunFolder
from kissipo.input.decompose import decompose
from kissipo.inspect.trace import Trace, format_array
from kissipo.output.answers.anomaly import Anomaly
from kissipo.output.answers.category import Category
from kissipo.output.answers.forecast import Forecast
from kissipo.output.answers.mask import Mask
from kissipo.output.score import Score
from kissipo.pipeline.experiment import Experiment
from kissipo.pipeline.pipeline import Pipeline
from kissipo.pipeline.resolve import writable
from kissipo.pipeline.series_targets import anomaly_labels_of
from kissipo.process.layers.surfaces import height
from kissipo.report import sections
from kissipo.report.board_drawing import board, boards
from kissipo.report.confused_images import confused, kinds
from kissipo.report.gallery import gallery
from kissipo.report.image_sections import heat_gallery, is_heatable, mask_sections
from kissipo.report.page import Section, page, preformatted, table

_WORST = 12
_MAX_COLUMNS = 8
_NUM_EXAMPLES, _TIMES = 4, 3


@dataclass(frozen=True)
class Results:
    """The results of training and evaluation that the report shows.

    history:     one row per epoch
    seconds:     of training
    evaluation:  the predictions for the evaluated samples, where there are samples
    errors:      of anomaly detection the error of every evaluated step, and the number of the first
    trace:       of one sample through the trained net
    examples:    sections on single samples
    """

    history: Sequence[dict[str, Any]]
    best_epoch: int
    seconds: float
    scores: Sequence[Score]
    trace: Trace
    evaluation: SplitEvaluation | None = None
    errors: tuple[NDArray[np.float64], int] | None = None
    examples: Sequence[Section] = ()


def write_report(folder: RunFolder, experiment: Experiment, results: Results) -> None:
    """Writes `report.html`."""
    environment = folder.read_json(ENVIRONMENT)
    eval_metrics = [answer.monitor for answer in experiment.pipeline.answers]
    epochs = getattr(experiment.config, "epochs", 0) or 0
    training = sections.curves(
        results.history, eval_metrics, best_epoch=results.best_epoch, asked_epochs=epochs
    )
    scored = [item for item in results.scores if "paths" not in item.net.details]
    content = [
        Section("Verdict", sections.verdicts(results.scores)),
        *(Section(f"Score of '{item.answer.name}'", sections.scores(item)) for item in scored),
        Section("Data", _data(experiment)),
        *_season(experiment),
        *_augmented(experiment, int(environment["seed"])),
        Section("Data flow", _data_flow(results.trace)),
        Section("Gradients through time", _through_time(results.trace)),
        Section("Training", training),
        *_answers(experiment, results),
        *results.examples,
        Section("How to reproduce this run", _reproduce(experiment, environment, folder)),
    ]
    subtitle = (
        f"kissipo {environment['kissipo']}, torch {environment['torch']}, seed {environment['seed']}, "
        f"{results.seconds:.1f} s of training on {counted(environment['training_threads'], 'thread')}"
    )
    folder.write_text(
        REPORT,
        page(f"{experiment.task.name or 'run'}: Input → Process → Output", subtitle, content),
    )


def _data(experiment: Experiment) -> str:
    pipeline = experiment.pipeline
    rows = [[item.level, item.message, item.action] for item in pipeline.findings]
    content = f"<p>{escape(pipeline.frame.origin)}: {len(pipeline.frame):,} rows.</p>"
    content += table(["check", "finding", "action"], rows, classes=[row[0] for row in rows])
    content += _parts(pipeline)
    if experiment.inferred_options:
        decided = [
            [item.place, _listed(item.value), item.reason] for item in experiment.inferred_options
        ]
        content += "<p>Inferred settings, written to task.yaml, where you can change them:</p>"
        content += table(["option", "value", "reason"], decided)
    return content


def _season(experiment: Experiment) -> list[Section]:
    """Trend, season and remainder of the first forecast series."""
    pipeline = experiment.pipeline
    answer = pipeline.answers[0]
    if not isinstance(answer, Forecast | Anomaly):
        return []
    record = decompose(pipeline.frame[answer.variables[0]].values, pipeline.season_length)
    if record is None:
        return []
    timestamps, unit = _times_of(experiment, np.arange(len(pipeline.frame)))
    return [
        Section(
            "Trend and season", sections.seasons(record, timestamps, unit, pipeline.season_length)
        )
    ]


def _parts(pipeline: Pipeline) -> str:
    """The number of samples of each split and of each class."""
    answer: Any = pipeline.answers[0]
    if answer.WORD == "actions":
        return ""
    rows = [[name, f"{len(dataset):,}"] for name, dataset in pipeline.datasets.items()]
    classes = (
        answer.classes
        if answer.WORD == "category" and len(answer.classes) <= sections.MAX_CLASSES
        else ()
    )
    for row, dataset in zip(rows, pipeline.datasets.values(), strict=True):
        if classes:
            counts = np.bincount(dataset.truth(0).numpy(), minlength=len(classes))
            row += [f"{count:,}" for count in counts]
    return table(["split", "samples", *classes], rows, numbers=range(1, 2 + len(classes)))


def _data_flow(trace: Trace) -> str:
    rows, classes, before = [], [], ""
    for step in trace.steps:
        classes.append("stage" if step.stage != before else "")
        stage, before = (step.stage if step.stage != before else ""), step.stage
        value = (
            format_array(step.value, max_values=6)
            if isinstance(step.value, np.ndarray)
            else _listed(step.value)
        )
        costs = [
            f"{count:,}" if count else ""
            for count in (step.parameters, step.multiplications, step.memory)
        ]
        rows.append(
            [
                stage,
                step.name,
                step.description,
                "×".join(str(side) for side in step.shape),
                *costs,
                value,
            ]
        )
    titles = [
        "",
        "step",
        "what happens",
        "shape",
        "params",
        "MACs",
        "bytes",
        "one example (trained model)",
    ]
    content = table(titles, rows, numbers=(4, 5, 6), classes=classes)
    content += f'<p class="dim">{trace.parameters:,} parameters, {trace.multiplications:,} MACs for one example.</p>'
    if trace.chains:
        chains = []
        for item in trace.chains:
            factors = " · ".join(f"{factor.name} {factor.value:.6g}" for factor in item.factors)
            chains.append([item.weight, factors, f"{item.product:.9f}", f"{item.autograd:.9f}"])
        content += "<p>The chain rule with numbers, for half the squared error of this example:</p>"
        content += table(["weight", "factors", "dL/dw", "autograd"], chains, numbers=(2, 3))
    return content


def _through_time(trace: Trace) -> str:
    """How far back through time the gradients of this example reach."""
    norms: dict[str, dict[str, tuple[float, ...]]] = {}
    reaches: dict[str, list[str]] = {}
    for item in trace.through_time:
        name = item.layer + ("" if item.forward else ", backward")
        norms.setdefault(item.loss, {})[name] = item.norms
        steps = counted(item.reach, "step")
        reach = (
            f"falls below 1% of its maximum {steps} back"
            if item.reach < len(item.norms)
            else "reaches the first step"
        )
        text = f"{name}: {reach}" + (
            f", first to last {item.ratio:.3g}" if item.ratio is not None else ""
        )
        reaches.setdefault(item.loss, []).append(text)
    return sections.through_time(
        norms, {loss: "; ".join(text) + "." for loss, text in reaches.items()}
    )


def _answers(experiment: Experiment, results: Results) -> list[Section]:
    score = results.scores[0]
    details = score.net.details
    if "paths" in details:
        drawn = sections.unrolled_layers(
            details["paths"],
            lambda surface, x, y: float(height(surface, torch.tensor([x, y, 0.0]))),
        )
        return [Section("Optimizer paths", drawn)]
    if "policy" in details:
        return [Section("Policy", sections.policy(details["policy"]))]
    record = (
        [Section("Weights", sections.weights(details["weights"]))] if "weights" in details else []
    )
    if "confusion" in details and len(details["classes"]) <= sections.MAX_CLASSES:
        record.append(
            Section(
                "Confusion matrix",
                sections.confusion(details) + _confused(experiment.pipeline, score, results),
            )
        )
    if "inspection" in details:
        record.append(Section("Cost of errors", sections.costs(details["inspection"])))
    if "precision_recall" in details:
        record.append(Section("Precision and recall", sections.precision_recall(details)))
    if results.evaluation is None:
        return record
    answers, truth = results.evaluation.scores[0], results.evaluation.truths[0]
    if score.answer.WORD == "number":
        record.append(Section("Predictions and targets", sections.beside_truth(answers, truth)))
    if isinstance(score.answer, Mask):
        return [
            *record,
            Section(
                "Masks",
                sections.overlaps(details)
                + mask_sections(experiment.pipeline, score, answers, truth),
            ),
        ]
    if isinstance(score.answer, Anomaly):
        assert results.errors is not None
        return [*record, Section("Alarms", _alarms(experiment, score, *results.errors))]
    if isinstance(score.answer, Forecast):
        timestamps, unit = _timestamps(experiment)
        drawn = sections.forecasts(answers, truth, score.answer.margins, details, timestamps, unit)
        record.append(Section("Forecasts and observations", drawn))
    return [*record, Section("Worst predictions", _worst(experiment, score, answers, truth))]


def _alarms(experiment: Experiment, score: Score, errors: NDArray[np.float64], first: int) -> str:
    """The series with its alarms and labeled windows, and the errors below it, from the step `first` on."""
    pipeline, answer = experiment.pipeline, score.answer
    assert isinstance(answer, Anomaly)
    timestamps, unit = _times_of(experiment, np.arange(len(pipeline.frame)))
    values = pipeline.frame[answer.variables[0]].values
    labels = (
        None
        if answer.options.anomaly_labels is None
        else anomaly_labels_of(pipeline.frame, answer.options.anomaly_labels)
    )
    return sections.alarms(
        values, errors, first, labels, score.net.details, timestamps, unit, answer.variables[0]
    )


def _timestamps(experiment: Experiment) -> tuple[list[float], str]:
    """The times of the evaluated steps, as fractional years, or the step numbers."""
    pipeline = experiment.pipeline
    part = pipeline.eval_split
    codec: Any = pipeline.codecs[0]
    answer: Any = pipeline.answers[0]
    first = int(pipeline.splits[part][0]) + codec.length
    return _times_of(
        experiment,
        np.arange(first, first + len(pipeline.splits[part]) + answer.options.horizon - 1),
    )


def _times_of(experiment: Experiment, steps: Any) -> tuple[list[float], str]:
    pipeline, time = experiment.pipeline, experiment.resolved.source.options.time
    if time is None or pipeline.frame[time].kind != "time":
        return [float(step + 1) for step in steps], "step"
    days = pipeline.frame[time].values[steps].astype("datetime64[h]").astype(np.int64) / 24
    return [1970 + float(day) / 365.2425 for day in days], time


def _worst(experiment: Experiment, score: Score, answers: Any, truth: Any) -> str:
    """The samples with the largest errors, with their inputs."""
    pipeline = experiment.pipeline
    item, answer = score.net.per_sample, score.answer
    if item is None or answer.WORD not in ("category", "number", "forecast"):
        return ""
    part = pipeline.eval_split
    worst = np.argsort(item, kind="stable")[:_WORST]
    if answer.WORD == "category":
        wrong = np.flatnonzero(answer.choose(answers) != truth)  # type: ignore[attr-defined]
        worst = wrong[np.argsort(-answers[wrong].max(axis=1), kind="stable")[:_WORST]]
        if not len(worst):
            return "<p>None: every evaluated sample is classified correctly.</p>"
    if answer.WORD == "forecast":
        rows = [
            [
                f"step {pipeline.splits[part][index] + 1}",
                _series(truth[index]),
                _series(answers[index]),
            ]
            for index in worst
        ]
        return table(["window from", "target", "prediction"], rows)
    frame = pipeline.frame.take(pipeline.splits[part][worst])
    predicted = []
    for decision in answer.decode(answers[worst]):
        sure = "" if decision.confidence is None else f" ({decision.confidence:.0%})"
        predicted.append(f"{_listed(decision.value)}{sure}")
    classes = getattr(answer, "classes", ())
    real = [
        classes[int(index)] if answer.WORD == "category" else _listed(index)
        for index in truth[worst]
    ]
    if isinstance(pipeline.codecs[0], Board):
        moves = zip(
            frame["board"].texts(),
            truth[worst].tolist(),
            answers[worst].argmax(axis=1).tolist(),
            strict=True,
        )
        drawn = [
            board(str(letters), move=move, answered=answered) for letters, move, answered in moves
        ]
        places = (
            f"{frame['game'].show(index)}, move {frame['number'].show(index)}"
            for index in range(len(frame))
        )
        words = [
            f"{place}: {move}, predicted {label}"
            for place, move, label in zip(places, real, predicted, strict=True)
        ]
        return boards(drawn, words)
    if any(column.kind == "image" for column in frame.columns):
        captions = [f"{real[index]}, predicted {predicted[index]}" for index in range(len(frame))]
        files = [frame["image"].show(index) for index in range(len(frame))]
        inputs = pipeline.datasets[part].batch(torch.from_numpy(worst)).inputs
        if is_heatable(inputs, answer):
            assert isinstance(answer, Category)
            return heat_gallery(
                experiment.net,
                inputs[0],
                answer,
                answer.choose(answers[worst]).tolist(),
                captions,
                files,
            )
        return gallery(inputs[0], captions, files)
    names = list(dict.fromkeys(name for codec in pipeline.codecs for name in codec.columns))[
        :_MAX_COLUMNS
    ]
    rows = [
        [
            str(frame.rows[index]),
            real[index],
            predicted[index],
            *(_listed(frame[name].show(index)) for name in names),
        ]
        for index in range(len(frame))
    ]
    return table(["row", "target", "prediction", *names], rows)


def _confused(pipeline: Pipeline, score: Score, results: Results) -> str:
    """For images: examples of each confused pair of classes."""
    answer, part = score.answer, pipeline.eval_split
    if (
        not isinstance(answer, Category)
        or results.evaluation is None
        or "image" not in pipeline.frame
    ):
        return ""
    scores, truth = results.evaluation.scores[0], results.evaluation.truths[0]
    frame = pipeline.frame.take(pipeline.splits[part])

    def images_at(samples: Sequence[int]) -> tuple[torch.Tensor, list[Any]]:
        return pipeline.datasets[part].batch(torch.tensor(samples)).inputs[0], [
            frame["image"].show(index) for index in samples
        ]

    return confused(kinds(truth, answer.choose(scores), scores), answer.classes, scores, images_at)


def _augmented(experiment: Experiment, seed: int) -> list[Section]:
    """Some training images before and after augmentation."""
    augment, train = experiment.pipeline.augment, experiment.pipeline.datasets["train"]
    if augment is None:
        return []
    batch = train.batch(torch.arange(min(_NUM_EXAMPLES, len(train))))
    changed = [
        augment(batch, torch_generator(seed, "augment", 0, step)).inputs[0]
        for step in range(_TIMES)
    ]
    rows = [torch.stack(item) for item in zip(batch.inputs[0], *changed, strict=True)]
    captions = [
        "original",
        *(f"augmented: {number}" for number in range(1, 1 + _TIMES)),
    ]
    html = "".join(gallery(row, captions) for row in rows)
    text = f"Training images are augmented anew in every epoch: {augment.describe()}."
    return [Section("Augmentation", f"<p>{escape(text)}</p>{html}")]


def _reproduce(experiment: Experiment, environment: Any, folder: RunFolder) -> str:
    task = writable(experiment.task, experiment.resolved.source.name)
    command = f"kissipo fit {folder.path}/task.yaml --seed {environment['seed']}"
    return (
        preformatted(command)
        + preformatted(task.to_yaml())
        + preformatted(json.dumps(environment, indent=1))
    )


def _series(values: Any) -> str:
    flat = np.asarray(values).reshape(-1)
    return ", ".join(f"{value:.4g}" for value in flat[:12]) + (" ..." if len(flat) > 12 else "")


def _listed(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_listed(item) for item in value)
    if isinstance(value, float):
        return format_value(value, digits=6)
    return "" if value is None else shorten(str(value), 160)

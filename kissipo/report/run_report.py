"""The report of a run: what the plan knows (data, way, learning, mistakes, how to do it again) around what the answers say."""

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
from kissipo.pipeline.series_targets import marks_of
from kissipo.process.layers.surfaces import height
from kissipo.report import sections
from kissipo.report.board_drawing import board, boards
from kissipo.report.confused_images import confused, kinds
from kissipo.report.gallery import gallery
from kissipo.report.image_sections import heat_gallery, is_heatable, marks_shown
from kissipo.report.page import Section, page, preformatted, table

_WORST = 12
_MOST_COLUMNS = 8
_SHOWN, _TIMES = 4, 3


@dataclass(frozen=True)
class Results:
    """What training and evaluation came to, as the report shows it.

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
    eval_metrics = [answer.watched for answer in experiment.pipeline.answers]
    epochs = getattr(experiment.config, "epochs", 0) or 0
    learning = sections.curves(
        results.history, eval_metrics, best_epoch=results.best_epoch, asked_epochs=epochs
    )
    scored = [each for each in results.scores if "walks" not in each.net.details]
    content = [
        Section("Verdict", sections.verdicts(results.scores)),
        *(Section(f"Score of '{each.answer.name}'", sections.scores(each)) for each in scored),
        Section("Data", _data(experiment)),
        *_season(experiment),
        *_augmented(experiment, int(environment["seed"])),
        Section("The way of the data", _way(results.trace)),
        Section("Gradients through time", _through_time(results.trace)),
        Section("Learning", learning),
        *_answers(experiment, results),
        *results.examples,
        Section("How to reproduce it", _reproduce(experiment, environment, folder)),
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
    rows = [[each.level, each.message, each.action] for each in pipeline.findings]
    content = f"<p>{escape(pipeline.frame.origin)}: {len(pipeline.frame):,} rows.</p>"
    content += table(
        ["check", "what was found", "what is done"], rows, classes=[row[0] for row in rows]
    )
    content += _parts(pipeline)
    if experiment.decisions:
        decided = [[each.place, _listed(each.value), each.reason] for each in experiment.decisions]
        content += "<p>Decided for you, and written to task.yaml, where it can be changed:</p>"
        content += table(["word", "value", "reason"], decided)
    return content


def _season(experiment: Experiment) -> list[Section]:
    """Trend, season and rest of the first series that is forecast."""
    pipeline = experiment.pipeline
    answer = pipeline.answers[0]
    if not isinstance(answer, Forecast | Anomaly):
        return []
    found = decompose(pipeline.frame[answer.variables[0]].values, pipeline.season)
    if found is None:
        return []
    timestamps, unit = _moments_of(experiment, np.arange(len(pipeline.frame)))
    return [Section("Trend and season", sections.seasons(found, timestamps, unit, pipeline.season))]


def _parts(pipeline: Pipeline) -> str:
    """How many samples each part has, and of which class."""
    answer: Any = pipeline.answers[0]
    if answer.WORD == "actions":
        return ""
    rows = [[name, f"{len(dataset):,}"] for name, dataset in pipeline.datasets.items()]
    levels = (
        answer.levels
        if answer.WORD == "category" and len(answer.levels) <= sections.MOST_CLASSES
        else ()
    )
    for row, dataset in zip(rows, pipeline.datasets.values(), strict=True):
        if levels:
            counts = np.bincount(dataset.truth(0).numpy(), minlength=len(levels))
            row += [f"{count:,}" for count in counts]
    return table(["part", "samples", *levels], rows, numbers=range(1, 2 + len(levels)))


def _way(way: Trace) -> str:
    rows, classes, before = [], [], ""
    for step in way.steps:
        classes.append("stage" if step.stage != before else "")
        stage, before = (step.stage if step.stage != before else ""), step.stage
        value = (
            format_array(step.value, most=6)
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
        "weights",
        "multiplications",
        "bytes",
        "one sample (trained net)",
    ]
    content = table(titles, rows, numbers=(4, 5, 6), classes=classes)
    content += f'<p class="dim">{way.parameters:,} weights, {way.multiplications:,} multiplications for one sample.</p>'
    if way.chains:
        chains = []
        for each in way.chains:
            factors = " · ".join(f"{factor.name} {factor.value:.6g}" for factor in each.factors)
            chains.append([each.weight, factors, f"{each.product:.9f}", f"{each.autograd:.9f}"])
        content += "<p>The chain rule with numbers, for half the squared error of this sample:</p>"
        content += table(["weight", "factors", "dL/dw", "autograd"], chains, numbers=(2, 3))
    return content


def _through_time(way: Trace) -> str:
    """How far back the losses of the shown sample reach."""
    norms: dict[str, dict[str, tuple[float, ...]]] = {}
    reaches: dict[str, list[str]] = {}
    for each in way.through_time:
        name = each.layer + ("" if each.forward else ", backward")
        norms.setdefault(each.loss, {})[name] = each.norms
        steps = counted(each.reach, "step")
        reach = (
            f"falls below a hundredth of its greatest {steps} back"
            if each.reach < len(each.norms)
            else "reaches the step that is read first"
        )
        told = f"{name}: {reach}" + (
            f", first to last {each.ratio:.3g}" if each.ratio is not None else ""
        )
        reaches.setdefault(each.loss, []).append(told)
    return sections.through_time(
        norms, {loss: "; ".join(told) + "." for loss, told in reaches.items()}
    )


def _answers(experiment: Experiment, results: Results) -> list[Section]:
    score = results.scores[0]
    details = score.net.details
    if "walks" in details:
        drawn = sections.walks(
            details["walks"],
            lambda surface, x, y: float(height(surface, torch.tensor([x, y, 0.0]))),
        )
        return [Section("The ways", drawn)]
    if "policy" in details:
        return [Section("The policy", sections.policy(details["policy"]))]
    found = (
        [Section("Weights", sections.weights(details["weights"]))] if "weights" in details else []
    )
    if "confusion" in details and len(details["classes"]) <= sections.MOST_CLASSES:
        found.append(
            Section(
                "Confusion",
                sections.confusion(details) + _confused(experiment.pipeline, score, results),
            )
        )
    if "inspection" in details:
        found.append(Section("What missing costs", sections.costs(details["inspection"])))
    if "precision_recall" in details:
        found.append(Section("Precision and recall", sections.precision_recall(details)))
    if results.evaluation is None:
        return found
    answers, truth = results.evaluation.scores[0], results.evaluation.truths[0]
    if score.answer.WORD == "number":
        found.append(Section("Answers beside the truth", sections.beside_truth(answers, truth)))
    if isinstance(score.answer, Mask):
        return [
            *found,
            Section(
                "Marks",
                sections.overlaps(details)
                + marks_shown(experiment.pipeline, score, answers, truth),
            ),
        ]
    if isinstance(score.answer, Anomaly):
        assert results.errors is not None
        return [*found, Section("Alarms", _alarms(experiment, score, *results.errors))]
    if isinstance(score.answer, Forecast):
        timestamps, unit = _timestamps(experiment)
        drawn = sections.forecasts(answers, truth, score.answer.margins, details, timestamps, unit)
        found.append(Section("Forecasts beside the truth", drawn))
    return [*found, Section("The worst mistakes", _worst(experiment, score, answers, truth))]


def _alarms(experiment: Experiment, score: Score, errors: NDArray[np.float64], first: int) -> str:
    """The series with its alarms and labeled windows, and the errors below it, from the step `first` on."""
    pipeline, answer = experiment.pipeline, score.answer
    assert isinstance(answer, Anomaly)
    timestamps, unit = _moments_of(experiment, np.arange(len(pipeline.frame)))
    values = pipeline.frame[answer.variables[0]].values
    marks = (
        None
        if answer.options.anomaly_labels is None
        else marks_of(pipeline.frame, answer.options.anomaly_labels)
    )
    return sections.alarms(
        values, errors, first, marks, score.net.details, timestamps, unit, answer.variables[0]
    )


def _timestamps(experiment: Experiment) -> tuple[list[float], str]:
    """When the judged steps were, as years with their fractions, or as numbers of steps."""
    pipeline = experiment.pipeline
    part = pipeline.eval_split
    codec: Any = pipeline.codecs[0]
    answer: Any = pipeline.answers[0]
    first = int(pipeline.parts[part][0]) + codec.length
    return _moments_of(
        experiment, np.arange(first, first + len(pipeline.parts[part]) + answer.options.horizon - 1)
    )


def _moments_of(experiment: Experiment, steps: Any) -> tuple[list[float], str]:
    pipeline, time = experiment.pipeline, experiment.resolved.source.options.time
    if time is None or pipeline.frame[time].kind != "time":
        return [float(step + 1) for step in steps], "step"
    days = pipeline.frame[time].values[steps].astype("datetime64[h]").astype(np.int64) / 24
    return [1970 + float(day) / 365.2425 for day in days], time


def _worst(experiment: Experiment, score: Score, answers: Any, truth: Any) -> str:
    """The samples on which the net is most wrong, with what went in."""
    pipeline = experiment.pipeline
    each, answer = score.net.each, score.answer
    if each is None or answer.WORD not in ("category", "number", "forecast"):
        return ""
    part = pipeline.eval_split
    worst = np.argsort(each, kind="stable")[:_WORST]
    if answer.WORD == "category":
        wrong = np.flatnonzero(answer.choose(answers) != truth)  # type: ignore[attr-defined]
        worst = wrong[np.argsort(-answers[wrong].max(axis=1), kind="stable")[:_WORST]]
        if not len(worst):
            return "<p>None: every judged sample is answered right.</p>"
    if answer.WORD == "forecast":
        rows = [
            [f"step {pipeline.parts[part][at] + 1}", _series(truth[at]), _series(answers[at])]
            for at in worst
        ]
        return table(["window from", "truth", "answer"], rows)
    frame = pipeline.frame.take(pipeline.parts[part][worst])
    told = []
    for decision in answer.decide(answers[worst]):
        sure = "" if decision.confidence is None else f" ({decision.confidence:.0%})"
        told.append(f"{_listed(decision.value)}{sure}")
    real = [
        answer.levels[int(at)] if answer.WORD == "category" else _listed(at) for at in truth[worst]
    ]  # type: ignore[attr-defined]
    if isinstance(pipeline.codecs[0], Board):
        moves = zip(
            frame["board"].texts(),
            truth[worst].tolist(),
            answers[worst].argmax(axis=1).tolist(),
            strict=True,
        )
        drawn = [
            board(str(letters), made=made, answered=answered) for letters, made, answered in moves
        ]
        places = (
            f"{frame['game'].show(at)}, move {frame['number'].show(at)}" for at in range(len(frame))
        )
        words = [
            f"{place}: {made}, answered {said}"
            for place, made, said in zip(places, real, told, strict=True)
        ]
        return boards(drawn, words)
    if any(column.kind == "image" for column in frame.columns):
        captions = [f"{real[at]}, answered {told[at]}" for at in range(len(frame))]
        files = [frame["image"].show(at) for at in range(len(frame))]
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
        :_MOST_COLUMNS
    ]
    rows = [
        [
            str(frame.rows[at]),
            real[at],
            told[at],
            *(_listed(frame[name].show(at)) for name in names),
        ]
        for at in range(len(frame))
    ]
    return table(["row", "truth", "answer", *names], rows)


def _confused(pipeline: Pipeline, score: Score, results: Results) -> str:
    """Beside the matrix, of images: what is confused with what."""
    answer, part = score.answer, pipeline.eval_split
    if (
        not isinstance(answer, Category)
        or results.evaluation is None
        or "image" not in pipeline.frame
    ):
        return ""
    scores, truth = results.evaluation.scores[0], results.evaluation.truths[0]
    frame = pipeline.frame.take(pipeline.parts[part])

    def images_at(samples: Sequence[int]) -> tuple[torch.Tensor, list[Any]]:
        return pipeline.datasets[part].batch(torch.tensor(samples)).inputs[0], [
            frame["image"].show(at) for at in samples
        ]

    return confused(kinds(truth, answer.choose(scores), scores), answer.levels, scores, images_at)


def _augmented(experiment: Experiment, seed: int) -> list[Section]:
    """Some training images before and after they were changed at random."""
    augment, train = experiment.pipeline.augment, experiment.pipeline.datasets["train"]
    if augment is None:
        return []
    batch = train.batch(torch.arange(min(_SHOWN, len(train))))
    changed = [
        augment(batch, torch_generator(seed, "augment", 0, step)).inputs[0]
        for step in range(_TIMES)
    ]
    rows = [torch.stack(each) for each in zip(batch.inputs[0], *changed, strict=True)]
    captions = [
        "as it is",
        *(f"as it is learned from: {number}" for number in range(1, 1 + _TIMES)),
    ]
    shown = "".join(gallery(row, captions) for row in rows)
    told = f"Each training image is changed anew in every epoch: {augment.describe()}."
    return [Section("Augmentation", f"<p>{escape(told)}</p>{shown}")]


def _reproduce(experiment: Experiment, environment: Any, folder: RunFolder) -> str:
    task = writable(experiment.task, experiment.resolved.source.word)
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
        return ", ".join(_listed(each) for each in value)
    if isinstance(value, float):
        return format_value(value, digits=6)
    return "" if value is None else shorten(str(value), 160)

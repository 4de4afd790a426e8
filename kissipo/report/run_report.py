"""The report of a run: data, training, scores, mistakes, how to reproduce it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from kissipo.core.description import Line, Section
from kissipo.core.finding import counted
from kissipo.core.json_object import JsonMapping, JsonObject
from kissipo.core.module_state import eval_mode
from kissipo.core.protocols import DescribingNet, batches, describes_samples
from kissipo.core.seeds import torch_generator
from kissipo.core.text import format_score
from kissipo.engine.evaluate import SplitEvaluation, decoded
from kissipo.engine.generate import generate_tokens
from kissipo.engine.run_folder import ENVIRONMENT, METRICS, REPORT, RunFolder
from kissipo.inspect.trace import Trace
from kissipo.output.answer import Answer, Continue, EvaluationData
from kissipo.output.metric_titles import metric_title
from kissipo.output.score import Score
from kissipo.pipeline.experiment import Experiment
from kissipo.pipeline.pipeline import Pipeline
from kissipo.pipeline.resolve import writable
from kissipo.report.data_sections import augmented_section, data_sections
from kissipo.report.document import document
from kissipo.report.glossary import term_sentences
from kissipo.report.image_sections import looked_at
from kissipo.report.plain import plain_page
from kissipo.report.record_json import is_shown, record_json, section_json
from kissipo.report.sections import (
    data_flow_section,
    score_section,
    through_time_section,
    training_section,
    verdict_section,
)
from kissipo.report.still_image import run_image
from kissipo.report.xray_content import example_xrays

_BATCH = 256  # samples that a net describes at once


@dataclass(frozen=True)
class Results:
    """The results of training and evaluation that the report shows.

    history:     one row per epoch
    seconds:     of training
    evaluation:  the predictions for the evaluated samples, where there are samples
    trace:       of one sample through the trained net
    process:     what else is known about the net, such as how it was chosen
    examples:    the traces of some evaluated samples, each with a title
    """

    history: Sequence[JsonObject]
    best_epoch: int
    seconds: float
    scores: Sequence[Score]
    trace: Trace
    evaluation: SplitEvaluation | None = None
    process: Sequence[Section] = ()
    examples: Iterable[tuple[str, Trace]] = ()


def write_report(folder: RunFolder, experiment: Experiment, results: Results) -> None:
    """Writes `report.html`."""
    environment = folder.read_json(ENVIRONMENT)
    verdict = verdict_section(results.scores)
    staged = _sections(folder, experiment, results, environment)
    title = f"{experiment.task.name or 'run'}: {_predicts(results.scores)}"
    subtitle = (
        f"kissipo {environment['kissipo']}, torch {environment['torch']}, "
        f"seed {environment['seed']}, {results.seconds:.1f} s of training on "
        f"{counted(environment['training_threads'], 'thread')}"
    )
    sections = [(stage, section) for stage, section in staged if is_shown(section)]
    answer = folder.read_json(METRICS)["answers"][0]
    image = run_image(results.history, answer, best_epoch=results.best_epoch)
    plain = plain_page(title, subtitle, [verdict, *(section for _, section in sections)], image)
    content = page_content(
        title,
        subtitle,
        [section_json(section, stage) for stage, section in sections],
        verdicts=[record_json(line) for line in verdict.content],
        figures=_figures(results),
        run=str(folder.path) if _can_be_named(experiment) else "",
        words=term_sentences(plain),
    )
    content["xrays"], numbers = example_xrays(results.examples)
    folder.write_text(REPORT, document(content, plain=plain, numbers=numbers))


def page_content(
    title: str,
    subtitle: str,
    sections: Sequence[JsonMapping],
    *,
    verdicts: Sequence[JsonMapping] = (),
    figures: Sequence[JsonMapping] = (),
    run: str = "",
    words: Mapping[str, str] | None = None,
) -> JsonObject:
    """Returns the content of a page that `viewer/report_page.js` shows.

    figures:  a few numbers that stand large on the first screen: name, value, note
    run:      the folder of the run, for the commands of examples
    words:    the terms that are explained, with their sentences
    """
    return {
        "view": "report",
        "title": title,
        "subtitle": subtitle,
        "verdicts": list(verdicts),
        "figures": list(figures),
        "sections": list(sections),
        "run": run,
        "words": dict(words or {}),
    }


def _sections(
    folder: RunFolder, experiment: Experiment, results: Results, environment: JsonMapping
) -> list[tuple[str, Section]]:
    """Returns all sections with their stages."""
    eval_metrics = [answer.monitor for answer in experiment.pipeline.answers]
    epochs = experiment.algorithm.epochs if experiment.pipeline.world is None else 0
    trained = len(experiment.pipeline.datasets["train"])
    scores = [score_section(score, trained) for score in results.scores if not score.is_replaced]
    training = training_section(
        results.history,
        eval_metrics,
        best_epoch=results.best_epoch,
        max_epochs=epochs,
        is_monitored=experiment.algorithm.monitor is not None,
    )
    return [
        *(("", section) for section in scores),
        *(("input", section) for section in data_sections(experiment)),
        ("input", augmented_section(experiment, int(environment["seed"]))),
        *(("process", section) for section in results.process),
        ("process", data_flow_section(results.trace)),
        ("process", training),
        ("process", through_time_section(results.trace.through_time)),
        *(("output", section) for section in _answer_sections(experiment, results)),
        ("", _reproduce(experiment, environment, folder)),
    ]


def _can_be_named(experiment: Experiment) -> bool:
    """Returns whether `kissipo xray --example` takes the evaluated examples."""
    return experiment.pipeline.eval_split == experiment.pipeline.shown_split


def _predicts(scores: Sequence[Score]) -> str:
    """Returns what is predicted, in a few words."""
    if not scores:
        return "results"
    word = scores[0].answer.title()
    same = (word, word.removesuffix("s"))
    names = [score.answer.name for score in scores if score.answer.name not in same]
    return " ".join([word, ", ".join(names)]).strip()


def _figures(results: Results) -> list[JsonObject]:
    """Returns the main metric, that of the best baseline, and the sample count."""
    score = results.scores[0]
    if score.is_replaced:
        return []
    main = score.answer.EVAL_METRIC
    figures = [_figure(metric_title(main), format_score(score[main]), "this model")]
    for name, evaluation in score.ordered()[:1]:
        value = format_score(evaluation.metrics[main])
        figures.append(_figure("best baseline", value, name))
    quality = score.net.per_sample
    if quality is not None:
        is_played = results.evaluation is None
        noun = "episodes" if is_played else "samples"
        note = "" if is_played else f"of the {score.part} split"
        figures.append(_figure(f"evaluated {noun}", f"{len(quality):,}", note))
    return figures


def _figure(name: str, value: str, note: str) -> JsonObject:
    return {"name": name, "value": value, "note": note}


def _answer_sections(experiment: Experiment, results: Results) -> Sequence[Section]:
    """Returns what the net, the algorithm and the first answer describe."""
    score, pipeline, net = results.scores[0], experiment.pipeline, experiment.net
    own = [section for detail in score.described_details for section in detail.sections]
    if score.is_replaced:
        return own
    evaluation, part = results.evaluation, pipeline.eval_split
    if describes_samples(net):
        with eval_mode(net):
            own += _described(net, pipeline)

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
        dict(score.ordered()),
        None if score.answer.vocabulary is None else _continue_text(net),
        inside=partial(_inside, experiment, score.answer),
    )
    answered = [*score.answer.sections(data), score.answer.examples_section(data)]
    return [*answered, *own] if score.answer.SECTIONS_FIRST else [*own, *answered]


def _described(net: DescribingNet, pipeline: Pipeline) -> Sequence[Section]:
    """Returns what a net describes of the evaluated samples."""
    dataset = pipeline.datasets[pipeline.eval_split]
    inputs = (dataset.batch(part).inputs for part in batches(len(dataset), _BATCH))
    specs = [codec.spec for codec in pipeline.codecs], [answer.spec for answer in pipeline.answers]
    return net.describe_samples(inputs, *specs)


def _inside(experiment: Experiment, answer: Answer, sample: int) -> Sequence[Section]:
    """Returns what an answer shows inside of an evaluated sample."""
    pipeline, net = experiment.pipeline, experiment.net
    part, codec = pipeline.eval_split, pipeline.codecs[0]
    batch = pipeline.datasets[part].batch(slice(sample, sample + 1))
    row = pipeline.frame.take(pipeline.splits[part][sample : sample + 1])
    read = codec.tokens_of([str(row[name].show(0) or "") for name in codec.columns])
    with eval_mode(net):
        outputs = decoded(net, batch.inputs, net(*batch.inputs), pipeline.answers)
        return answer.example_sections(net, batch.inputs, outputs[0], batch.targets[:1], read)


def _continue_text(net: nn.Module) -> Continue:
    """Returns how the net continues a text."""

    def continued(start: Tensor, length: int, temperature: float) -> list[int]:
        generator = torch_generator(0, "generate")
        draw = partial(generate_tokens, net, start, length=length, temperature=temperature)
        return list(draw(generator=generator, never=(0,)))

    return continued


def _reproduce(experiment: Experiment, environment: JsonMapping, folder: RunFolder) -> Section:
    task = writable(experiment.task, experiment.resolved.source.name)
    command = f"kissipo fit {folder.path}/task.yaml --seed {environment['seed']}"
    return Section(
        "How to reproduce this run",
        [
            Line(command, "code"),
            Section("task.yaml", [Line(task.to_yaml(), "code")]),
            Section("environment", [Line(json.dumps(environment, indent=1), "code")]),
        ],
    )

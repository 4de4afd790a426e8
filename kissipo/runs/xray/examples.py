"""Examples for the report of a run: right and wrong, or best and worst."""

from __future__ import annotations

import time
from collections.abc import Sequence
from html import escape

from kissipo.inspect.trace import Trace
from kissipo.pipeline.experiment import Experiment
from kissipo.report.page import Section
from kissipo.report.trace_page import trace_sections
from kissipo.runs.example import sample_of
from kissipo.runs.trace_example import follow
from kissipo.runs.train import TestResult

MAX_MACS = 20_000_000
MAX_SECONDS, MAX_CHARACTERS = 2.0, 450_000


def examples_inside(experiment: Experiment, test_result: TestResult, trace: Trace) -> list[Section]:
    """Returns a section with a fold per example; empty without data or for a large net.

    trace:  the trace of one example, which the report already shows
    """
    if test_result.evaluation is None or trace.multiplications > MAX_MACS:
        return []
    content, began = "", time.perf_counter()
    for number, (position, kind) in enumerate(_choose_examples(experiment, test_result)):
        spent = time.perf_counter() - began
        if number and spent + spent / number > MAX_SECONDS:
            break
        section = _fold(experiment, trace, position, kind)
        if content and len(content) + len(section) > MAX_CHARACTERS:
            break
        content += section
    return [Section("Examples from the inside", content)] if content else []


def _choose_examples(experiment: Experiment, test_result: TestResult) -> Sequence[tuple[int, str]]:
    """Returns positions in the evaluated split, with the kind of the example."""
    score, evaluation = test_result.scores[0], test_result.evaluation
    quality, dataset = (
        score.net.per_sample,
        experiment.pipeline.datasets[experiment.pipeline.eval_split],
    )
    assert evaluation is not None
    if quality is None or len(quality) != len(dataset):
        return [(0, "the first")]
    return score.answer.examples(evaluation.scores[0], evaluation.truths[0], quality)


def _fold(experiment: Experiment, first_trace: Trace, position: int, kind: str) -> str:
    """Returns an example, without gradients that the report has already."""
    pipeline = experiment.pipeline
    loss = None if first_trace.through_time else experiment.algorithm
    example = sample_of(pipeline, pipeline.eval_split, position, loss=loss)
    trace = follow(example, pipeline.codecs, pipeline.answers, experiment.net, inside=True)
    target = f", target {trace.truth}" if trace.truth else ""
    prediction = f": {trace.answer}{target}" if trace.answer else ""
    parts = "".join(
        f"<h3>{escape(section.title)}</h3>{section.content}"
        for section in trace_sections(*trace.content())
        if section.content
    )
    title = f"example {position + 1} of the {pipeline.eval_split} split, {kind}{prediction}"
    return f'<details class="example"><summary>{escape(title)}</summary>{parts}</details>'

"""Examples from the inside, for the report of a run: right and wrong ones, or the best and the worst, each from its trace."""

from __future__ import annotations

import time
from collections.abc import Iterator
from html import escape

import numpy as np

from kissipo.inspect.trace import Trace
from kissipo.pipeline.experiment import Experiment
from kissipo.report.page import Section
from kissipo.report.trace_page import trace_sections
from kissipo.runs.example import sample_of
from kissipo.runs.trace_example import follow
from kissipo.runs.train import TestResult

MOST_MULTIPLICATIONS = 20_000_000
MOST_SECONDS, MOST_CHARACTERS = 2.0, 450_000
_OF_EACH = 2


def examples_inside(experiment: Experiment, judged: TestResult, way: Trace) -> list[Section]:
    """One section with a fold for each example; nothing where there are no samples, or the net is large.

    way:  the trace of one sample, which the report has already
    """
    if judged.found is None or way.multiplications > MOST_MULTIPLICATIONS:
        return []
    shown, began = "", time.perf_counter()
    for number, (position, kind) in enumerate(_chosen(experiment, judged)):
        spent = time.perf_counter() - began
        if number and spent + spent / number > MOST_SECONDS:
            break
        each = _fold(experiment, way, position, kind)
        if shown and len(shown) + len(each) > MOST_CHARACTERS:
            break
        shown += each
    return [Section("Examples from the inside", shown)] if shown else []


def _chosen(experiment: Experiment, judged: TestResult) -> Iterator[tuple[int, str]]:
    """Places in the judged part, with what each is an example of."""
    score = judged.scores[0]
    each, answer = score.net.each, score.answer
    assert judged.found is not None
    answers, truth = judged.found.scores[0], judged.found.truths[0]
    if each is None or len(each) != len(
        experiment.pipeline.datasets[experiment.pipeline.eval_split]
    ):
        yield 0, "the first"
        return
    order = np.argsort(each, kind="stable")
    if answer.WORD != "category":
        worst = [int(at) for at in order[:_OF_EACH]]
        yield from ((at, "of the worst") for at in worst)
        yield from (
            (int(at), "of the best") for at in order[::-1][:_OF_EACH] if int(at) not in worst
        )
        return
    is_right = answer.choose(answers) == truth  # type: ignore[attr-defined]
    right, wrong = np.flatnonzero(is_right), np.flatnonzero(~is_right)
    surest = wrong[np.argsort(-answers[wrong].max(axis=1), kind="stable")]
    yield from ((int(at), "wrong") for at in surest[:_OF_EACH])
    yield from ((int(at), "right") for at in right[:_OF_EACH])


def _fold(experiment: Experiment, way: Trace, position: int, kind: str) -> str:
    """One example; the gradients of a recurrent net stand in the report already."""
    pipeline = experiment.pipeline
    loss = None if way.through_time else experiment.algorithm
    example = sample_of(pipeline, pipeline.eval_split, position, loss=loss)
    trace = follow(example, pipeline.codecs, pipeline.answers, experiment.net, inside=True)
    beside = f", the truth is {trace.truth}" if trace.truth else ""
    told = f": {trace.answer}{beside}" if trace.answer else ""
    parts = "".join(
        f"<h3>{escape(each.title)}</h3>{each.content}"
        for each in trace_sections(*trace.content())
        if each.content
    )
    title = f"sample {position + 1} of the {pipeline.eval_split} part, {kind}{told}"
    return f'<details class="example"><summary>{escape(title)}</summary>{parts}</details>'

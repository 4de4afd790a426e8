"""Traces of some evaluated examples, for the pages that show them from the inside."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from kissipo.inspect.trace import Trace
from kissipo.pipeline.experiment import Experiment
from kissipo.runs.example import sample_of
from kissipo.runs.trace_example import follow
from kissipo.runs.train import TestResult

MAX_MACS, MAX_SECONDS = 20_000_000, 2.0


@dataclass(frozen=True)
class ExampleTrace:
    """The trace of an example of the evaluated split.

    position:  counted from 0
    kind:      right, wrong, best or worst
    """

    position: int
    kind: str
    trace: Trace


def example_traces(
    experiment: Experiment, test_result: TestResult, trace: Trace
) -> Iterator[ExampleTrace]:
    """Yields the traces of the examples of the report, as long as the time lasts.

    A large net has none.

    trace:  the trace of one example, which says how large the net is
    """
    score, evaluation, pipeline = (
        test_result.scores[0],
        test_result.evaluation,
        experiment.pipeline,
    )
    if evaluation is None or trace.multiplications > MAX_MACS or score.net.per_sample is None:
        return
    if len(score.net.per_sample) != len(pipeline.datasets[pipeline.eval_split]):
        return
    began = time.perf_counter()
    examples = score.answer.examples(
        evaluation.scores[0], evaluation.truths[0], score.net.per_sample
    )
    for number, (position, kind) in enumerate(examples):
        spent = time.perf_counter() - began
        if number and spent + spent / number > MAX_SECONDS:
            return
        # the gradients through time stand in the report already
        loss = None if trace.through_time else experiment.algorithm
        example = sample_of(pipeline, pipeline.eval_split, position, loss=loss)
        inside = follow(example, pipeline.codecs, pipeline.answers, experiment.net, inside=True)
        yield ExampleTrace(position, kind, inside)

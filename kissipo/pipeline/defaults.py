"""Default options: the net and its training for the data of a task, each with a reason.

Nets, algorithms, codecs and answers say themselves what suits the data; here they are
asked in turn. An option that the user sets is never changed. The defaults were measured
on the data sets of docs/log.md: there they were better than the other small nets, on
two cores.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import torch

from kissipo.core.batch import Batch
from kissipo.core.errors import TaskError
from kissipo.core.inferred_option import DataFacts, InferredOption
from kissipo.core.protocols import Dataset
from kissipo.core.schema import option_infos
from kissipo.core.seeds import drawn
from kissipo.core.task import Task
from kissipo.pipeline.init_weights import run_of, task_of
from kissipo.pipeline.parse import algorithm_of, net_of, source_of
from kissipo.pipeline.pipeline import Pipeline, decide, is_written
from kissipo.pipeline.registries import SOURCES


def with_defaults(task: Task, pipeline: Pipeline) -> tuple[Task, tuple[InferredOption, ...]]:
    """Returns the task with net, sizes, batch size and epochs, and the options
    inferred."""
    task, inferred = with_default_net(task, pipeline)
    _, net = net_of(task.process)
    assert net is not None
    source = SOURCES.find(source_of(task.input), place="input")
    _, algorithm = algorithm_of(task.process, net, source)
    task, training = _settle(task, algorithm.suggested_options(facts_of(task, pipeline)))
    return task, (*inferred, *training)


def with_default_net(task: Task, pipeline: Pipeline) -> tuple[Task, tuple[InferredOption, ...]]:
    """Returns the task with the net of its algorithm and its sizes, and these
    options."""
    task, inferred = _settle(task, _algorithm(task, pipeline))
    is_named = is_written(task, "process.net")
    task, suggested = _settle(task, [_net(pipeline)])
    inferred += suggested
    name, net = net_of(task.process)
    assert net is not None
    if net.LOSS and len(pipeline.answers) == 1:
        task, loss = _settle(task, [net.LOSS])
        inferred += loss
    task, sizes = _settle(task, _net_options(task, name, net, pipeline, is_named=is_named))
    task, colors = _settle(task, _normalization(task, net, pipeline))
    return task, (*inferred, *sizes, *colors)


def _settle(
    task: Task, options: Iterable[InferredOption]
) -> tuple[Task, tuple[InferredOption, ...]]:
    """Returns the task with those options that have no value yet, and these options."""
    fresh = tuple(option for option in options if not is_written(task, option.place))
    return decide(task, fresh), fresh


def facts_of(task: Task, pipeline: Pipeline) -> DataFacts:
    """Returns what is known about the data when options are inferred."""
    answers = pipeline.answers
    return DataFacts(
        inputs=tuple(codec.spec for codec in pipeline.codecs),
        outputs=tuple(answer.spec for answer in answers),
        samples=len(pipeline.splits["train"]),
        forecasts=answers[0].learns_changes,
        losses=tuple(answer.loss for answer in answers),
        answers=tuple(answer.title() for answer in answers),
        batch=task.input.get("batch_size"),
        process=task.process,
        targets=lambda number: pipeline.datasets["train"].truth(number),
        draw=lambda count: _drawn(pipeline.datasets["train"], count),
    )


def _drawn(dataset: Dataset, count: int) -> Batch:
    """Returns at most so many samples of a data set, the same in every run."""
    return dataset.batch(torch.from_numpy(drawn(len(dataset), count, "facts")))


def _algorithm(task: Task, pipeline: Pipeline) -> list[InferredOption]:
    """Returns the algorithm of an answer that only one can learn.

    Raises:   TaskError when the task has another one.
    """
    needed = pipeline.answers[0].suggested_algorithm()
    if needed is None:
        return []
    written = task.process.get("algorithm", needed.value)
    if written != needed.value:
        raise TaskError(
            f"process.algorithm={written} does not learn output.{pipeline.answers[0].title()}",
            allowed=f"process.algorithm={needed.value}: {needed.reason}",
        )
    return [needed]


def _net(pipeline: Pipeline) -> InferredOption:
    """Returns the net that the answer or the input asks for, else one for the axes."""
    for suggested in (pipeline.answers[0].suggested_net(), pipeline.codecs[0].suggested_net()):
        if suggested is not None:
            return suggested
    specs = [codec.spec for codec in pipeline.codecs]
    if any(spec.axes[:1] == ("channel",) for spec in specs):
        return InferredOption("process.net", "cnn", "the input is an image")
    texts = [bool(spec.axes[:1] == ("time",) and spec.vocab_size) for spec in specs]
    if all(texts):
        return InferredOption("process.net", "recurrent", "the input is a text")
    if any(texts):
        reason = "texts stand beside other columns, which are all learned together"
        return InferredOption("process.net", "ffn", reason)
    if any(spec.axes[:1] == ("time",) for spec in specs):
        reason = "the best of the small nets on windows of a few seasons"
        return InferredOption("process.net", "ffn", reason)
    return InferredOption("process.net", "ffn", "the input is a row of features")


def _net_options(
    task: Task, name: str, net: ModuleType, pipeline: Pipeline, *, is_named: bool
) -> list[InferredOption]:
    """Returns what the data require of the net, and sizes for an inferred net."""
    facts = facts_of(task, pipeline)
    options = list(pipeline.codecs[0].net_options(name))
    if not options:
        options += net.required_options(facts)
        options += () if is_named else net.suggested_options(facts)
    # pretrained weights already set the initial weights
    is_fresh = not task.process.get("weights")
    return [option for option in options if is_fresh or option.place != "process.init"]


def _normalization(task: Task, net: ModuleType, pipeline: Pipeline) -> list[InferredOption]:
    """Returns the color normalization that pretrained weights were trained with."""
    start = task.process.get("weights")
    if not isinstance(start, str) or "normalize" not in option_infos(net.Options):
        return []
    run = run_of(Path(start))
    if run is not None:
        normalize = task_of(run).process.get("normalize")
        return (
            []
            if normalize is None
            else [
                InferredOption("process.normalize", normalize, "as in the run that it starts from")
            ]
        )
    spec = pipeline.codecs[0].spec
    is_color = spec.axes[:1] == ("channel",) and spec.shape[0] == 3
    return (
        [InferredOption("process.normalize", True, "pretrained weights expect normalized colors")]
        if is_color
        else []
    )

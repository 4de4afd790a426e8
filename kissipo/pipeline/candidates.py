"""Candidates: the nets that are compared for a task which names none.

Nets say themselves for which data they are candidates (`candidates` of their files).
The first candidate is the default net. A candidate never changes an option of the user:
where it would, or where its net lacks such an option, it is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kissipo.core.config import to_frozen
from kissipo.core.errors import UserError
from kissipo.core.inferred_option import Candidate, DataFacts, InferredOption
from kissipo.core.task import Task
from kissipo.pipeline.defaults import facts_of, with_default_net
from kissipo.pipeline.experiment import with_inferred
from kissipo.pipeline.init_weights import with_implied
from kissipo.pipeline.parse import read_task
from kissipo.pipeline.pipeline import Pipeline, decide, is_written
from kissipo.pipeline.registries import NETS
from kissipo.pipeline.resolve import spell_out


def leaves_net_open(task: Task) -> bool:
    """Returns whether a task names no net, and no trained weights, which have one."""
    return not (is_written(task, "process.net") or is_written(task, "process.weights"))


def candidates_of(
    task: Task, pipeline: Pipeline, *, without: Sequence[str] = ()
) -> tuple[Candidate, ...]:
    """Returns what is compared for a task without a net, the default net first.

    without:  nets that are left out
    """
    if pipeline.world is not None or not leaves_net_open(task):
        return ()
    default = _default(task, pipeline)
    candidates, tasks = [default], [_complete(task, default, pipeline)]
    for candidate in declared_candidates(facts_of(task, pipeline), without=without):
        complete = _complete(task, candidate, pipeline)
        if complete is not None and complete not in tasks:
            candidates.append(candidate)
            tasks.append(complete)
    return tuple(candidates)


def with_candidate(task: Task, candidate: Candidate) -> Task:
    """Returns the task with the options of a candidate."""
    return with_implied(decide(task, candidate.options))


def with_winner(task: Task, candidate: Candidate, reason: str) -> Task:
    """Returns the task with the options of the best candidate, as inferred options.

    reason:  why its net was chosen
    """
    options = tuple(
        InferredOption(option.place, option.value, reason)
        if option.place == "process.net"
        else option
        for option in candidate.options
        if not is_written(task, option.place)
    )
    best = with_candidate(task, candidate)
    inferred = (*best.inferred, *options)
    return type(best)(**best.parts(), name=task.name, inferred=inferred)


def net_name(candidate: Candidate) -> str:
    """Returns the name of the net of a candidate."""
    return next(str(o.value) for o in candidate.options if o.place == "process.net")


def _default(task: Task, pipeline: Pipeline) -> Candidate:
    """Returns the net of `pipeline/defaults.py` with its options as a candidate."""
    options = with_default_net(task, pipeline)[1]
    name = next(str(option.value) for option in options if option.place == "process.net")
    return Candidate(f"{name.replace('_', ' ')} (default)", options)


def declared_candidates(facts: DataFacts, *, without: Sequence[str] = ()) -> list[Candidate]:
    """Returns the candidates that the nets declare for these data, whatever the user
    wrote.

    without:  nets that are left out
    """
    names = [name for name in NETS.names() if name not in without]
    return [
        candidate
        for name in names
        for candidate in NETS.find(name, place="process.net").candidates(facts)
    ]


def _complete(task: Task, candidate: Candidate, pipeline: Pipeline) -> Task | None:
    """Returns the task with all options of a candidate; None where it changes an option
    of the user, or has not all of them."""
    if any(_differs(task, option) for option in candidate.options):
        return None
    try:
        complete = with_inferred(with_candidate(task, candidate), pipeline)[0]
        return spell_out(complete, read_task(complete))
    except UserError:
        return None


def _differs(task: Task, option: InferredOption) -> bool:
    """Returns whether the user wrote another value for an option."""
    if not is_written(task, option.place):
        return False
    value: object = task.parts()
    for step in option.place.split("."):
        if isinstance(value, tuple):
            value = value[int(step)]
        elif isinstance(value, Mapping) and step in value:
            value = value[step]
        else:
            return True
    return bool(value != to_frozen(option.value))

"""Lessons: tasks that explain a topic and train nothing, such as
`input: {explain: convolution, stride: 2}`. Their only result is a trace.

Each lesson is a file of this folder with Options, SYSTEM, ABOUT and `explain(options)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType

from kissipo.core.errors import TaskError
from kissipo.core.schema import read
from kissipo.core.task import Task
from kissipo.inspect.trace import Trace
from kissipo.pipeline.registries import LESSONS

WORD = "explain"


def lesson_names() -> list[str]:
    """Returns the names of all lessons."""
    return [name.replace("_", "-") for name in LESSONS.names()]


def all_lessons() -> list[tuple[str, ModuleType]]:
    """Returns name and module of each lesson, sorted by system."""
    modules = [(name, _module(name)) for name in lesson_names()]
    return sorted(modules, key=lambda pair: (str(pair[1].SYSTEM), pair[0]))


def is_lesson(task: Task) -> bool:
    """Returns whether a task is a lesson."""
    return WORD in task.input


def lesson(name: str, options: Mapping[str, object]) -> Task:
    """Returns the task of a lesson, with options by their names or places.

    Raises:   TaskError for an option that the lesson does not have.
    """
    plain = {key.removeprefix("input."): value for key, value in options.items()}
    read(_module(name).Options, plain, place="input")
    return Task(input={WORD: name, **plain}, name=name)


def explain(task: Task) -> Trace:
    """Returns the trace of a lesson.

    Raises:   TaskError for an unknown lesson or option, or for options that do not fit
              together.
    """
    name, rest = (
        str(task.input[WORD]),
        {key: value for key, value in task.input.items() if key != WORD},
    )
    if task.process or task.output:
        raise TaskError(
            "a lesson trains nothing", got="options of process or output", do="Leave them out"
        )
    module = _module(name)
    trace: Trace = module.explain(read(module.Options, rest, place="input"))
    return trace


def _module(name: str) -> ModuleType:
    return LESSONS.find(name.replace("-", "_"), place=f"input.{WORD}")

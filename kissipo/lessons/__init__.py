"""Lessons: tasks that explain and train nothing, `input: {explain: convolution, stride: 2}`; a trace is all that they give.

Each is a file of this folder, found by its name: its Options, SYSTEM, ABOUT and `explain(options)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from kissipo.core.errors import TaskError
from kissipo.core.schema import read
from kissipo.core.task import Task
from kissipo.inspect.trace import Trace
from kissipo.pipeline.registries import LESSONS

WORD = "explain"


def lesson_names() -> list[str]:
    """The names of all lessons."""
    return [name.replace("_", "-") for name in LESSONS.names()]


def all_lessons() -> list[tuple[str, ModuleType]]:
    """Name and module of each, in the order of the systems."""
    found = [(name, _module(name)) for name in lesson_names()]
    return sorted(found, key=lambda pair: (str(pair[1].SYSTEM), pair[0]))


def is_lesson(task: Task) -> bool:
    """Whether a task asks for an explanation."""
    return WORD in task.input


def lesson(name: str, words: Mapping[str, Any]) -> Task:
    """The task that a lesson is, with words by their names or places.

    Raises:   TaskError for a word that it does not have.
    """
    plain = {key.removeprefix("input."): value for key, value in words.items()}
    read(_module(name).Options, plain, place="input")
    return Task(input={WORD: name, **plain}, name=name)


def explain(task: Task) -> Trace:
    """Everything that a lesson shows.

    Raises:   TaskError for a lesson or a word that does not exist, or words that do not fit together.
    """
    name, rest = (
        str(task.input[WORD]),
        {key: value for key, value in task.input.items() if key != WORD},
    )
    if task.process or task.output:
        raise TaskError(
            "a lesson trains nothing", given="the parts process or output", do="Leave them out"
        )
    module = _module(name)
    trace: Trace = module.explain(read(module.Options, rest, place="input"))
    return trace


def _module(name: str) -> ModuleType:
    return LESSONS.find(name.replace("-", "_"), place=f"input.{WORD}")

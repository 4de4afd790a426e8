"""Infers a task from the data of the user and from what is to be predicted.

sms.csv --output kind                               a table
photos/                                             images, a folder per class
air.csv --time Month --output Passengers            a series
novel.txt                                           a text
gym:CartPole-v1                                     an environment
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kissipo.core.errors import DataError
from kissipo.core.task import Task
from kissipo.input.formats.compressed import unpack_first
from kissipo.input.formats.files import existing
from kissipo.input.formats.other_programs import refusal
from kissipo.input.source import Source
from kissipo.pipeline.registries import SOURCES

if TYPE_CHECKING:
    from kissipo.input.question import Question


def infer_task(question: Question) -> Task:
    """Returns the task of the first source that takes the data as its own.

    A named data set is read by the first of its sources.

    Raises:   DataError when no source takes the data; TaskError when the answer does
              not fit the data.
    """
    names = question.data_set.SOURCES[:1] if question.data_set else SOURCES.names()
    sources: list[Source[Any]] = [SOURCES.find(name, place="input").SOURCE for name in names]
    sources.sort(key=lambda source: source.order)
    for source in sources:
        task = source.infer(question)
        if task is not None:
            return task
    assert question.path is not None, "a table takes every object in memory"
    path = existing(question.path)
    raise refusal(path) or DataError(
        f"{path} has a format that kissipo does not read",
        got=f"'{path.suffix}'",
        allowed=", ".join(
            [*(source.formats for source in sources if source.formats), "a task (.yaml)"]
        ),
        do=unpack_first(path),
    )

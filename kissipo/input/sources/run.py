"""A run: what a layer of a trained net makes of the samples of the run.

    kissipo fit run:runs/digits-1 layer=layers.1 output.map=2

The samples are those that the run was trained and evaluated on. The net of the run is
part of the new net, and is not trained again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kissipo.core.errors import TaskError
from kissipo.core.schema import option
from kissipo.core.task import Task
from kissipo.input.source import Source
from kissipo.input.source_data import Reading

if TYPE_CHECKING:
    from kissipo.input.question import Question

_PREFIX = "run:"


@dataclass(frozen=True)
class Options:
    """Options of a layer of a run."""

    layer: str | int | None = option(
        None,
        "layer of the net of the run, as `kissipo show RUN` names it; the last one before the "
        "output when omitted",
    )


class Run(Source[Options]):
    """The samples of a run, which a builder reads as the run does."""

    builder = "maps"
    answers = ("map",)
    order = 1
    independent = False
    formats = "run:FOLDER"

    def read(self, value: object, options: Options) -> Reading:
        """Refuses answers other than a map.

        Raises:   TaskError.
        """
        raise TaskError(
            "the layer of a run is read for a map only", allowed="output.map=2", do="Set output.map"
        )

    def infer(self, question: Question) -> Task | None:
        """Takes a folder such as run:runs/digits-1."""
        if not isinstance(question.data, str) or not question.data.startswith(_PREFIX):
            return None
        return question.task({"run": question.data.removeprefix(_PREFIX)}, "map")


SOURCE = Run()

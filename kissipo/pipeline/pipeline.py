"""Draft: a task on its way from what was written to a wired pipeline: the data, what was found in them, what was decided.

Everything that is decided is kept as a word of the task together with its reason, so that it can be printed, written to
`task.yaml` and edited. A written word is never touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kissipo.core.codec import Codec
from kissipo.core.finding import Finding
from kissipo.core.frame import Frame
from kissipo.core.task import Task
from kissipo.input.augment import Augment
from kissipo.input.split import Positions
from kissipo.input.tensor_dataset import TensorDataset
from kissipo.output.answer import Answer


@dataclass(frozen=True)
class InferredOption:
    """A word that was inferred, its value and the reason."""

    place: str
    value: Any
    reason: str = ""


@dataclass(frozen=True)
class Pipeline:
    """What the input and output stages became for these data.

    frame:     the samples as they came, in the order of the positions in `parts` (a series: its steps)
    parts:     positions of the samples of train, validation and test
    doors:     one codec for each input of the net
    answers:   one for each answer of the net
    feeds:     encoded samples of each part
    season:    steps after which a series repeats itself, else 0
    decisions: words that were inferred on the way
    augment:   how inputs are changed at random while learning
    """

    frame: Frame
    parts: Mapping[str, Positions]
    codecs: tuple[Codec, ...]
    answers: tuple[Answer, ...]
    datasets: Mapping[str, TensorDataset]
    findings: tuple[Finding, ...] = ()
    season: int = 0
    decisions: tuple[InferredOption, ...] = field(default=())
    augment: Augment | None = None

    @property
    def shown(self) -> str:
        """The part whose first sample is shown step by step: test, where that is empty train."""
        return "test" if len(self.datasets["test"]) else "train"

    @property
    def eval_split(self) -> str:
        """The part that judges the net: test, where that is empty validation, where both are empty train."""
        return next((name for name in ("test", "validation") if len(self.datasets[name])), "train")


def decide(task: Task, decisions: Mapping[str, Any] | tuple[InferredOption, ...]) -> Task:
    """The task with inferred words added; what is written with a value stays."""
    if isinstance(decisions, Mapping):
        decisions = tuple(InferredOption(place, value) for place, value in decisions.items())
    return task.with_words(
        {each.place: each.value for each in decisions if not is_written(task, each.place)}
    )


def is_written(task: Task, place: str) -> bool:
    """Whether a word stands in the task with a value."""
    value: Any = task.parts()
    for step in place.split("."):
        if isinstance(value, tuple):
            value = value[int(step)]
        elif isinstance(value, Mapping) and step in value:
            value = value[step]
        else:
            return False
    return value is not None

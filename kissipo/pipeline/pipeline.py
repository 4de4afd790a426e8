"""Pipeline: the data, codecs, answers and findings of a task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kissipo.core.codec import Codec
from kissipo.core.finding import Finding
from kissipo.core.frame import Frame
from kissipo.core.inferred_option import InferredOption
from kissipo.core.protocols import Augmentation
from kissipo.core.task import Task
from kissipo.input.split import Positions
from kissipo.input.tensor_dataset import TensorDataset
from kissipo.output.answer import Answer

if TYPE_CHECKING:
    from kissipo.input.sources.environment import World


@dataclass(frozen=True)
class Pipeline:
    """The input and the output of a task, fitted to its data.

    frame:              the samples before encoding (of a series: its steps)
    splits:             positions of the train, validation and test samples in the frame
    codecs:             one per input of the net
    answers:            one per answer of the net
    datasets:           the encoded samples of each split
    season_length:      steps after which a series repeats its pattern, else 0
    inferred_options:   options that were inferred from the data
    augment:            random changes of the inputs during training
    world:              the environment, where samples come from acting in one
    starts:             the first step of each series, and the number of steps
    unlabeled:          the samples without a target, which are predicted in the end
    overlap:            how many neighboring samples share a step: windows of a series
                        share steps of their targets, or of their inputs
    """

    frame: Frame
    splits: Mapping[str, Positions]
    codecs: tuple[Codec, ...]
    answers: tuple[Answer, ...]
    datasets: Mapping[str, TensorDataset]
    findings: tuple[Finding, ...] = ()
    season_length: int = 0
    inferred_options: tuple[InferredOption, ...] = field(default=())
    augment: Augmentation | None = None
    world: World | None = None
    starts: tuple[int, ...] = ()
    unlabeled: Frame | None = None
    overlap: int = 1

    def __post_init__(self) -> None:
        for answer in self.answers:
            answer.read_rows(self.frame)

    @property
    def shown_split(self) -> str:
        """The split whose first sample is shown step by step: test, or train if test is
        empty."""
        return "test" if len(self.datasets["test"]) else "train"

    @property
    def eval_split(self) -> str:
        """The split that evaluates the net: the first of test, validation, train with
        samples."""
        return next((name for name in ("test", "validation") if len(self.datasets[name])), "train")


def decide(task: Task, inferred_options: Mapping[str, object] | tuple[InferredOption, ...]) -> Task:
    """Returns the task with the inferred options; an option with a value is kept."""
    if isinstance(inferred_options, Mapping):
        inferred_options = tuple(
            InferredOption(place, value) for place, value in inferred_options.items()
        )
    return task.with_words(
        {
            option.place: option.value
            for option in inferred_options
            if not is_written(task, option.place)
        }
    )


def is_written(task: Task, place: str) -> bool:
    """Returns whether the task has a value for an option.

    A number in place of a mapping, such as input.split=0.3, settles all of its options.
    """
    value: object = task.parts()
    for step in place.split("."):
        if isinstance(value, tuple):
            value = value[int(step)]
        elif isinstance(value, Mapping) and step in value:
            value = value[step]
        else:
            return isinstance(value, int | float)
    return value is not None

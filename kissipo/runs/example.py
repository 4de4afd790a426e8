"""Example: one sample on its way through a run: what a person gives, or one of the data that the run was trained on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from torch import Tensor

from kissipo.codec.windows import Windows
from kissipo.core.errors import DataError, TaskError
from kissipo.core.frame import Frame
from kissipo.input.tensor_dataset import TensorDataset
from kissipo.output.answers.text import MOST_UNITS, NextToken
from kissipo.pipeline.pipeline import Pipeline
from kissipo.pipeline.registries import LOSSES
from kissipo.runs.trained import TrainedModel


class Loss(Protocol):
    """What is asked of a way of learning here."""

    def loss(self, outputs: Any, targets: tuple[Tensor, ...]) -> Tensor:
        """Of one sample."""
        ...


@dataclass(frozen=True)
class Example:
    """One sample.

    frame:  what it came from: its row, or the steps of its window
    feed:   itself, as the net takes it
    loss:   of it, which is followed back; None where it is not asked for
    """

    frame: Frame
    dataset: TensorDataset
    notes: tuple[str, ...] = ()
    loss: Loss | None = None


@dataclass(frozen=True)
class Continued:
    """The loss of a text by itself: after each unit but the last the next one is known."""

    of: Callable[[Tensor, Tensor], Tensor]

    def loss(self, outputs: Tensor, targets: tuple[Tensor, ...]) -> Tensor:
        """Over all steps whose truth is known."""
        return self.of(outputs[:, : targets[0].shape[1]], targets[0])


def example_of(run: TrainedModel, values: Sequence[Any]) -> Example:
    """The first sample of what a person gives, as predict takes it; a text that is read on and on is taken whole.

    Raises:   DataError, TaskError when it does not fit the run.
    """
    answer = run.answers[0]
    if isinstance(answer, NextToken) and isinstance(values[0], str):
        units, frame = answer.split(values[0])
        if not 1 <= len(units) <= MOST_UNITS:
            raise DataError(
                f"a text of {len(units):,} {answer.unit} cannot be read",
                allowed=f"1 to {MOST_UNITS:,}",
            )
        index = answer.codec.inner
        ids = index.encode(frame).unsqueeze(0)
        targets = (ids[:, 1:],) if ids.shape[1] > 1 else ()
        loss = Continued(LOSSES.find(answer.loss, place="process.loss").loss)
        return Example(frame, TensorDataset((ids,), targets), tuple(index.remarks(frame)), loss)
    frame, dataset, notes = run.encode(values)
    if len(dataset) > 1:
        notes.append(f"of {len(dataset):,} samples this is the first")
    return Example(frame, dataset.take(slice(0, 1)), tuple(notes))


def stored_example(run: TrainedModel, position: int = 0) -> Example:
    """A sample of the part that the run shows, counted from 0.

    Raises:   TaskError when there is no such sample.
    """
    pipeline = run.pipeline()
    part = pipeline.shown
    count = len(pipeline.datasets[part])
    if not 0 <= position < count:
        raise TaskError(f"the {part} part has no sample {position}", allowed=f"0 to {count - 1}")
    note = (
        f"this is the first sample of the {part} part"
        if position == 0
        else f"this is sample {position + 1} of the {part} part"
    )
    return sample_of(pipeline, part, position, notes=(note,))


def sample_of(
    pipeline: Pipeline,
    part: str,
    position: int,
    *,
    notes: tuple[str, ...] = (),
    loss: Loss | None = None,
) -> Example:
    """A sample of a part, counted from 0."""
    dataset = pipeline.datasets[part].take(slice(position, position + 1))
    first = int(pipeline.parts[part][position])
    steps = sum(codec.length for codec in pipeline.codecs if isinstance(codec, Windows))
    return Example(
        pipeline.frame.take(np.arange(first, first + max(1, steps))), dataset, notes, loss
    )

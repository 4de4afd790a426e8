"""Example: one input of a trained run, from the user or from the data of the run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from torch import Tensor

from kissipo.core.errors import DataError, TaskError
from kissipo.core.frame import Frame
from kissipo.core.protocols import longest_text
from kissipo.input.tensor_dataset import TensorDataset
from kissipo.output.vocabulary import MAX_UNITS
from kissipo.pipeline.pipeline import Pipeline
from kissipo.pipeline.registries import LOSSES
from kissipo.runs.trained import TrainedModel


class Loss(Protocol):
    """The part of a training algorithm that is used here."""

    def loss(self, outputs: Any, targets: tuple[Tensor, ...]) -> Tensor:
        """Returns the loss of one example."""
        ...


@dataclass(frozen=True)
class Example:
    """One example.

    frame:    the source of the example: its row, or the steps of its window
    dataset:  the encoded example
    loss:     the loss, which is backpropagated; None for no backward pass
    """

    frame: Frame
    dataset: TensorDataset
    notes: tuple[str, ...] = ()
    loss: Loss | None = None


@dataclass(frozen=True)
class Continued:
    """The loss of a text whose targets are its own next tokens."""

    of: Callable[[Tensor, Tensor], Tensor]

    def loss(self, outputs: Tensor, targets: tuple[Tensor, ...]) -> Tensor:
        """Returns the loss over all steps with a target."""
        return self.of(outputs[:, : targets[0].shape[1]], targets[0])


def example_of(run: TrainedModel, values: Sequence[object]) -> Example:
    """Returns the first example of the user's values, or a whole text.

    Raises:   DataError, TaskError when it does not fit the run.
    """
    answer, vocabulary = run.answers[0], run.answers[0].vocabulary
    if vocabulary is not None and isinstance(values[0], str):
        units, frame = vocabulary.split(values[0])
        if not 1 <= len(units) <= MAX_UNITS:
            raise DataError(
                f"a text of {len(units):,} {vocabulary.unit} cannot be read",
                allowed=f"1 to {MAX_UNITS:,}",
            )
        index, notes = vocabulary.codec, []
        longest = longest_text(run.net)
        if longest is not None and len(units) > longest:
            frame = frame.take(np.arange(len(units) - longest, len(units)))
            notes.append(
                f"the net reads {longest:,} {vocabulary.unit} at once: these are the last ones "
                f"of {len(units):,}"
            )
        ids = index.encode(frame).unsqueeze(0)
        targets = (ids[:, 1:],) if ids.shape[1] > 1 else ()
        loss = Continued(LOSSES.find(answer.loss, place="process.loss").loss)
        notes += index.remarks(frame)
        return Example(frame, TensorDataset((ids,), targets), tuple(notes), loss)
    frame, dataset, notes = run.encode(values)
    if len(dataset) > 1:
        notes.append(f"this is the first of {len(dataset):,} examples")
    return Example(frame, dataset.take(slice(0, 1)), tuple(notes))


def stored_example(run: TrainedModel, position: int = 0) -> Example:
    """Returns an example of the split that the run shows, counted from 0.

    Raises:   TaskError when there is no such example.
    """
    pipeline = run.pipeline()
    part = pipeline.shown_split
    count = len(pipeline.datasets[part])
    if not 0 <= position < count:
        raise TaskError(
            f"there is no such example of the {part} split",
            got=f"number {position + 1}",
            allowed=f"1 to {count}",
        )
    note = (
        f"this is the first example of the {part} split"
        if position == 0
        else f"this is example {position + 1} of the {part} split"
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
    """Returns an example of a split, counted from 0."""
    dataset = pipeline.datasets[part].take(slice(position, position + 1))
    first = int(pipeline.splits[part][position])
    steps = sum(codec.window_length for codec in pipeline.codecs)
    return Example(
        pipeline.frame.take(np.arange(first, first + max(1, steps))), dataset, notes, loss
    )

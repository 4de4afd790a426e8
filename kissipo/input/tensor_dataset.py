"""Datasets: encoded samples as tensors in memory, or read from disk batch by batch.

Batches are slices of the tensors; there is no collating of single samples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from kissipo.core.batch import Batch
from kissipo.core.forecast_steps import ForecastSteps
from kissipo.core.protocols import Dataset
from kissipo.input.bucketing import BucketedDataset, Texts, joint_lengths
from kissipo.input.lazy_dataset import LazyColumn, RaggedColumn, read_ahead

Finish = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class TensorDataset:
    """All samples of one split: one tensor or lazy column per input and per target.

    finishes:         functions applied to each batch of inputs
    target_finishes:  functions applied to each batch of targets
    weights:          the weights of the samples, with a mean of 1; None where all are
                      equal
    steps:            the steps of each forecast of new samples
    texts:            the texts whose length is similar in a training batch, if any
    remarks:          what was left out of new samples, in sentences
    """

    inputs: tuple[Tensor | LazyColumn, ...]
    targets: tuple[Tensor | LazyColumn, ...]
    finishes: Sequence[Finish | None] = ()
    target_finishes: Sequence[Finish | None] = ()
    weights: Tensor | None = None
    steps: Sequence[ForecastSteps] = ()
    texts: Texts | None = None
    remarks: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len((self.inputs or self.targets)[0])

    def batch(self, index: Tensor | slice) -> Batch:
        """Returns the batch of samples at these positions."""
        return self._finished(self._read(index))

    def ahead(self, order: Iterable[Tensor | slice]) -> Iterator[Batch]:
        """Yields the batches at these positions; lazy columns are read in advance."""
        if not any(isinstance(x, LazyColumn) for x in self.inputs):
            return map(self.batch, order)
        return (self._finished(batch) for _, batch in read_ahead(self._read, order))

    def for_training(self) -> Dataset:
        """Returns the samples as the training loop reads them."""
        if self.texts is None:
            return self
        texts = [self.targets[place] for place in self.texts.targets]
        texts += [self.inputs[place] for place in self.texts.inputs]
        lengths = joint_lengths(x for x in texts if isinstance(x, Tensor))
        return BucketedDataset(self, self.texts, lengths)

    def everything(self) -> Batch:
        """Returns all samples in one batch."""
        return self.batch(slice(None))

    def without_ragged(self, index: Tensor | slice) -> tuple[Tensor, ...]:
        """Returns the inputs of samples; ragged ones, whose padding would take much
        memory for many samples, have no steps."""
        if not any(isinstance(x, RaggedColumn) for x in self.inputs):
            return self.batch(index).inputs
        read = tuple(
            x.without_steps(index) if isinstance(x, RaggedColumn) else _pick(x, index)
            for x in self.inputs
        )
        return _finish(self.finishes, read)

    def truth(self, number: int, index: Tensor | slice = slice(None)) -> Tensor:
        """Returns the targets of one output."""
        target = _pick(self.targets[number], index)
        finish = self.target_finishes[number] if self.target_finishes else None
        return finish(target) if finish else target

    def take(self, positions: Tensor | slice) -> TensorDataset:
        """Selects samples. No values are copied before a batch is read.

        Inputs may overlap in memory, as windows of a series do.
        """
        inputs, targets = (
            tuple(x.take(positions) if isinstance(x, LazyColumn) else x[positions] for x in some)
            for some in (self.inputs, self.targets)
        )
        weights = None if self.weights is None else self.weights[positions]
        return TensorDataset(inputs, targets, self.finishes, self.target_finishes, weights)

    def _read(self, index: Tensor | slice) -> Batch:
        return Batch(
            tuple(_pick(x, index) for x in self.inputs),
            tuple(_pick(y, index) for y in self.targets),
            None if self.weights is None else _pick(self.weights, index),
        )

    def _finished(self, batch: Batch) -> Batch:
        if not (any(self.finishes) or any(self.target_finishes)):
            return batch
        inputs = _finish(self.finishes, batch.inputs)
        return replace(batch, inputs=inputs, targets=_finish(self.target_finishes, batch.targets))


def _finish(finishes: Sequence[Finish | None], tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Applies one function per tensor, where there is one."""
    if not any(finishes):
        return tensors
    return tuple(finish(x) if finish else x for finish, x in zip(finishes, tensors, strict=True))


def _pick(x: Tensor | LazyColumn, index: Tensor | slice) -> Tensor:
    """Selects rows of a tensor.

    `index_select` is several times faster than indexing for small batches.
    """
    if isinstance(x, LazyColumn):
        return x.read(index)
    return x[index] if isinstance(index, slice) else x.index_select(0, index)

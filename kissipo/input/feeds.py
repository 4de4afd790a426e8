"""Feeds: encoded samples, kept in memory as tensors that are sliced and not collated, or read from disk batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor

from kissipo.core.batch import Batch
from kissipo.input.on_disk import OnDisk, read_ahead

Finish = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class TensorFeed:
    """All samples of one part: one tensor for each input (or where it is read from) and one for each answer.

    finishes:  applied to each batch of inputs
    """

    inputs: tuple[Tensor | OnDisk, ...]
    targets: tuple[Tensor, ...]
    finishes: Sequence[Finish | None] = ()

    def __len__(self) -> int:
        return len((self.inputs or self.targets)[0])

    def batch(self, index: Tensor | slice) -> Batch:
        """The samples at the given positions."""
        return self._finished(index, self._read(index))

    def ahead(self, order: Iterable[Tensor | slice]) -> Iterator[Batch]:
        """The batches of these positions, one after the other; what lies on disk is read while the ones before are worked on."""
        if not any(isinstance(each, OnDisk) for each in self.inputs):
            return map(self.batch, order)
        return (self._finished(index, inputs) for index, inputs in read_ahead(self._read, order))

    def everything(self) -> Batch:
        """All samples in one batch."""
        return self.batch(slice(None))

    def take(self, positions: Tensor | slice) -> TensorFeed:
        """Some of the samples; inputs may overlap in memory (windows), so nothing is copied before a batch is read."""
        inputs = tuple(x.take(positions) if isinstance(x, OnDisk) else x[positions] for x in self.inputs)
        return TensorFeed(inputs, tuple(y[positions] for y in self.targets), self.finishes)

    def _read(self, index: Tensor | slice) -> tuple[Tensor, ...]:
        return tuple(x.read(index) if isinstance(x, OnDisk) else _pick(x, index) for x in self.inputs)

    def _finished(self, index: Tensor | slice, inputs: tuple[Tensor, ...]) -> Batch:
        if any(self.finishes):
            inputs = tuple(finish(x) if finish else x for finish, x in zip(self.finishes, inputs, strict=True))
        return Batch(inputs, tuple(_pick(tensor, index) for tensor in self.targets))


def _pick(tensor: Tensor, index: Tensor | slice) -> Tensor:
    """Rows of a tensor; `index_select` is several times faster than indexing for small batches."""
    return tensor[index] if isinstance(index, slice) else tensor.index_select(0, index)

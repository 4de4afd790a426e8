"""Feeds: encoded samples that stay in memory as tensors and are sliced, not collated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from kissipo.core.batch import Batch

Finish = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class TensorFeed:
    """All samples of one part: one tensor for each input and each answer; `finish` is applied to each batch of inputs."""

    inputs: tuple[Tensor, ...]
    targets: tuple[Tensor, ...]
    finishes: Sequence[Finish | None] = ()

    def __len__(self) -> int:
        return len((self.inputs or self.targets)[0])

    def batch(self, index: Tensor | slice) -> Batch:
        """The samples at the given positions."""
        inputs = tuple(_pick(tensor, index) for tensor in self.inputs)
        if any(self.finishes):
            inputs = tuple(finish(x) if finish else x for finish, x in zip(self.finishes, inputs, strict=True))
        return Batch(inputs, tuple(_pick(tensor, index) for tensor in self.targets))

    def everything(self) -> Batch:
        """All samples in one batch."""
        return self.batch(slice(None))

    def take(self, positions: Tensor | slice) -> TensorFeed:
        """Some of the samples; inputs may overlap in memory (windows), so nothing is copied before a batch is read."""
        return TensorFeed(
            tuple(x[positions] for x in self.inputs), tuple(y[positions] for y in self.targets), self.finishes
        )


def _pick(tensor: Tensor, index: Tensor | slice) -> Tensor:
    """Rows of a tensor; `index_select` is several times faster than indexing for small batches."""
    return tensor[index] if isinstance(index, slice) else tensor.index_select(0, index)

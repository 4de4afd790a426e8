"""Batch: the tensors that the input stage hands to the process stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class Batch:
    """Samples of one step: one tensor per input and per target, batch axis first.

    weights:  (batch) the weights of the samples, with a mean of 1 over their split;
              None where all are equal
    """

    inputs: tuple[Tensor, ...]
    targets: tuple[Tensor, ...]
    weights: Tensor | None = None

    def __len__(self) -> int:
        return len((self.inputs or self.targets)[0])

    def to(self, device: torch.device) -> Batch:
        """Returns the batch on a device; the same batch where it already is there."""
        if all(tensor.device == device for tensor in (*self.inputs, *self.targets)):
            return self
        return Batch(
            tuple(x.to(device, non_blocking=True) for x in self.inputs),
            tuple(target.to(device, non_blocking=True) for target in self.targets),
            None if self.weights is None else self.weights.to(device),
        )

    def split(self, parts: int) -> list[Batch]:
        """Cuts the batch into so many parts, whose sizes differ by at most 1.

        Example:  >>> [len(part) for part in Batch((torch.zeros(5, 2),), ()).split(3)]
                  [2, 2, 1]
        """
        rows = torch.arange(len(self)).tensor_split(min(parts, len(self)))
        return [self._rows(slice(int(some[0]), int(some[-1]) + 1)) for some in rows]

    def trimmed(
        self, inputs: Sequence[int] | None = None, targets: Sequence[int] | None = None
    ) -> Batch:
        """Returns the batch without the steps that are padding in all of its texts.

        inputs, targets:  the positions of the texts: ids (row, ..., time), where 0 is
                          padding, or numbers (row, time, feature); all when omitted
        """
        return Batch(_trimmed(self.inputs, inputs), _trimmed(self.targets, targets), self.weights)

    @property
    def total_weight(self) -> float:
        """The sum of the weights; the number of samples where there are none."""
        return len(self) if self.weights is None else float(self.weights.sum())

    def _rows(self, rows: slice) -> Batch:
        return Batch(
            tuple(x[rows] for x in self.inputs),
            tuple(target[rows] for target in self.targets),
            None if self.weights is None else self.weights[rows],
        )


def _trimmed(tensors: tuple[Tensor, ...], texts: Sequence[int] | None) -> tuple[Tensor, ...]:
    return tuple(
        trim(x) if texts is None or place in texts else x for place, x in enumerate(tensors)
    )


def is_step(x: Tensor) -> Tensor:
    """Returns which steps are not padding: ids (row, ..., time) that are not 0, or
    numbers (row, time, feature) of which the first is not 0.

    Example:  >>> is_step(torch.tensor([[[0.5, 0.0], [0.0, 0.0]]])).tolist()
              [[True, False]]
    """
    return (x[..., 0] if x.is_floating_point() else x) != 0


def joined_weights(batches: Sequence[Batch]) -> Tensor | None:
    """Returns the weights of the samples of all batches; None where all are equal.

    Example:  >>> batch = Batch((torch.zeros(2, 1),), (), torch.tensor([0.5, 1.5]))
              >>> joined_weights([batch, batch])
              tensor([0.5000, 1.5000, 0.5000, 1.5000])
    """
    weights = [batch.weights for batch in batches if batch.weights is not None]
    return torch.cat(weights) if weights else None


def trim(ids: Tensor) -> Tensor:
    """Cuts off the last steps that are padding in all rows; one step is left.

    A graph that is traced keeps all steps, because it must suit other texts, too. A
    meta tensor keeps them, because it has no values.

    Example:  >>> trim(torch.tensor([[4, 0, 5, 0], [4, 0, 0, 0]])).tolist()
              [[4, 0, 5], [4, 0, 0]]
    """
    if torch.jit.is_tracing() or ids.is_meta:
        return ids
    steps = is_step(ids)
    rows = steps if steps.dim() == 2 else steps.flatten(0, -2)
    counts = rows.sum(dim=0).tolist()  # operations that the page of an example knows
    used = [step for step, count in enumerate(counts, 1) if count]
    length = used[-1] if used else 1
    return ids[:, :length] if ids.is_floating_point() else ids[..., :length]


def untrim(outputs: Tensor, steps: int) -> Tensor:
    """Appends steps of 0 to outputs (row, time, ...), up to the number of steps.

    Example:  >>> untrim(torch.tensor([[4, 0, 5], [4, 0, 0]]), 4).tolist()
              [[4, 0, 5, 0], [4, 0, 0, 0]]
    """
    missing = steps - outputs.shape[1]
    return functional.pad(outputs, (0, 0) * (outputs.dim() - 2) + (0, missing))

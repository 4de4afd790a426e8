"""Batch: the tensors that the input stage hands to the process stage."""

from dataclasses import dataclass

from torch import Tensor


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

    @property
    def total_weight(self) -> float:
        """The sum of the weights; the number of samples where there are none."""
        return len(self) if self.weights is None else float(self.weights.sum())

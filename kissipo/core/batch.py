"""Batch: the tensors that the input stage hands to the process stage."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True)
class Batch:
    """Samples of one step: one tensor per input and per target, batch axis first."""

    inputs: tuple[Tensor, ...]
    targets: tuple[Tensor, ...]

    def __len__(self) -> int:
        return len((self.inputs or self.targets)[0])

"""Batch: what the input stage hands to the process stage, a few samples at a time."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True)
class Batch:
    """Samples side by side: one tensor for each input port and one for each answer, the batch axis first."""

    inputs: tuple[Tensor, ...]
    targets: tuple[Tensor, ...]

    def __len__(self) -> int:
        return len((self.inputs or self.targets)[0])

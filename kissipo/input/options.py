"""Options that every source of samples has: the split and the batch size."""

from dataclasses import dataclass

from kissipo.core.schema import word
from kissipo.input.split import Split


@dataclass(frozen=True)
class Options:
    """Options for splitting and batching."""

    split: Split = word(Split(), "how samples are split into train, validation and test")
    batch_size: int | None = word(None, "number of samples per batch", at_least=1)

"""Options that every source of samples has: the split and the batch size."""

from dataclasses import dataclass

from kissipo.core.schema import option
from kissipo.input.split import Split


@dataclass(frozen=True)
class Options:
    """Options for splitting and batching."""

    split: Split = option(Split(), "how samples are split into train, validation and test")
    batch_size: int | None = option(None, "number of samples per batch", minimum=1)

"""Options that every source of samples has: the split and the batch size."""

from dataclasses import dataclass

from kissipo.core.schema import NotSearched, Values, option
from kissipo.input.split import Split


@dataclass(frozen=True)
class Options:
    """Options for splitting and batching."""

    split: Split = option(
        Split(),
        "how samples are split into train, validation and test",
        search=NotSearched("another split has other validation samples"),
    )
    batch_size: int | None = option(
        None, "number of samples per batch", minimum=1, search=Values((16, 32, 64, 128))
    )

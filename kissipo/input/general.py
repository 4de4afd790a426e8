"""Words that every source of samples has: how they are split and how many go side by side."""

from dataclasses import dataclass

from kissipo.core.schema import word
from kissipo.input.split import Split


@dataclass(frozen=True)
class Options:
    """Splitting and batching."""

    split: Split = word(Split(), "which samples train, validate and judge")
    batch: int | None = word(None, "how many samples are learned from at once", at_least=1)

"""Words that every answer has."""

from dataclasses import dataclass

from kissipo.core.schema import word


@dataclass(frozen=True)
class Options:
    """What stands beside the score."""

    baselines: tuple[str, ...] | None = word(
        None, "which simple answers are judged beside the net; all that fit when left out"
    )

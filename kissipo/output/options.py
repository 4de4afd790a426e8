"""Options that every answer has."""

from dataclasses import dataclass

from kissipo.core.schema import option


@dataclass(frozen=True)
class Options:
    """The options that every answer has."""

    baselines: tuple[str, ...] | None = option(
        None, "baselines evaluated on the same samples; all suitable ones when omitted"
    )
    metrics: tuple[str, ...] = option((), "further metrics, by their names")

"""Options that every answer has."""

from dataclasses import dataclass
from typing import Any

from kissipo.core.schema import option


@dataclass(frozen=True)
class Options:
    """The options that every answer has."""

    baselines: tuple[str, ...] | None = option(
        None, "baselines evaluated on the same samples; all suitable ones when omitted"
    )
    metrics: tuple[Any, ...] = option(
        (), "further metrics, by their names; in Python also functions of targets and predictions"
    )

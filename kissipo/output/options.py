"""FrozenConfig that every answer has."""

from dataclasses import dataclass

from kissipo.core.schema import word


@dataclass(frozen=True)
class Options:
    """What the model is compared with."""

    baselines: tuple[str, ...] | None = word(
        None, "baselines evaluated on the same samples; all suitable ones when omitted"
    )

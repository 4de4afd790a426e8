"""Made samples: systems of equations, small truth tables, starting points on surfaces."""

from dataclasses import dataclass
from typing import Any, Literal

from kissipo.core.registry import Registry
from kissipo.core.schema import word
from kissipo.input.source_data import Reading

SAMPLES = "rows"
MAKERS = Registry("kissipo.input.makers", "maker of samples")


@dataclass(frozen=True)
class Options:
    """The words of made samples."""

    scale: Literal["standard", "range", "none"] = word("none", "scaling of the generated numbers")


def read(value: Any, options: Options) -> Reading:
    """What the maker of that name makes."""
    reading: Reading = MAKERS.find(str(value), place="input.make").make()
    return reading

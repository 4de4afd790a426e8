"""Generated samples: systems of equations, truth tables, points on surfaces."""

from dataclasses import dataclass
from typing import Any, Literal

from kissipo.core.registry import Registry
from kissipo.core.schema import option
from kissipo.input.source import Source
from kissipo.input.source_data import Reading

MAKERS = Registry("kissipo.input.makers", "maker of samples")


@dataclass(frozen=True)
class Options:
    """Options of generated samples."""

    scale: Literal["standard", "range", "none"] = option("none", "scaling of the generated numbers")


class Make(Source[Options]):
    """Generated samples."""

    def read(self, value: Any, options: Options) -> Reading:
        """Returns the samples of the maker with this name."""
        reading: Reading = MAKERS.find(str(value), place="input.make").make()
        return reading


SOURCE = Make()

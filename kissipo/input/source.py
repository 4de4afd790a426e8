"""Source: the base class of every source of samples.

A source reads the data of a task, and the values that a person gives to `predict`. Each
source has its own file in `sources/`, named as users write it, with its `Options` and
one instance called SOURCE. All methods but `read` have the default of a table: a row is
a sample.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Generic, TypeVar

from kissipo.core.codec import Codec
from kissipo.core.frame import Frame
from kissipo.input.given_rows import parse_rows, row_usage

O = TypeVar("O")


class Source(ABC, Generic[O]):
    """A source, with options of the type O.

    builder:   the builder of its pipeline, by its file name
    """

    builder: ClassVar[str] = "rows"

    @abstractmethod
    def read(self, value: Any, options: O) -> Any:
        """Reads the data that `input` names: a Reading, or an environment.

        Raises:   DataError for data that cannot be read.
        """

    def parse_values(self, values: Sequence[Any], options: O, codecs: Sequence[Codec]) -> Frame:
        """Returns a frame of the values to predict, of which there is at least one.

        codecs:   the codecs of the inputs, which name the columns
        Raises:   TaskError, DataError when the values do not fit.
        """
        return parse_rows(values, options, codecs, usage=self.usage(codecs))

    def usage(self, codecs: Sequence[Codec]) -> str:
        """Returns a sentence that says which values can be predicted."""
        return row_usage(codecs)

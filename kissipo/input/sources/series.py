"""A series: values in the order of time. Samples are windows cut from it, and it is split by time only."""

from dataclasses import dataclass
from typing import Any, Literal

from kissipo.core.schema import word
from kissipo.input.datasets import find_data
from kissipo.input.formats.tables import FileWords, read_table
from kissipo.input.reading import Reading

SAMPLES = "series"


@dataclass(frozen=True)
class Options(FileWords):
    """The words of a series."""

    time: str | None = word(None, "the column of moments; found out when there is one")
    values: tuple[str, ...] | None = word(None, "the columns that the net sees, by default the one that is forecast")
    ahead: tuple[str, ...] | None = word(
        None, "columns that are known beforehand for the steps that are forecast: holidays, prices, plans"
    )
    calendar: bool = word(False, "whether the net sees the month, weekday and hour of the steps that it forecasts")
    steps: int | None = word(None, "how many steps from the beginning are used; all when left out", at_least=1)
    window: int | None = word(None, "how many steps back the net sees", at_least=1)
    season: int | None = word(None, "after how many steps the series repeats itself; 0: it does not", at_least=0)
    doubled: Literal["mean", "sum", "last"] | None = word(
        None, "what rows of the same moment become; they are refused when left out"
    )
    time_style: str | None = word(None, "how dates are written, as in strptime: %d/%m/%Y")


def read(value: Any, options: Options) -> Reading:
    """The rows of a file, a data frame or a named set, in the order in which they stand."""
    known = find_data(value, "series")
    if known is not None:
        return known
    frame, findings = read_table(value, options)
    return Reading(frame, tuple(findings))

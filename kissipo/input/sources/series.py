"""Series: values in order of time.

Samples are windows of the series, which is split by time only.
"""

from dataclasses import dataclass
from typing import Any, Literal

from kissipo.core.schema import option
from kissipo.input.datasets import find_data
from kissipo.input.formats.tables import FileWords, read_table
from kissipo.input.source_data import Reading

SAMPLES = "series"


@dataclass(frozen=True)
class Options(FileWords):
    """Options of a series."""

    time: str | None = option(None, "timestamp column; inferred if there is only one")
    features: tuple[str, ...] | None = option(
        None, "input columns; the target columns when omitted"
    )
    future_covariates: tuple[str, ...] | None = option(
        None, "columns known in advance for the forecast horizon: holidays, prices, plans"
    )
    time_features: bool = option(
        False, "add month, weekday and hour of the forecast steps as inputs"
    )
    max_rows: int | None = option(
        None, "number of rows to use, from the beginning; all when omitted", minimum=1
    )
    window: int | None = option(None, "number of past time steps in each input window", minimum=1)
    season_length: int | None = option(
        None, "seasonal period in time steps; 0: no seasonality", minimum=0
    )
    duplicate_timestamps: Literal["mean", "sum", "last"] | None = option(
        None, "how rows with the same timestamp are aggregated; an error when omitted"
    )
    date_format: str | None = option(None, "format of dates, as in strptime: %d/%m/%Y")


def read(value: Any, options: Options) -> Reading:
    """Reads a file, a data frame or a named data set, with its rows in their order."""
    reading = find_data(value, "series")
    if reading is not None:
        return reading
    frame, findings = read_table(value, options)
    return Reading(frame, tuple(findings))

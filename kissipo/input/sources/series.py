"""Series: values in order of time.

Samples are windows of the series, which is split by time only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from kissipo.core.codec import Codec
from kissipo.core.errors import DataError, TaskError
from kissipo.core.frame import Frame
from kissipo.core.schema import option
from kissipo.core.task import Task
from kissipo.core.timestamps import DATE_FORMAT
from kissipo.input.datasets import find_data
from kissipo.input.formats.tables import FileWords, table_reading
from kissipo.input.given_rows import column_of, given_table
from kissipo.input.question import Question
from kissipo.input.series_order import TimeOptions, order_rows
from kissipo.input.source import Source
from kissipo.input.source_data import Reading


@dataclass(frozen=True)
class Options(FileWords):
    """Options of a series."""

    time: str | tuple[str, ...] | None = option(
        None,
        "timestamp column, or several that are one timestamp (year, month, day, hour); "
        "inferred if there is only one",
    )
    series_id: tuple[str, ...] | None = option(
        None, "column that names the series, where a file holds several; [] for one series"
    )
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
        None,
        "number of rows to use, from the beginning (of each series); all when omitted",
        minimum=1,
    )
    window: int | None = option(None, "number of past time steps in each input window", minimum=1)
    season_length: int | None = option(
        None, "seasonal period in time steps; 0: no seasonality", minimum=0
    )
    duplicate_timestamps: Literal["mean", "sum", "last"] | None = option(
        None, "how rows with the same timestamp are aggregated; an error when omitted"
    )
    date_format: str | None = option(None, DATE_FORMAT)


class Series(Source[Options]):
    """Values in order of time."""

    builder = "series"
    answers = ("forecast", "anomaly", "category")
    independent = False
    order = 40

    def read(self, value: object, options: Options) -> Reading:
        """Reads a file, a data frame or a named data set, with its rows in order."""
        reading = find_data(value, "series")
        if reading is not None:
            return reading
        return table_reading(value, options)

    def infer(self, question: Question) -> Task | None:
        """Takes a table with even timestamps, or of which a forecast is asked."""
        if question.data_set is not None:
            output = question.output or question.data_set.read().answer
        elif question.is_table and (
            question.time
            or question.horizon
            or question.words.keys() & {"time", "series_id"}
            or question.answer in ("forecast", "anomaly")
            or (question.answer is None and question.is_series)
        ):
            output = question.output or _only_number(question.table, question.time)
        else:
            return None
        inputs = {"series": question.value} | ({"time": question.time} if question.time else {})
        outputs = {question.answer or "forecast": output}
        if question.horizon:
            outputs["horizon"] = question.horizon
        return question.task(inputs, outputs)

    def parse_values(
        self, values: Sequence[object], options: Options, codecs: Sequence[Codec]
    ) -> Frame:
        """Returns the newest steps: a table, or the values of a single column."""
        table = given_table(values, options)
        if table is not None:
            return _ordered(table, options, codecs)
        columns = codecs[0].columns
        if len(columns) != 1:
            raise TaskError(
                "this run needs several columns",
                do=f"Give a file with the columns {', '.join(columns)}",
            )
        cells = [cell for item in values for cell in np.asarray(item, dtype=object).reshape(-1)]
        return Frame((column_of(columns[0], cells),), origin="the values")

    def value_axes(self, codecs: Sequence[Codec]) -> int | None:
        return None

    def usage(self, codecs: Sequence[Codec]) -> str:
        """Returns how the newest steps are given."""
        return "Give a file with the newest steps: kissipo predict RUN --file new.csv"


def _ordered(table: Frame, options: Options, codecs: Sequence[Codec]) -> Frame:
    """Returns new steps in order of time, where they have a time column."""
    names = (options.time,) if isinstance(options.time, str) else options.time or ()
    absent = [name for name in options.series_id or () if name not in table]
    if absent:
        raise DataError(
            f"{table.origin} has no column '{absent[0]}', which names the series",
            got="the columns " + ", ".join(table.names),
        )
    has_time = bool(names) and all(name in table for name in names)
    if not has_time and not options.series_id:
        return table
    needed = [name for codec in codecs for name in codec.columns]
    time_options = TimeOptions(
        options.time if has_time else None,
        options.series_id or (),
        options.duplicate_timestamps,
        options.date_format,
    )
    return order_rows(table, time_options, extra=needed).frame


def _only_number(frame: Frame, time: str | None) -> str:
    numbers = [
        column.name for column in frame.columns if column.kind == "number" and column.name != time
    ]
    if len(numbers) == 1:
        return numbers[0]
    if not numbers:
        raise DataError(
            f"{frame.origin} has no column of numbers to forecast",
            got="the columns " + ", ".join(frame.names),
        )
    raise TaskError(
        f"which column of {frame.origin} is to be forecast?",
        got="the numbers " + ", ".join(numbers),
        do="Name it with --output COLUMN",
    )


SOURCE = Series()

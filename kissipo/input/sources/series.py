"""Series: values in order of time.

Samples are windows of the series, which is split by time only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from kissipo.core.codec import Codec
from kissipo.core.errors import DataError, TaskError
from kissipo.core.frame import Frame
from kissipo.core.schema import option
from kissipo.core.task import Task
from kissipo.core.text import list_ends
from kissipo.core.time.timestamps import DATE_FORMAT
from kissipo.input.datasets import find_data
from kissipo.input.formats.tables import FileWords, table_reading
from kissipo.input.given_rows import column_of, given_table
from kissipo.input.series_order import TimeOptions, order_rows
from kissipo.input.source import Source
from kissipo.input.source_data import Reading
from kissipo.input.wide_series import (
    WideSeries,
    find_wide,
    inferred_option,
    melted,
    wide_finding,
    without_blanks,
)

if TYPE_CHECKING:
    from kissipo.input.question import Question


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
    series_in_rows: bool | None = option(
        None, "each row is one series, whose steps are columns (1960, 1961, ...); inferred"
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
    log_transform: bool | None = option(
        None,
        "learn the logarithms of a positive series, so that changes are relative; inferred "
        "where the seasonal swing grows with the level",
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
        reading = table_reading(value, options)
        wide = _series_in_rows(reading.frame, options)
        if wide is None:
            return reading
        frame, findings = without_blanks(reading.frame, wide)
        inferred = () if options.series_in_rows else (inferred_option(reading.frame, wide),)
        return replace(
            reading,
            frame=melted(frame, wide),
            findings=(*reading.findings, wide_finding(reading.frame, wide), *findings),
            inferred_options=(*reading.inferred_options, *inferred),
        )

    def infer(self, question: Question) -> Task | None:
        """Takes a table with even timestamps, or of which a forecast is asked."""
        if question.data_set is not None:
            output = question.output or question.data_set.read().answer
        elif question.wide is not None:
            return _task_of_rows(question, question.wide)
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
            wide = _series_in_rows(table, options) if options.series_in_rows else None
            table = table if wide is None else melted(table, wide)
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


def _series_in_rows(frame: Frame, options: Options) -> WideSeries | None:
    """Returns the series in the rows of a table, where the task or its columns say so.

    Raises:   DataError where the task says so and no columns are steps.
    """
    option = options.series_in_rows
    if option is False:
        return None
    wide = find_wide(frame, style=options.date_format, is_asked=option is True)
    if option and wide is None:
        raise DataError(
            f"no columns of {frame.origin} are the steps of a series, as "
            "input.series_in_rows=true says",
            got="the columns " + list_ends(frame.names, 3, 1),
            allowed="dates, years or running numbers in the header",
            do="Name the columns after their times, such as 2024-01, or leave the option out",
        )
    if wide is None or option:
        return wide
    is_free = options.time is None or set(wide.dates) & set(np.atleast_1d(options.time).tolist())
    return wide if wide.is_clear and is_free else None


def _task_of_rows(question: Question, wide: WideSeries) -> Task:
    """Returns the task that forecasts the series in the rows of a table.

    Raises:   DataError for a column of time or of values that is none.
    """
    frame = question.rows
    output = question.output or (wide.values[0] if len(wide.values) == 1 else None)
    if output is None:
        raise TaskError(
            f"which value of {frame.origin} is to be forecast?",
            got=", ".join(wide.values),
            do=f"Name it with --output {wide.values[0]}",
        )
    if output not in wide.values or (question.time and question.time not in wide.dates):
        raise DataError(
            f"in {frame.origin}, {wide.describe(len(frame))}",
            got=f"'{question.time if output in wide.values else output}' as a column",
            do=f"Leave --time out, and --output, too, or write --output {wide.values[0]}",
        )
    words: dict[str, object] = {"series": question.value, "series_in_rows": True}
    outputs: dict[str, object] = {question.answer or "forecast": output}
    if question.horizon:
        outputs["horizon"] = question.horizon
    return question.task(words, outputs, (inferred_option(frame, wide),))


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
        got="the numbers " + list_ends(numbers, 6, 1),
        do="Name it with --output COLUMN, or set input.series_in_rows=true if each row is "
        "one series whose steps are columns",
    )


SOURCE = Series()

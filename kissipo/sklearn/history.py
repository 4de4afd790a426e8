"""History: the steps of a series as people have it -> columns of kissipo, and back.

pandas      a Series or a DataFrame whose index is time, periods or numbers
polars ...  a data frame with one column of timestamps
numpy       an array (step) or (step, variable), or a list
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from kissipo.core.errors import DataError
from kissipo.core.frame import Column, Frame, numbers, times
from kissipo.core.time.timestamps import as_time, looks_like_time
from kissipo.input.formats.dataframe import from_dataframe, is_dataframe
from kissipo.input.series_order import TimeOptions, order_rows

Pandas = Any
Values = NDArray[np.float64]
Timestamps = NDArray[np.datetime64]
_TIME, _VALUE = "time", "value"
_MIN_STEPS = 3  # from which pandas infers a frequency


@dataclass(frozen=True)
class History:
    """The steps of a series.

    names:    the names of the variables
    values:   (step, variable)
    time:     one timestamp per step; None where there are none
    heading:  the name of the timestamps
    """

    names: tuple[str, ...]
    values: Values
    time: Timestamps | None = None
    heading: str = _TIME

    def __len__(self) -> int:
        return len(self.values)

    def frame(self) -> Frame:
        """Returns the timestamps, if any, and the variables as columns."""
        timestamps = () if self.time is None else (times(self.heading, self.time),)
        variables = (
            numbers(name, values) for name, values in zip(self.names, self.values.T, strict=True)
        )
        return Frame((*timestamps, *variables), "the series")

    def extended(self, values: Values, labels: Sequence[str]) -> History:
        """Returns the history with further steps.

        labels:   the timestamps of the steps; they are not read where there are none
        """
        joined = np.concatenate([self.values, values])
        if self.time is None:
            return replace(self, values=joined)
        later = np.asarray(labels, dtype=self.time.dtype)
        return replace(self, values=joined, time=np.concatenate([self.time, later]))


def read_history(series: object) -> History:
    """Returns the steps of a series.

    Raises:   DataError for an object that is not a series, for texts, and for several
              columns of timestamps.
    """
    pandas = nw.dependencies.get_pandas()
    if pandas is not None and isinstance(series, pandas.Series):
        series = series.to_frame(_VALUE if series.name is None else str(series.name))
    if pandas is not None and isinstance(series, pandas.DataFrame):
        return _of_pandas(series)
    if is_dataframe(series):
        return _of_frame(from_dataframe(series, origin="the series"))
    return _of_array(series)


def last_step(series: Pandas) -> object:
    """Returns the last step of a series, in its form."""
    pandas = nw.dependencies.get_pandas()
    if pandas is not None and isinstance(series, pandas.Series):
        return series.iloc[-1:]
    if not is_dataframe(series):
        return np.asarray(series)[-1:]
    frame = nw.from_native(series)
    frame = frame.collect() if isinstance(frame, nw.LazyFrame) else frame
    return frame.tail(1).to_native()


def like(series: object, history: History, steps: int) -> object:
    """Returns the last steps of a history in the form of a series.

    series:   the series that was forecast, or its first steps
    """
    values, names = history.values[-steps:], history.names
    pandas = nw.dependencies.get_pandas()
    if pandas is not None and isinstance(series, pandas.Series | pandas.DataFrame):
        index = _index(series.index, history, steps)
        if isinstance(series, pandas.Series):
            return pandas.Series(values[:, 0], index=index, name=series.name)
        if not _has_time(series.index) and history.time is not None:
            columns = _columns(history, steps)
            return pandas.DataFrame(columns, index=index)
        return pandas.DataFrame(values, index=index, columns=list(names))
    if is_dataframe(series):
        backend = nw.get_native_namespace(nw.from_native(series))
        return nw.from_dict(_columns(history, steps), backend=backend).to_native()
    return values[:, 0] if np.asarray(series).ndim < 2 else values


def _columns(history: History, steps: int) -> dict[str, list[object]]:
    columns: dict[str, list[object]] = {}
    if history.time is not None:
        columns[history.heading] = history.time[-steps:].astype("datetime64[us]").tolist()
    for name, values in zip(history.names, history.values[-steps:].T, strict=True):
        columns[name] = values.tolist()
    return columns


def _of_pandas(series: Pandas) -> History:
    """Returns the steps of a data frame of pandas, whose index may be the time."""
    history = _of_frame(from_dataframe(series, origin="the series"))
    if not _has_time(series.index):
        return history
    if history.time is not None:
        raise DataError(
            f"the series has timestamps in its index and in the column '{history.heading}'",
            do=f"Leave one out: series.drop(columns='{history.heading}')",
        )
    index = series.index
    if hasattr(index, "to_timestamp"):
        index = index.to_timestamp()
    stamps = index.tz_localize(None) if index.tz is not None else index
    time = np.asarray(stamps.to_numpy(), dtype="datetime64[us]")
    return replace(history, time=time, heading=str(index.name or _TIME))


def _has_time(index: Pandas) -> bool:
    pandas = nw.dependencies.get_pandas()
    return isinstance(index, pandas.DatetimeIndex | pandas.PeriodIndex)


def _index(index: Pandas, history: History, steps: int) -> Pandas:
    """Returns the index of the next steps."""
    pandas = nw.dependencies.get_pandas()
    if not _has_time(index):
        is_number = index.dtype.kind in "iu" and len(index)
        first = int(index[-1]) + 1 if is_number else len(history) - steps
        return pandas.RangeIndex(first, first + steps, name=index.name)
    assert history.time is not None
    later = pandas.DatetimeIndex(history.time[-steps:], name=index.name)
    if isinstance(index, pandas.PeriodIndex):
        return later.to_period(index.freq)
    later = later.as_unit(index.unit).tz_localize(index.tz)
    return pandas.DatetimeIndex(later, freq="infer") if steps >= _MIN_STEPS else later


def _of_frame(frame: Frame) -> History:
    """Returns the steps of columns, one of which may be the time."""
    stamps = [column for column in frame.columns if looks_like_time(column)]
    if len(stamps) > 1:
        raise DataError(
            "the series has several columns of timestamps",
            got=", ".join(column.name for column in stamps),
            do="Leave all but one out",
        )
    variables = [column for column in frame.columns if column not in stamps]
    for column in variables:
        if column.kind != "number":
            raise DataError(
                f"'{column.name}' is not a column of numbers",
                got=f"'{column.show(0)}'",
                allowed="columns of numbers, and one of timestamps",
                do="Leave the column out, or make numbers of it",
            )
    if not variables:
        raise DataError("the series has no column of numbers", got=", ".join(frame.names))
    values = np.stack([column.values for column in variables], axis=1)
    names = tuple(column.name for column in variables)
    if not stamps:
        _refuse_time(frame)
        return History(names, values)
    return History(names, values, _timestamps(stamps[0]), stamps[0].name)


def _refuse_time(frame: Frame) -> None:
    """Refuses numbers that are years or parts of a date, which are not variables."""
    name = order_rows(frame, TimeOptions(None, (), "last")).time
    if name is not None:
        raise DataError(
            f"the numbers of '{name}' seem to be the time of the series",
            do="Make timestamps of them: pandas.to_datetime(series['Year'], format='%Y')",
        )


def _timestamps(column: Column) -> Timestamps:
    time = as_time(column)
    if time is None or time.missing.any():
        raise DataError(f"the timestamps of '{column.name}' cannot all be read")
    return time.values.astype("datetime64[us]")


def _of_array(series: object) -> History:
    try:
        values = np.asarray(series, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(
            "a series must be numbers in order of time",
            got=type(series).__name__,
            allowed="a Series or a DataFrame of pandas, another data frame, an array, a list",
        ) from None
    if values.ndim not in (1, 2) or not values.size:
        raise DataError(
            "a series must have one axis of steps, and at most one of variables",
            got=f"an array of the shape {values.shape}",
            allowed="(steps,) or (steps, variables)",
        )
    if values.ndim == 1:
        return History((_VALUE,), values[:, None])
    return History(tuple(f"{_VALUE}{place}" for place in range(values.shape[1])), values)

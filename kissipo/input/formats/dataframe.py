"""Any data frame (pandas, polars, pyarrow and more, through narwhals) and Parquet files into a frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np

from kissipo.core.errors import DataError
from kissipo.core.extras import need
from kissipo.core.frame import Column, Frame, numbers, strings, times
from kissipo.input.formats.files import existing, readable


def is_dataframe(data: Any) -> bool:
    """Whether narwhals knows this kind of data frame."""
    return isinstance(nw.from_native(data, pass_through=True), nw.DataFrame | nw.LazyFrame)


def read_parquet(path: Path) -> Frame:
    """The frame of a Parquet file.

    Raises:   MissingExtraError without the extra 'frames'; DataError when the file is damaged.
    """
    existing(path)
    polars = need("polars", extra="frames", purpose="reading Parquet")
    with readable(path):
        try:
            table = polars.read_parquet(path)
        except (polars.exceptions.PolarsError, OSError) as error:
            raise DataError(f"{path} is not a readable Parquet file: {str(error).splitlines()[0]}") from None
    return from_dataframe(table, origin=str(path))


def from_dataframe(data: Any, *, origin: str) -> Frame:
    """The frame of a data frame; the index of pandas is left out.

    Raises:   DataError when it has no rows, or a column of a type without a meaning here (lists, structures).
    """
    table = nw.from_native(data)
    table = table.collect() if isinstance(table, nw.LazyFrame) else table
    if len(table) == 0:
        raise DataError(f"{origin} has no rows")
    return Frame(tuple(_column(str(name), table[name]) for name in table.columns), origin=origin)


def _column(name: str, series: Any) -> Column:
    kind = series.dtype
    if kind.is_numeric():
        values = np.asarray(series.cast(nw.Float64).to_numpy(), dtype=np.float64)
        return numbers(name, values)
    if kind == nw.Boolean:
        return strings(name, [None if value is None else str(value).lower() for value in series.to_list()])
    if kind in (nw.Datetime, nw.Date):
        return times(
            name,
            [np.datetime64("NaT") if value is None else np.datetime64(value, "s") for value in _without_zone(series)],
        )
    if kind in (nw.String, nw.Categorical, nw.Object, nw.Enum, nw.Unknown):
        return strings(name, [_text(name, value) for value in series.to_list()])
    raise DataError(
        f"the column '{name}' holds {kind}", allowed="numbers, texts, true/false, dates", do="Convert or drop it first"
    )


def _without_zone(series: Any) -> list[Any]:
    values = series.to_list()
    return [value.replace(tzinfo=None) if getattr(value, "tzinfo", None) else value for value in values]


def _text(name: str, value: Any) -> str | None:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return None
    if isinstance(value, list | dict | tuple | np.ndarray):
        raise DataError(
            f"the column '{name}' holds nested values", given=str(value)[:60], do="Flatten it into columns first"
        )
    return str(value)

"""Data frames: pandas, polars, pyarrow and more (through narwhals), and Parquet."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np

from kissipo.core.errors import DataError
from kissipo.core.extras import need
from kissipo.core.frame import Column, Frame, numbers, strings, times
from kissipo.input.cells.cells import mixed
from kissipo.input.cells.number_texts import is_code
from kissipo.input.formats.files import existing, readable

NativeFrame = Any
ARROW = (".feather", ".arrow", ".ipc")
_EXACT = 2.0**53


def is_dataframe(data: object) -> bool:
    """Whether the data are a data frame that narwhals supports."""
    try:
        return isinstance(nw.from_native(data, pass_through=True), nw.DataFrame | nw.LazyFrame)
    except nw.exceptions.DuplicateError:  # `from_dataframe` refuses it with a reason
        return True


def read_parquet(path: Path) -> Frame:
    """Reads a Parquet or an Arrow file, as Feather is.

    Raises:   MissingExtraError without the extra 'frames'; DataError for a damaged
              file.
    """
    existing(path)
    is_arrow = path.suffix.lower() in ARROW
    kind = "Arrow" if is_arrow else "Parquet"
    polars = need("polars", extra="frames", purpose=f"reading {kind}")
    with readable(path):
        try:
            table = polars.read_ipc(path.read_bytes()) if is_arrow else polars.read_parquet(path)
        except (polars.exceptions.PolarsError, OSError) as error:
            raise DataError(
                f"{path} is not a readable {kind} file: {str(error).splitlines()[0]}"
            ) from None
        except BaseException as error:
            if type(error).__name__ != "PanicException":  # a crash of its Rust code
                raise
            raise DataError(f"{path} is not a readable {kind} file", do="Write it again") from None
    return from_dataframe(table, origin=str(path))


def from_dataframe(data: NativeFrame, *, origin: str) -> Frame:
    """Converts a data frame; the index of pandas is left out.

    Raises:   DataError for a data frame without rows, and for a column of an
              unsupported type (lists, structures).
    """
    try:
        table = nw.from_native(data)
        table = table.collect() if isinstance(table, nw.LazyFrame) else table
        columns = [series.alias(str(series.name)) for series in table.iter_columns()]
    except nw.exceptions.DuplicateError:
        raise DataError(
            f"{origin} has two columns with the same name", do="Give every column its own name"
        ) from None
    if len(table) == 0:
        raise DataError(f"{origin} has no rows")
    return Frame(tuple(_column(series.name, series) for series in columns), origin=origin)


def _column(name: str, series: nw.Series[Any]) -> Column:
    kind = series.dtype
    if kind.is_numeric():
        values = np.asarray(series.cast(nw.Float64).to_numpy(), dtype=np.float64)
        if kind.is_integer() and np.any(np.abs(values) >= _EXACT):
            texts = [None if cell is None else str(int(cell)) for cell in series.to_list()]
            if any(map(is_code, filter(None, texts))):
                return strings(name, texts, value_type="integer")
        column = numbers(name, values)
        return replace(column, value_type="float") if kind.is_float() else column
    cells = [
        None if is_missing else cell
        for cell, is_missing in zip(series.to_list(), series.is_null().to_list(), strict=True)
    ]
    if kind == nw.Boolean:
        texts = [None if cell is None else str(cell).lower() for cell in cells]
        return strings(name, texts, value_type="boolean")
    if kind in (nw.Datetime, nw.Date):
        return times(
            name, [np.datetime64("NaT") if cell is None else _timestamp(cell) for cell in cells]
        )
    if kind == nw.Object and all(isinstance(cell, str | int | float | None) for cell in cells):
        return mixed(name, cells)
    if kind in (nw.String, nw.Categorical, nw.Object, nw.Enum, nw.Unknown):
        return strings(name, [_text(name, cell) for cell in cells])
    raise DataError(
        f"the column '{name}' has the type {kind}",
        allowed="numbers, texts, true/false, dates",
        do="Convert or drop it first",
    )


def _timestamp(cell: Any) -> np.datetime64:
    """Returns the timestamp in local time, without its time zone."""
    return np.datetime64(cell.replace(tzinfo=None) if getattr(cell, "tzinfo", None) else cell, "us")


def _text(name: str, value: object) -> str | None:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return None
    if isinstance(value, list | dict | tuple | np.ndarray):
        raise DataError(
            f"the column '{name}' contains nested values",
            got=str(value)[:60],
            do="Flatten it into columns first",
        )
    return str(value)

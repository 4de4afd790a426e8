"""Years with a fraction: 1959.5, 2014.0417, as R and climate data write timestamps.

Months are written by their start (1959.0833 is February 1959) or by their middle
(1958.208 is March 1958), often rounded; quarters and days likewise. The steps of a
column say which of them it holds. One number per year (1700.5) stays a number.

Example:  >>> january = 1959 + np.arange(3) / 12
          >>> decimal_years(january.round(2)).astype("datetime64[D]").tolist()[1:]
          [datetime.date(1959, 2, 1), datetime.date(1959, 3, 1)]
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_FIRST_YEAR, _LAST_YEAR = 1500, 2200
_MIN_VALUES = 3
_PER_YEAR = {4: 0.02, 12: 0.07}  # with the rounding that is allowed, in parts of a month
_UNEVEN = 0.15
_DAY_ROUNDING = 0.25

Times = NDArray[np.datetime64]


def are_decimal_years(values: NDArray[np.float64]) -> bool:
    """Whether numbers are years with a fraction, at the steps of quarters, months or
    days."""
    if not len(values) or np.array_equal(values, np.floor(values)):
        return False
    if values.min() < _FIRST_YEAR or values.max() >= _LAST_YEAR:
        return False
    distinct = np.unique(values)
    return len(distinct) >= _MIN_VALUES and _parts(distinct) > 0


def decimal_years(values: NDArray[np.float64]) -> Times:
    """Returns the timestamps of years with a fraction: the start of the quarter, of the
    month or of the day, or the exact second where the steps are none of these."""
    distinct = np.unique(values)
    parts = _parts(distinct) if len(distinct) > 1 else 12
    if parts in _PER_YEAR:
        months = _positions(values, parts) * (12 // parts) - 1970 * 12
        return months.astype("datetime64[M]").astype("datetime64[us]")
    starts, lengths = _years(values)
    days = (values - np.floor(values)) * lengths
    if parts:
        is_rounded = np.abs(days - np.round(days)).max() <= _DAY_ROUNDING
        whole = np.round(days) if is_rounded else np.floor(days + 1e-6)
        return (starts + whole.astype(np.int64)).astype("datetime64[us]")
    seconds = np.round(days * 86_400).astype(np.int64).astype("timedelta64[s]")
    return (starts.astype("datetime64[s]") + seconds).astype("datetime64[us]")


def _parts(distinct: NDArray[np.float64]) -> int:
    """Returns the steps per year, 4, 12 or 365, that rising numbers take; else 0."""
    usual = float(np.median(np.diff(distinct)))
    for parts in _PER_YEAR:
        positions = _positions(distinct, parts)
        is_usual = abs(usual * parts - 1) < _UNEVEN
        if is_usual and np.all(np.diff(positions) > 0):
            return parts
    return 365 if abs(usual * 365.25 - 1) < _UNEVEN else 0


def _positions(values: NDArray[np.float64], parts: int) -> NDArray[np.int64]:
    """Returns the quarter or the month of each number, counted from the year 0."""
    exact = values * parts
    is_start = np.abs(exact - np.round(exact)).max() <= _PER_YEAR[parts] * 1.01
    return (np.round(exact) if is_start else np.floor(exact + 1e-6)).astype(np.int64)


def _years(values: NDArray[np.float64]) -> tuple[Times, NDArray[np.int64]]:
    """Returns the first day of each year, and how many days it has."""
    years = (np.floor(values).astype(np.int64) - 1970).astype("datetime64[Y]")
    starts = years.astype("datetime64[D]")
    return starts, ((years + 1).astype("datetime64[D]") - starts).astype(np.int64)

"""Spellings of timestamps as programs and people write them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from kissipo.core.frame import strings
from kissipo.core.time.timestamps import read_time

HOURS = pd.date_range("2014-01-30 22:00", periods=80, freq="h")
MONTHS = pd.date_range("2009-11-01", periods=60, freq="MS")


def read(texts: list[str]) -> np.ndarray | None:
    reading = read_time(strings("when", texts))
    return None if reading is None else reading.column.values.astype("datetime64[s]")


SPELLINGS = {
    "Oracle": lambda t: f"{t:%d-%b-%y %I.%M.%S.000000 %p}".upper(),
    "ctime": lambda t: f"{t:%a %b %d %H:%M:%S %Y}",
    "Twitter": lambda t: f"{t:%a %b %d %H:%M:%S} +0000 {t:%Y}",
    "digits": lambda t: f"{t:%Y%m%d %H%M}",
    "Chinese": lambda t: f"{t.year}年{t.month}月{t.day}日{t.hour}时",
    "Chinese with minutes": lambda t: f"{t.year}年{t.month}月{t.day}日 {t.hour}时00分",
    "Korean": lambda t: f"{t.year}. {t.month}. {t.day}. {t.hour}:00",
    "German": lambda t: f"{t:%d.%m.%Y} {t.hour}:00 Uhr",
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_clocks_in_other_spellings(spelling: str) -> None:
    values = read([SPELLINGS[spelling](stamp) for stamp in HOURS])
    np.testing.assert_array_equal(values, HOURS.to_numpy().astype("datetime64[s]"))


@pytest.mark.parametrize("form", ["%b-%y", "%y-%b", "%b %y", "%m/%Y", "%Y/%m", "%m.%Y", "%B '%y"])
def test_months_beside_years(form: str) -> None:
    texts = [f"{month:{form}}" for month in MONTHS]
    np.testing.assert_array_equal(read(texts), MONTHS.to_numpy().astype("datetime64[s]"))
    np.testing.assert_array_equal(read(texts[::-1]), MONTHS[::-1].to_numpy().astype("M8[s]"))
    np.testing.assert_array_equal(read(texts[-1:]), MONTHS[-1:].to_numpy().astype("M8[s]"))


@pytest.mark.parametrize(
    "texts",
    [
        [f"{day:%b-%d}" for day in pd.date_range("2024-01-20", periods=30)],
        ["Jan-01", "Jan-02", "Jan-03"],
        ["1999/00", "2000/01", "2001/02"],
        ["52/2014", "01/2015"],
        ["Jan-15", "Mar-15", "Feb-15"],
        ["part-15", "part-16"],
    ],
    ids=["days", "days of one month", "seasons", "weeks", "no order", "codes"],
)
def test_other_texts_are_no_months(texts: list[str]) -> None:
    assert read(texts) is None

"""Calendar: timestamps as points on circles, equal to Python's datetime."""

from __future__ import annotations

from datetime import datetime
from math import cos, pi, sin

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kissipo.codec.datetime import Calendar
from kissipo.core.errors import DataError
from kissipo.core.frame import Frame, numbers, strings, times

CYCLES = {
    "month": lambda time: (time.month - 1) / 12,
    "weekday": lambda time: time.weekday() / 7,
    "hour": lambda time: time.hour / 24,
}


@settings(max_examples=50, deadline=None)
@given(st.lists(st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)), min_size=2, max_size=10))
def test_each_cycle_is_the_angle_of_datetime(timestamps: list[datetime]) -> None:
    frame = Frame((times("at", timestamps),))
    codec = Calendar("at").fit(frame)
    encoded = codec.encode(frame).numpy()
    seconds = np.array([(time - datetime(1970, 1, 1)).total_seconds() for time in timestamps])
    expected = {"at time": (seconds - seconds.min()) / (np.ptp(seconds) or 1)}
    for cycle, share in CYCLES.items():
        turns = [2 * pi * share(time) for time in timestamps]
        if len(set(turns)) > 1:
            expected |= {
                f"at {cycle} sin": [sin(t) for t in turns],
                f"at {cycle} cos": [cos(t) for t in turns],
            }
    assert set(codec.spec.labels) == set(expected)
    for index, name in enumerate(codec.spec.labels):
        np.testing.assert_allclose(encoded[:, index], expected[name], atol=1e-6)


def test_december_lies_beside_january() -> None:
    frame = Frame((times("at", [f"2024-{month:02}-01" for month in range(1, 13)]),))
    x = Calendar("at").fit(frame).encode(frame)[:, :2]
    assert (x[11] - x[0]).norm().item() == pytest.approx((x[1] - x[0]).norm().item(), rel=1e-5)


def test_texts_and_years_are_timestamps() -> None:
    days = Calendar("at", style="%d/%m/%Y").fit(
        Frame((strings("at", ["01/02/2024", "03/02/2024"]),))
    )
    assert days.encode(Frame((strings("at", ["02/02/2024"]),)))[0, -1].item() == pytest.approx(0.5)
    years = Calendar("at").fit(Frame((numbers("at", [1900, 2000]),)))
    assert years.spec.labels == ("at weekday sin", "at weekday cos", "at time")


def test_missing_timestamp_is_read_as_the_first() -> None:
    codec = Calendar("at").fit(Frame((strings("at", ["2024-01-01", "2024-03-01"]),)))
    gap = Frame((strings("at", [None]),))
    assert (
        codec.encode(gap).tolist() == codec.encode(Frame((strings("at", ["2024-01-01"]),))).tolist()
    )
    assert codec.remarks(gap) == ["1 missing 'at' read as the first training timestamp"]


def test_invalid_timestamp_is_refused() -> None:
    with pytest.raises(DataError) as refused:
        Calendar("at").fit(Frame((strings("at", ["soon"]),)))
    assert str(refused.value) == (
        "the column 'at' cannot be read as timestamps; got 'soon'. "
        "Set the strptime pattern, such as input.date_format=%d/%m/%Y."
    )

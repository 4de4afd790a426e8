"""Windows: cutting and stitching equal a loop that does it by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kissipo.codec.index import Index
from kissipo.codec.numbers import Numbers
from kissipo.codec.windows import Windows
from kissipo.core.errors import DataError
from kissipo.core.frame import Frame, numbers, strings


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 6), st.integers(1, 4), st.lists(st.integers(-9, 9), min_size=6, max_size=20))
def test_cutting_takes_every_whole_window(length: int, stride: int, values: list[int]) -> None:
    frame = Frame((numbers("x", values), numbers("y", [-value for value in values])))
    cut = Windows(Numbers(("x", "y"), scale="none"), length, stride=stride).fit(frame).encode(frame)
    by_hand = [
        [[value, -value] for value in values[start : start + length]]
        for start in range(0, len(values) - length + 1, stride)
    ]
    assert cut.tolist() == by_hand


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 6))
def test_stitching_averages_where_windows_overlap(length: int, stride: int, count: int) -> None:
    stride = min(stride, length)
    windows = torch.rand(
        count, length, 1, generator=torch.Generator().manual_seed(count), dtype=torch.float64
    )
    codec = Windows(Numbers(("x",), scale="none"), length, stride=stride).fit(
        Frame((numbers("x", [0.0] * length),))
    )
    total = (count - 1) * stride + length
    expected = [
        np.mean(
            [
                windows[w, step - w * stride, 0]
                for w in range(count)
                if 0 <= step - w * stride < length
            ]
        )
        for step in range(total)
    ]
    np.testing.assert_allclose(codec.decode(windows)["x"].values, expected, rtol=1e-12)


def test_ids_are_stitched_from_the_last_window() -> None:
    frame = Frame((strings("text", list("abcabca")),))
    codec = Windows(Index("text"), 3, stride=2).fit(frame)
    assert codec.decode(codec.encode(frame))["text"].texts() == list("abcabca")
    disagreeing = torch.tensor([[1, 1, 1], [2, 2, 2]])
    assert codec.inner.encode(codec.decode(disagreeing)).tolist() == [1, 1, 2, 2, 2]


def test_a_row_shorter_than_a_window_is_refused() -> None:
    frame = Frame((numbers("x", [1, 2]),), origin="air.csv")
    with pytest.raises(DataError) as refused:
        Windows(Numbers(("x",)), 12).fit(frame).encode(frame)
    assert str(refused.value) == (
        "air.csv is shorter than one window; got 2 steps. Allowed: at least 12. "
        "Use a smaller window."
    )

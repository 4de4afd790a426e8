"""Numbers: scaling equals scikit-learn, missing values are filled and flagged."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
import torch
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from kissipo.codec.concat import Concat
from kissipo.codec.datetime import Calendar
from kissipo.codec.numbers import Numbers
from kissipo.codec.one_hot import OneHot
from kissipo.core.frame import Frame, numbers, strings, times

X = load_diabetes(scaled=False).data


def frame_of(values: Any) -> Frame:
    return Frame(tuple(numbers(f"c{index}", values[:, index]) for index in range(values.shape[1])))


@pytest.mark.parametrize(
    ("scale", "theirs"), [("standard", StandardScaler()), ("range", MinMaxScaler())]
)
def test_scaling_equals_sklearn(scale: Literal["standard", "range"], theirs: Any) -> None:
    train, test = X[:300], X[300:]
    codec = Numbers(tuple(frame_of(X).names), scale=scale).fit(frame_of(train))
    np.testing.assert_allclose(
        codec.encode(frame_of(test)), theirs.fit(train).transform(test), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize(
    "values",
    [[1e-9, 2e-9, 4e-9], [1e9, 1e9 + 1, 1e9 + 3], [0.1, 0.1, 0.1], [0.0, 0.0, 0.0]],
    ids=["tiny", "far from zero", "constant", "zero"],
)
def test_scaling_of_unusual_columns_equals_sklearn(values: list[float]) -> None:
    column = np.array(values)[:, None]
    ours = Numbers(("c0",)).fit(frame_of(column)).encode(frame_of(column))
    np.testing.assert_allclose(ours, StandardScaler().fit_transform(column), rtol=1e-5, atol=1e-6)


def test_missing_number_is_filled_with_the_median_and_flagged() -> None:
    codec = Numbers(("age", "fare"), scale="none").fit(
        Frame((numbers("age", [20, None, 30, 70]), numbers("fare", [1, 2, 3, 4])))
    )
    assert codec.spec.labels == ("age", "fare", "age missing")
    frame = Frame((numbers("age", [None, 8]), numbers("fare", [5, None])))
    assert codec.encode(frame).tolist() == [[30, 5, 1], [8, 2.5, 0]]
    assert codec.remarks(frame) == [
        "1 missing 'age' filled with the training median 30 and flagged",
        "1 missing 'fare' filled with the training median 2.5, but never missing in training",
    ]
    back = codec.decode(codec.encode(frame))
    assert np.isnan(back["age"].values[0])
    assert back["fare"].values.tolist() == [5, 2.5]


def test_concat_equals_the_concatenated_tensors() -> None:
    frame = Frame(
        (
            numbers("x", [1, 2, 4]),
            strings("kind", ["a", "b", "a"]),
            times("at", ["2024-01-01", "2024-06-01", "2025-01-01"]),
        )
    )
    parts = Numbers(("x",)), OneHot("kind"), Calendar("at")
    whole = Concat(parts).fit(frame)
    assert torch.equal(
        whole.encode(frame), torch.cat([part.encode(frame) for part in parts], dim=1)
    )
    assert whole.spec.labels == (
        *parts[0].spec.labels,
        *parts[1].spec.labels,
        *parts[2].spec.labels,
    )
    assert whole.decode(whole.encode(frame)).names == ["x", "kind", "at"]


def test_decode_restores_zero_and_small_numbers() -> None:
    frame = Frame((numbers("x", [0.0, 1e-6, 0.3, 1.7, -2.0, 5.0]),))
    codec = Numbers(("x",)).fit(frame)
    back = codec.decode(codec.encode(frame))["x"].values
    assert back[0] == 0
    assert back[1] == pytest.approx(1e-6, abs=1e-7)

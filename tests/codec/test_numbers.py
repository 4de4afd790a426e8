"""Numbers: scaling as in scikit-learn, gaps filled, flagged and told; several codecs side by side."""

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
    return Frame(tuple(numbers(f"c{at}", values[:, at]) for at in range(values.shape[1])))


@pytest.mark.parametrize(
    ("scale", "theirs"), [("standard", StandardScaler()), ("range", MinMaxScaler())]
)
def test_scaling_equals_scikit_learn(scale: Literal["standard", "range"], theirs: Any) -> None:
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
def test_odd_columns_are_scaled_as_in_scikit_learn(values: list[float]) -> None:
    column = np.array(values)[:, None]
    ours = Numbers(("c0",)).fit(frame_of(column)).encode(frame_of(column))
    np.testing.assert_allclose(ours, StandardScaler().fit_transform(column), rtol=1e-5, atol=1e-6)


def test_a_gap_is_filled_with_the_training_median_and_flagged() -> None:
    codec = Numbers(("age", "fare"), scale="none").fit(
        Frame((numbers("age", [20, None, 30, 70]), numbers("fare", [1, 2, 3, 4])))
    )
    assert codec.spec.words == ("age", "fare", "age missing")
    asked = Frame((numbers("age", [None, 8]), numbers("fare", [5, None])))
    assert codec.encode(asked).tolist() == [[30, 5, 1], [8, 2.5, 0]]
    assert codec.remarks(asked) == [
        "1 missing 'age' filled with the training median 30 and flagged",
        "1 missing 'fare' filled with the training median 2.5, though no row of the training part lacked it",
    ]
    back = codec.decode(codec.encode(asked))
    assert np.isnan(back["age"].values[0])
    assert back["fare"].values.tolist() == [5, 2.5]


def test_codecs_side_by_side_are_their_tensors_side_by_side() -> None:
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
    assert whole.spec.words == (*parts[0].spec.words, *parts[1].spec.words, *parts[2].spec.words)
    assert whole.decode(whole.encode(frame)).names == ["x", "kind", "at"]


def test_a_zero_comes_back_as_zero_and_the_smallest_number_that_float32_can_tell_as_itself() -> (
    None
):
    frame = Frame((numbers("x", [0.0, 1e-6, 0.3, 1.7, -2.0, 5.0]),))
    codec = Numbers(("x",)).fit(frame)
    back = codec.decode(codec.encode(frame))["x"].values
    assert back[0] == 0
    assert back[1] == pytest.approx(1e-6, abs=1e-7)

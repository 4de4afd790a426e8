"""The data sets that come with scikit-learn are those that it reads itself."""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits, load_iris

from kissipo.input.datasets import digits, iris


def test_digits_are_those_of_sklearn() -> None:
    frame, expected = digits.read().frame, load_digits()
    np.testing.assert_array_equal(frame["digit"].values, expected.target)
    np.testing.assert_array_equal(
        frame["image"].values, np.round(expected.images * (255 / 16)).astype(np.uint8)
    )


def test_flowers_are_those_of_sklearn() -> None:
    frame, expected = iris.read().frame, load_iris()
    assert [f"{name} (cm)" for name in frame.names[:-1]] == expected.feature_names
    columns = [frame[name].values for name in frame.names[:-1]]
    np.testing.assert_array_equal(np.stack(columns, axis=1), expected.data)
    species = [frame["species"].show(row) for row in range(len(frame))]
    assert species == list(expected.target_names[expected.target])

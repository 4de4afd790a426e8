"""Edit distances of many texts at once equal the recursion for each pair."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from kissipo.output.metrics.edit_distance import edit_distances


@cache
def edits(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    if not one or not other:
        return len(one) + len(other)
    return min(
        edits(one[1:], other) + 1,
        edits(one, other[1:]) + 1,
        edits(one[1:], other[1:]) + (one[0] != other[0]),
    )


@pytest.mark.parametrize("seed", range(4))
def test_distances_equal_the_recursion(seed: int) -> None:
    generator = np.random.default_rng(seed)
    ones, others = (
        generator.integers(1, 4, (50, width))
        * (np.arange(width) < generator.integers(0, width + 1, (50, 1)))
        for width in (6, 5)
    )
    expected = [
        edits(tuple(filter(None, one)), tuple(filter(None, other)))
        for one, other in zip(ones.tolist(), others.tolist(), strict=True)
    ]
    assert edit_distances(ones, others).tolist() == expected
    assert edit_distances(others, ones).tolist() == expected
    assert len(set(expected)) > 4


def test_one_row_is_compared_with_all() -> None:
    one, others = np.array([[1, 2, 0]]), np.array([[1, 2, 0], [2, 1, 0], [0, 0, 0], [3, 1, 2]])
    assert edit_distances(one, others).tolist() == [0, 2, 2, 1]
    assert edit_distances(others, one).tolist() == [0, 2, 2, 1]

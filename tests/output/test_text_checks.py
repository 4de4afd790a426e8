"""Each fault of written texts is found, and sound texts pass."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from kissipo.output.texts.checks import check_texts, has_loop

UNKNOWN = 1


def texts(seed: int = 0) -> NDArray[np.int64]:
    """Random texts of 4 to 12 tokens of 200."""
    generator = np.random.default_rng(seed)
    ids = generator.integers(3, 200, (100, 12))
    lengths = generator.integers(4, 13, 100)
    return np.where(np.arange(12) < lengths[:, None], ids, 0)


def findings(written: NDArray[np.int64], targets: NDArray[np.int64]) -> dict[str, str]:
    return {item.check: item.level for item in check_texts(written, targets, UNKNOWN)}


def test_sound_texts_pass() -> None:
    assert set(findings(texts(), texts()).values()) == {"PASS"}
    assert set(findings(texts(1), texts()).values()) == {"PASS"}  # wrong, but without a fault


@pytest.mark.parametrize("by", [-1, 1])
@pytest.mark.parametrize("axis", [0, 1])
def test_shift_by_a_token_and_by_a_line_is_found(axis: int, by: int) -> None:
    moved = np.roll(texts(), by, axis=axis)
    assert findings(moved, texts())["shift"] == "FAIL"


def test_unknown_words_are_counted_without_padding() -> None:
    targets = texts()
    targets[:, 0] = UNKNOWN
    (finding, *_) = check_texts(texts(), targets, UNKNOWN)
    assert finding.level == "WARN"
    share = 100 / np.count_nonzero(targets)
    assert f"{share:.1%} of the tokens of the targets" in finding.message


def test_repetition_is_compared_with_that_of_the_targets() -> None:
    loops = texts()
    loops[:20, 4:10] = [7, 8, 7, 8, 7, 8]
    assert findings(loops, texts())["repetition"] == "WARN"
    assert findings(loops, loops)["repetition"] == "PASS"


@pytest.mark.parametrize("keep", [1, 6])
def test_short_and_long_texts_are_found(keep: int) -> None:
    cut = np.where(np.arange(12) < keep, texts(), 0)
    assert findings(cut, texts())["length"] == "WARN"
    assert findings(texts(), cut)["length"] == (
        "WARN" if keep == 1 else findings(texts(), cut)["length"]
    )


def test_a_loop_is_what_a_search_through_all_places_finds() -> None:
    rows = np.array(list(product((0, 4, 5), repeat=8)))
    rows = rows[(np.diff((rows == 0).astype(int), axis=1) >= 0).all(axis=1)]  # 0 at the end only

    def by_hand(row: list[int]) -> bool:
        text = [token for token in row if token]
        return any(
            text[place : place + size] * 3 == text[place : place + 3 * size]
            for size in range(1, 5)
            for place in range(len(text) - 3 * size + 1)
        )

    assert has_loop(rows).tolist() == [by_hand(row) for row in rows.tolist()]

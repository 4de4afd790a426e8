"""The most probable spans equal a search over all pairs."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kissipo.output.decode.no_answer import best_threshold
from kissipo.output.decode.spans import best_spans


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 999),
    first=st.integers(1, 5),
    size=st.integers(0, 7),
    longest=st.integers(1, 9),
    with_no_answer=st.booleans(),
)
def test_best_spans_equal_every_pair(
    seed: int, first: int, size: int, longest: int, with_no_answer: bool
) -> None:
    logits = torch.randn(13, 2, generator=torch.Generator().manual_seed(seed))
    logits[1:first] = logits[first + size :] = -torch.inf
    pairs = {
        (start, end): float(logits[start, 0] + logits[end, 1])
        for start in range(first, first + size)
        for end in range(start, min(start + longest, first + size))
    }
    no_answer = float(logits[0].sum())
    weights = [*pairs.values(), *([no_answer] if with_no_answer else [])]
    total = np.log(np.sum(np.exp(weights))) if weights else 0.0
    spans = best_spans(
        logits[None], count=4, max_length=longest, with_no_answer=with_no_answer
    ).numpy()[0]
    assert spans.shape == (5, 3)
    certain = -np.inf if pairs else 0.0
    expected = no_answer - total if with_no_answer else certain
    assert spans[0, 2] == pytest.approx(expected, abs=1e-5)
    order = sorted(pairs, key=lambda pair: -pairs[pair])[:4]
    assert [tuple(row[:2]) for row in spans[1 : len(order) + 1]] == order
    assert spans[1 : len(order) + 1, 2] == pytest.approx(
        [pairs[pair] - total for pair in order], abs=1e-5
    )
    assert np.isneginf(spans[len(order) + 1 :, 2]).all()


def test_best_spans_of_a_text_without_a_step() -> None:
    logits = torch.full((1, 4, 2), -torch.inf)
    logits[0, 0] = 1.0
    spans = best_spans(logits, count=2, max_length=3)
    assert spans[0, :, 2].exp().tolist() == [1.0, 0.0, 0.0]


@given(st.lists(st.tuples(st.integers(-5, 5), st.floats(-1, 1, width=16)), min_size=1, max_size=9))
def test_threshold_gains_as_much_as_every_other_one(rows: list[tuple[int, float]]) -> None:
    gaps, gains = (np.array(values, dtype=float) for values in zip(*rows, strict=True))

    def total(threshold: float) -> float:
        return float(gains[gaps <= threshold].sum())

    best = max(total(threshold) for threshold in np.arange(-6, 6, 0.5))
    assert total(best_threshold(gaps, gains)) == pytest.approx(best, abs=1e-9)

"""From errors to alarms, and NAB's score: against laws with known tails, and numbers worked out by hand."""

from __future__ import annotations

from math import exp

import numpy as np
import pytest
from scipy import stats

from kissipo.output.anomaly_spans import Span, smoothed, spans, threshold
from kissipo.output.nab import nab_score


@pytest.mark.parametrize(
    "law",
    [stats.expon(), stats.norm(), stats.genpareto(0.2), stats.uniform()],
    ids=("exponential", "normal", "heavy", "bounded"),
)
@pytest.mark.parametrize("share", [0.05, 1e-3, 1e-4])
def test_the_threshold_is_where_the_law_of_the_errors_has_its_tail(
    law: stats.rv_continuous, share: float
) -> None:
    found = [threshold(np.asarray(law.rvs(20_000, random_state=seed)), share) for seed in range(5)]
    assert np.median(found) == pytest.approx(law.isf(share), rel=0.08)


def test_few_errors_say_no_more_than_their_highest() -> None:
    errors = np.random.default_rng(0).random(300)
    assert threshold(errors, 1e-4) == errors.max()


def test_means_of_the_last_errors() -> None:
    errors = np.random.default_rng(0).random(50)
    expected = [errors[max(0, at - 6) : at + 1].mean() for at in range(50)]
    np.testing.assert_allclose(smoothed(errors, 7), expected)
    np.testing.assert_allclose(smoothed(errors, 1), errors)


def test_runs_of_odd_steps() -> None:
    odd = np.array([1, 1, 0, 0, 1, 0, 0, 0, 1], dtype=bool)
    assert spans(odd) == [Span(0, 1), Span(4, 4), Span(8, 8)]
    assert spans(odd, apart=3) == [Span(0, 4), Span(8, 8)]
    assert spans(odd[2:4]) == []
    assert Span(3, 5).touches(Span(5, 9)) and not Span(3, 4).touches(Span(5, 9))


def worth(place: float) -> float:
    return 2 / (1 + exp(5 * place)) - 1


WINDOWS = [(100, 109), (300, 349)]


@pytest.mark.parametrize(
    ("alarms", "score"),
    [
        ([], 0.0),
        ([100, 300], 100.0),
        ([100, 104, 109, 300, 301], 100.0),  # what follows in a window is free
        ([109, 300], 100 * (worth(-0.1) / worth(-1) + 1 + 2) / 4),
        ([100], 50.0),
        ([5, 100, 300], 100 * (2 - 0.11 + 2) / 4),  # before every window
        ([113, 100, 300], 100 * (2 + 0.11 * worth(4 / 9) + 2) / 4),
        ([136, 137, 100, 300], 100 * (2 + 0.11 * worth(3) - 0.11 + 2) / 4),  # beyond three widths
        (list(range(400)), None),
    ],
)
def test_the_score_of_nab_by_hand(alarms: list[int], score: float | None) -> None:
    raised = np.zeros(400, dtype=bool)
    raised[alarms] = True
    if score is None:  # crying all the time is punished
        assert nab_score(raised, WINDOWS) < 0
    else:
        assert nab_score(raised, WINDOWS) == pytest.approx(score)
    assert np.isnan(nab_score(raised, []))

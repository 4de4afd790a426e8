"""Thresholds and spans of anomalies, and the NAB score, against known values."""

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
def test_threshold_is_the_quantile_of_the_distribution(
    law: stats.rv_continuous, share: float
) -> None:
    thresholds = [
        threshold(np.asarray(law.rvs(20_000, random_state=seed)), share) for seed in range(5)
    ]
    assert np.median(thresholds) == pytest.approx(law.isf(share), rel=0.08)


def test_threshold_of_few_errors_is_their_maximum() -> None:
    errors = np.random.default_rng(0).random(300)
    assert threshold(errors, 1e-4) == errors.max()


def test_smoothed_is_the_moving_average() -> None:
    errors = np.random.default_rng(0).random(50)
    expected = [errors[max(0, step - 6) : step + 1].mean() for step in range(50)]
    np.testing.assert_allclose(smoothed(errors, 7), expected)
    np.testing.assert_allclose(smoothed(errors, 1), errors)


def test_spans_merge_near_runs() -> None:
    anomalous = np.array([1, 1, 0, 0, 1, 0, 0, 0, 1], dtype=bool)
    assert spans(anomalous) == [Span(0, 1), Span(4, 4), Span(8, 8)]
    assert spans(anomalous, apart=3) == [Span(0, 4), Span(8, 8)]
    assert spans(anomalous[2:4]) == []
    assert Span(3, 5).touches(Span(5, 9)) and not Span(3, 4).touches(Span(5, 9))


def weight(position: float) -> float:
    return 2 / (1 + exp(5 * position)) - 1


WINDOWS = [(100, 109), (300, 349)]


@pytest.mark.parametrize(
    ("alarms", "score"),
    [
        ([], 0.0),
        ([100, 300], 100.0),
        ([100, 104, 109, 300, 301], 100.0),  # later alarms in a window are free
        ([109, 300], 100 * (weight(-0.1) / weight(-1) + 1 + 2) / 4),
        ([100], 50.0),
        ([5, 100, 300], 100 * (2 - 0.11 + 2) / 4),  # before every window
        ([113, 100, 300], 100 * (2 + 0.11 * weight(4 / 9) + 2) / 4),
        ([136, 137, 100, 300], 100 * (2 + 0.11 * weight(3) - 0.11 + 2) / 4),  # beyond three widths
        (list(range(400)), None),
    ],
)
def test_nab_score_equals_the_score_by_hand(alarms: list[int], score: float | None) -> None:
    raised = np.zeros(400, dtype=bool)
    raised[alarms] = True
    if score is None:  # alarms at every step cost
        assert nab_score(raised, WINDOWS) < 0
    else:
        assert nab_score(raised, WINDOWS) == pytest.approx(score)
    assert np.isnan(nab_score(raised, []))

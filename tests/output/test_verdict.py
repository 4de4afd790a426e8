"""Verdict: its sentence is true for every metric and direction; decisions with ties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kissipo.output.answer import Evaluation
from kissipo.output.decode.argmax import argmax
from kissipo.output.decode.threshold import threshold
from kissipo.output.verdict import Verdict, verdict
from kissipo.pipeline.registries import BASELINES

TRIVIAL = [
    module.NAME
    for module in (BASELINES.find(name, place="here") for name in BASELINES.names())
    if module.TRIVIAL
]
RIGHT = np.r_[np.ones(950), np.zeros(50)]


def evaluation(main: str, value: float, quality: np.ndarray | None = None) -> Evaluation:
    return Evaluation({main: value}, per_sample=quality)


def verdict_of(main: str, net: float, **others: float) -> Verdict:
    """The verdict without quality per sample, so every difference counts."""
    baselines = {name.replace("_", " "): evaluation(main, value) for name, value in others.items()}
    result = verdict(
        evaluation(main, net),
        baselines,
        main=main,
        higher_is_better=main in ("accuracy", "return"),
        trivial=TRIVIAL,
    )
    assert result is not None
    return result


@pytest.mark.parametrize(
    ("main", "net", "others", "better", "sentence"),
    [
        ("accuracy", 0.98, {"forest": 0.95, "majority_class": 0.1}, 1, "3.0 points above forest"),
        (
            "accuracy",
            0.92,
            {"forest": 0.95},
            -1,
            "3.0 points below forest: the baseline is better here",
        ),
        ("accuracy", 0.95, {"forest": 0.95}, 0, "equal to forest"),
        ("accuracy", 0.0, {"forest": 0.0}, 0, "equal to forest"),
        (
            "accuracy",
            0.8,
            {"majority_class": 0.9, "forest": 0.95},
            -1,
            "worse than majority class: do not use this model",
        ),
        ("accuracy", 0.9, {"majority_class": 0.9}, 0, "equal to majority class"),
        ("mae", 9.0, {"ridge": 10.0, "mean": 20.0}, 1, "MAE 10 % lower than ridge"),
        (
            "rmse",
            15.0,
            {"ridge": 12.0, "mean": 20.0},
            -1,
            "RMSE 25 % higher than ridge: the baseline is better here",
        ),
        ("mae", 10.0, {"ridge": 10.0}, 0, "equal to ridge"),
        ("mae", 21.0, {"ridge": 10.0, "mean": 20.0}, -1, "worse than mean: do not use this model"),
        ("mae", 1.0, {"ridge": 0.0}, -1, "MAE 1 higher than ridge: the baseline is better here"),
        ("nll", 1.5, {"bigram": 2.0}, 1, "NLL 25 % lower than bigram"),
        (
            "nll",
            3.0,
            {"most_frequent_token": 2.9},
            -1,
            "worse than most frequent token: do not use this model",
        ),
        ("return", 0.75, {"random_policy": 0.01, "rules": 0.5}, 1, "return 0.25 higher than rules"),
        (
            "return",
            -3.0,
            {"random_policy": -9.0, "rules": -2.5},
            -1,
            "return 0.5 lower than rules: the baseline is better here",
        ),
        (
            "return",
            -9.5,
            {"random_policy": -9.0},
            -1,
            "worse than random policy: do not use this model",
        ),
    ],
)
def test_verdict_sentence_is_true(
    main: str, net: float, others: dict[str, float], better: int, sentence: str
) -> None:
    result = verdict_of(main, net, **others)
    assert (result.better, result.sentence) == (better, sentence)


@pytest.mark.parametrize("name", TRIVIAL)
@pytest.mark.parametrize(("main", "worse"), [("accuracy", 0.4), ("mae", 0.6)])
def test_verdict_worse_than_a_trivial_baseline(name: str, main: str, worse: float) -> None:
    result = verdict(
        evaluation(main, worse),
        {"other": evaluation(main, 0.5), name: evaluation(main, 0.5)},
        main=main,
        higher_is_better=main == "accuracy",
        trivial=TRIVIAL,
    )
    assert result is not None
    assert (result.better, result.sentence) == (-1, f"worse than {name}: do not use this model")


def test_verdict_ignores_rounding_errors() -> None:
    result = verdict(
        evaluation("mae", 10 + 1e-12),
        {"naive (last value)": evaluation("mae", 10.0)},
        main="mae",
        higher_is_better=False,
        trivial=TRIVIAL,
    )
    assert result is not None
    assert (result.better, result.sentence) == (0, "equal to naive (last value)")


@pytest.mark.parametrize(
    ("wrong", "better", "sentence"),
    [
        (
            30,
            1,
            "2.0 points above forest",
        ),  # 20 of 1000 predictions differ, all in one direction: 4.5 standard errors
        (
            47,
            0,
            "0.3 points above forest: a tie, the test split is too small to separate them",
        ),  # 1.73
        (53, 0, "0.3 points below forest: a tie, the test split is too small to separate them"),
        (54, -1, "0.4 points below forest: the baseline is better here"),  # 2.003
    ],
)
def test_verdict_needs_two_standard_errors(wrong: int, better: int, sentence: str) -> None:
    right = np.r_[np.ones(1000 - wrong), np.zeros(wrong)]
    forest = evaluation("accuracy", RIGHT.mean(), RIGHT)
    result = verdict(
        evaluation("accuracy", right.mean(), right),
        {"forest": forest},
        main="accuracy",
        higher_is_better=True,
    )
    assert result is not None
    assert (result.better, result.sentence) == (better, sentence)


def test_verdict_of_equal_accuracy_is_a_tie() -> None:
    result = verdict(
        evaluation("accuracy", 0.951, np.r_[RIGHT[::-1][1:], 1]),
        {"forest": evaluation("accuracy", 0.95, RIGHT)},
        main="accuracy",
        higher_is_better=True,
    )
    assert result is not None
    assert result.better == 0


def test_verdict_without_baselines_is_none() -> None:
    assert verdict(evaluation("mae", 1.0), {}, main="mae", higher_is_better=False) is None


SCORES = st.integers(1, 20).map(lambda value: value / 20)


@given(
    net=SCORES,
    others=st.dictionaries(st.sampled_from(["mean", "ridge", "forest"]), SCORES, min_size=1),
)
def test_verdict_is_consistent_with_the_scores(net: float, others: dict[str, float]) -> None:
    result = verdict_of("mae", net, **others)
    best = min(others.values())
    assert others[result.compared_with] == best
    if result.better == 1:
        assert net < best
        assert "lower than" in result.sentence
    elif result.better == -1:
        assert net > best
        assert ("do not use" in result.sentence) == (net > others.get("mean", 2.0))
    else:
        assert net == best


def test_argmax_takes_the_first_of_equal_values() -> None:
    assert argmax([[0.4, 0.4, 0.2], [0.2, 0.4, 0.4], [0.25, 0.25, 0.5]]).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("minimum", "expected"), [(0.5, [0, 1, 1]), (0.49, [1, 1, 1]), (0.51, [0, 0, 1])]
)
def test_threshold_includes_its_value(minimum: float, expected: list[int]) -> None:
    assert threshold([[0.51, 0.49], [0.5, 0.5], [0.4, 0.6]], minimum).tolist() == expected

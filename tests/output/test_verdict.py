"""The verdict says what is true of made scores, in both directions of a measure; decisions where scores are equal."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kissipo.output.answer import Evaluation
from kissipo.output.decode.argmax import argmax
from kissipo.output.decode.threshold import threshold
from kissipo.output.verdict import TRIVIAL, Verdict, verdict

RIGHT = np.r_[np.ones(950), np.zeros(50)]


def judged(main: str, value: float, each: np.ndarray | None = None) -> Evaluation:
    return Evaluation({main: value}, each=each)


def beside(main: str, net: float, **others: float) -> Verdict:
    """The verdict on scores that are no samples of anything, so that every difference counts."""
    baselines = {name.replace("_", " "): judged(main, value) for name, value in others.items()}
    found = verdict(
        judged(main, net), baselines, main=main, higher_is_better=main in ("accuracy", "return")
    )
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("main", "net", "others", "better", "sentence"),
    [
        ("accuracy", 0.98, {"forest": 0.95, "majority_class": 0.1}, 1, "3.0 points above forest"),
        ("accuracy", 0.92, {"forest": 0.95}, -1, "3.0 points below forest: the simpler answer is the better one here"),
        ("accuracy", 0.95, {"forest": 0.95}, 0, "equal to forest"),
        ("accuracy", 0.0, {"forest": 0.0}, 0, "equal to forest"),
        ("accuracy", 0.8, {"majority_class": 0.9, "forest": 0.95}, -1, "worse than majority class: do not use"),
        ("accuracy", 0.9, {"majority_class": 0.9}, 0, "equal to majority class"),
        ("mae", 9.0, {"ridge": 10.0, "mean": 20.0}, 1, "10 % less MAE than ridge"),
        ("rmse", 15.0, {"ridge": 12.0, "mean": 20.0}, -1, "25 % more RMSE than ridge: the simpler answer is the better one here"),
        ("mae", 10.0, {"ridge": 10.0}, 0, "equal to ridge"),
        ("mae", 21.0, {"ridge": 10.0, "mean": 20.0}, -1, "worse than mean: do not use"),
        ("mae", 1.0, {"ridge": 0.0}, -1, "1 more MAE than ridge: the simpler answer is the better one here"),
        ("nll", 1.5, {"bigram": 2.0}, 1, "25 % less surprise than bigram"),
        ("nll", 3.0, {"most_frequent_token": 2.9}, -1, "worse than most frequent token: do not use"),
        ("return", 0.75, {"random_policy": 0.01, "rules": 0.5}, 1, "a return 0.25 above rules"),
        ("return", -3.0, {"random_policy": -9.0, "rules": -2.5}, -1, "a return 0.5 below rules: the simpler answer is the better one here"),
        ("return", -9.5, {"random_policy": -9.0}, -1, "worse than random policy: do not use"),
    ],
)  # fmt: skip
def test_the_words_are_true(
    main: str, net: float, others: dict[str, float], better: int, sentence: str
) -> None:
    found = beside(main, net, **others)
    assert (found.better, found.sentence) == (better, sentence)


@pytest.mark.parametrize("name", TRIVIAL)
@pytest.mark.parametrize(("main", "worse"), [("accuracy", 0.4), ("mae", 0.6)])
def test_worse_than_no_idea_is_said_whatever_stands_beside_it(
    name: str, main: str, worse: float
) -> None:
    found = verdict(
        judged(main, worse),
        {"other": judged(main, 0.5), name: judged(main, 0.5)},
        main=main,
        higher_is_better=main == "accuracy",
    )
    assert found is not None
    assert (found.better, found.sentence) == (-1, f"worse than {name}: do not use")


def test_a_difference_in_the_last_digit_is_no_difference() -> None:
    found = verdict(
        judged("mae", 10 + 1e-12),
        {"naive (last value)": judged("mae", 10.0)},
        main="mae",
        higher_is_better=False,
    )
    assert found is not None
    assert (found.better, found.sentence) == (0, "equal to naive (last value)")


@pytest.mark.parametrize(
    ("wrong", "better", "sentence"),
    [
        (
            30,
            1,
            "2.0 points above forest",
        ),  # 20 of 1000 answers differ, all one way: 4.5 standard errors
        (
            47,
            0,
            "0.3 points above forest: a tie, the test part is too small to tell them apart",
        ),  # 1.73
        (53, 0, "0.3 points below forest: a tie, the test part is too small to tell them apart"),
        (54, -1, "0.4 points below forest: the simpler answer is the better one here"),  # 2.003
    ],
)
def test_chance_is_told_apart_sample_by_sample(wrong: int, better: int, sentence: str) -> None:
    right = np.r_[np.ones(1000 - wrong), np.zeros(wrong)]
    forest = judged("accuracy", RIGHT.mean(), RIGHT)
    found = verdict(
        judged("accuracy", right.mean(), right),
        {"forest": forest},
        main="accuracy",
        higher_is_better=True,
    )
    assert found is not None
    assert (found.better, found.sentence) == (better, sentence)


def test_the_same_share_of_other_samples_is_a_tie() -> None:
    found = verdict(
        judged("accuracy", 0.951, np.r_[RIGHT[::-1][1:], 1]),
        {"forest": judged("accuracy", 0.95, RIGHT)},
        main="accuracy",
        higher_is_better=True,
    )
    assert found is not None
    assert found.better == 0


def test_without_anything_beside_it_there_is_no_verdict() -> None:
    assert verdict(judged("mae", 1.0), {}, main="mae", higher_is_better=False) is None


SCORES = st.integers(1, 20).map(lambda value: value / 20)


@given(
    net=SCORES,
    others=st.dictionaries(st.sampled_from(["mean", "ridge", "forest"]), SCORES, min_size=1),
)
def test_better_is_better_than_all_and_do_not_use_is_worse_than_the_mean(
    net: float, others: dict[str, float]
) -> None:
    found = beside("mae", net, **others)
    best = min(others.values())
    assert others[found.compared_with] == best
    if found.better == 1:
        assert net < best
        assert "less MAE than" in found.sentence
    elif found.better == -1:
        assert net > best
        assert ("do not use" in found.sentence) == (net > others.get("mean", 2.0))
    else:
        assert net == best


def test_of_equal_chances_the_first_class_is_answered() -> None:
    assert argmax([[0.4, 0.4, 0.2], [0.2, 0.4, 0.4], [0.25, 0.25, 0.5]]).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("least", "expected"), [(0.5, [0, 1, 1]), (0.49, [1, 1, 1]), (0.51, [0, 0, 1])]
)
def test_a_chance_as_high_as_the_threshold_is_a_yes(least: float, expected: list[int]) -> None:
    assert threshold([[0.51, 0.49], [0.5, 0.5], [0.4, 0.6]], least).tolist() == expected

"""Exact match and F1 of SQuAD, worked by hand and by the formula of its script."""

import re
import string
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kissipo.output.metrics.squad import exact_match, f1, normalized

CASES = [
    # answer, accepted, exact match, F1
    ("Paris", ["Paris"], 1.0, 1.0),
    ("the Paris", ["paris!"], 1.0, 1.0),
    ("in Paris", ["Paris"], 0.0, 2 / 3),  # P 1/2, R 1
    ("Paris", ["in Paris", "London"], 0.0, 2 / 3),  # the better of two
    ("London", ["in Paris", "London"], 1.0, 1.0),
    ("a dog and a cat", ["the cat"], 0.0, 1 / 2),  # dog and cat: P 1/3, R 1
    ("very very good", ["very good good"], 0.0, 2 / 3),  # very once, good once
    ("U.S.", ["US"], 1.0, 1.0),
    ("$5.6-million", ["56million"], 1.0, 1.0),
    ("2010", ["2011"], 0.0, 0.0),
    ("", [], 1.0, 1.0),  # no answer, and none is there
    ("Paris", [], 0.0, 0.0),
    ("", ["Paris"], 0.0, 0.0),
    ("the", ["a"], 1.0, 1.0),  # nothing is left of both
    ("the", ["cat"], 0.0, 0.0),
]


@pytest.mark.parametrize(("answer", "accepted", "right", "quality"), CASES)
def test_metrics_of_cases_by_hand(
    answer: str, accepted: list[str], right: float, quality: float
) -> None:
    assert exact_match(answer, accepted) == right
    assert f1(answer, accepted) == pytest.approx(quality, abs=1e-12)


def official(answer: str, accepted: str) -> tuple[float, float]:
    """Exact match and F1 as evaluate-v2.0.py defines them."""

    def normalize(text: str) -> str:
        text = "".join(letter for letter in text.lower() if letter not in set(string.punctuation))
        return " ".join(re.sub(r"\b(a|an|the)\b", " ", text, flags=re.UNICODE).split())

    words, wanted = normalize(answer).split(), normalize(accepted).split()
    right = float(normalize(answer) == normalize(accepted))
    if not words or not wanted:
        return right, float(words == wanted)
    same = sum((Counter(words) & Counter(wanted)).values())
    if same == 0:
        return right, 0.0
    precision, recall = same / len(words), same / len(wanted)
    return right, 2 * precision * recall / (precision + recall)


TEXT = st.text("aTheN .'2-ß ", max_size=14)


@given(answer=TEXT, accepted=st.lists(TEXT, min_size=1, max_size=3))
def test_metrics_are_the_maximum_of_the_formula_over_the_accepted_answers(
    answer: str, accepted: list[str]
) -> None:
    pairs = [official(answer, other) for other in accepted]
    assert exact_match(answer, accepted) == max(right for right, _ in pairs)
    assert f1(answer, accepted) == pytest.approx(max(quality for _, quality in pairs))


def test_normalized_text_keeps_other_scripts() -> None:
    assert normalized("Žluťoučký – kůň") == "žluťoučký – kůň"

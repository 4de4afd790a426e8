"""What every metric promises: scikit-learn's value on random cases, a perfect score, and no care for the order of samples."""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn

from kissipo.core.registry import Registry
from kissipo.output.metrics import confusion, errors, overlap, ranking, rates

METRICS = Registry("kissipo.output.metrics", "metric")
CLASSES = 4
Sample = tuple[Any, Any]


def matrix(truth: Any, answer: Any) -> Any:
    return confusion.confusion(truth, answer, CLASSES)


def by_class(measure: Callable[..., Any]) -> Callable[[Any, Any], Any]:
    return lambda truth, answer: measure(
        truth, answer, labels=range(CLASSES), average=None, zero_division=0
    )


def _there(truth: Any, answer: Any, measure: Callable[[Any, Any], Any]) -> Any:
    """Not a number for classes that are neither there nor answered."""
    there = [each in truth or each in answer for each in range(CLASSES)]
    return np.where(there, measure(truth, answer), math.nan)


def area_by_pairs(truth: Any, scores: Any) -> float:
    """The chance that a positive scores above a negative, by asking every pair."""
    pairs = list(product(scores[truth], scores[~truth]))
    return (
        sum((yes > no) + 0.5 * (yes == no) for yes, no in pairs) / len(pairs) if pairs else math.nan
    )


def area_of_classes_by_pairs(truth: Any, shares: Any) -> float:
    return float(
        np.mean([area_by_pairs(truth == each, shares[:, each]) for each in np.unique(truth)])
    )


def _called(truth: Any, scores: Any) -> list[Any]:
    """Which samples are called positive, from no sample at all to all of them."""
    return [scores >= least for least in (math.inf, *sorted(set(scores.tolist()), reverse=True))]


def shares_by_threshold(truth: Any, scores: Any) -> Any:
    """FPR and TPR, counted at every threshold."""
    called = _called(truth, scores)
    return [each[~truth].mean() for each in called], [each[truth].mean() for each in called]


def precision_recall_by_threshold(truth: Any, scores: Any) -> Any:
    """Recall and precision, counted at every threshold; nothing that is called is false where nothing is called."""
    called = _called(truth, scores)
    return [each[truth].mean() for each in called], [
        truth[each].mean() if each.any() else 1.0 for each in called
    ]


def average_precision_by_threshold(truth: Any, shares: Any) -> list[float]:
    """The sum of (R_n - R_n-1) · P_n of every class."""
    found = []
    for each in range(CLASSES):
        positive = truth == each
        recall, precision = (
            precision_recall_by_threshold(positive, shares[:, each])
            if positive.any()
            else ([0.0], [1])
        )
        steps = [
            (now - before) * right
            for before, now, right in zip(recall, recall[1:], precision[1:], strict=False)
        ]
        found.append(sum(steps) if positive.any() else math.nan)
    return found


def surprise(truth: Any, shares: Any) -> float:
    return -sum(math.log(row[at]) for at, row in zip(truth, shares, strict=True)) / len(truth)


CHOSEN = st.lists(st.tuples(*[st.integers(0, CLASSES - 1)] * 2), min_size=1, max_size=30)
SHARES = st.lists(st.integers(1, 4), min_size=CLASSES, max_size=CLASSES).map(
    lambda x: [each / sum(x) for each in x]
)
LIKELY = st.lists(st.tuples(st.integers(0, CLASSES - 1), SHARES), min_size=1, max_size=30)
RANKED = st.lists(
    st.tuples(st.integers(0, CLASSES - 1), st.permutations([0.1, 0.2, 0.3, 0.4])),
    min_size=1,
    max_size=30,
)
SCORED = st.lists(
    st.tuples(st.booleans(), st.integers(0, 5).map(lambda x: x / 5)), min_size=2, max_size=30
)
VALUE = st.floats(-1e4, 1e4).map(lambda value: round(value, 2))
NUMBERS = st.lists(st.tuples(VALUE, VALUE), min_size=2, max_size=30)
VARIED = NUMBERS.map(lambda samples: [(0.0, 1.0), (1.0, 1.0), *samples])
NO_ZERO = NUMBERS.map(lambda samples: [(truth or 1.0, answer) for truth, answer in samples])
OF_BOTH = SCORED.map(lambda samples: [(True, 0.4), (False, 0.4), *samples])
OF_EVERY = LIKELY.map(
    lambda samples: [*((each, [1 / CLASSES] * CLASSES) for each in range(CLASSES)), *samples]
)


@dataclass(frozen=True)
class Measure:
    """Ours, the witness, random samples (truth, answer); what a perfect answer gets (None: no single perfect answer)."""

    ours: Callable[[Any, Any], Any]
    witness: Callable[[Any, Any], Any]
    samples: st.SearchStrategy[list[Sample]]
    perfect: float | None = None


MEASURES = {
    "confusion.confusion": Measure(
        matrix,
        lambda truth, answer: sklearn.confusion_matrix(truth, answer, labels=range(CLASSES)),
        CHOSEN,
    ),
    "rates.accuracy": Measure(
        lambda *case: rates.accuracy(matrix(*case)), sklearn.accuracy_score, CHOSEN, 1
    ),
    "rates.precision": Measure(
        lambda *case: rates.precision(matrix(*case)), by_class(sklearn.precision_score), CHOSEN
    ),
    "rates.recall": Measure(
        lambda *case: rates.recall(matrix(*case)), by_class(sklearn.recall_score), CHOSEN
    ),
    "rates.f1": Measure(lambda *case: rates.f1(matrix(*case)), by_class(sklearn.f1_score), CHOSEN),
    "overlap.iou": Measure(
        lambda *case: overlap.iou(matrix(*case)),
        lambda *case: _there(*case, by_class(sklearn.jaccard_score)),
        CHOSEN,
    ),
    "overlap.dice": Measure(
        lambda *case: overlap.generator(matrix(*case)),
        lambda *case: _there(*case, by_class(sklearn.f1_score)),
        CHOSEN,
    ),
    "rates.balanced_accuracy": Measure(
        lambda *case: rates.balanced_accuracy(matrix(*case)),
        sklearn.balanced_accuracy_score,
        CHOSEN,
        1,
    ),
    "rates.macro": Measure(
        lambda *case: rates.macro(rates.f1(matrix(*case)), matrix(*case)),
        lambda *case: sklearn.f1_score(*case, average="macro", zero_division=0),
        CHOSEN,
        1,
    ),
    "ranking.top_k": Measure(
        lambda *case: ranking.top_k(*case, 2),
        lambda *case: sklearn.top_k_accuracy_score(*case, k=2, labels=range(CLASSES)),
        RANKED,
    ),
    "ranking.log_loss": Measure(ranking.log_loss, surprise, LIKELY),
    "ranking.roc_curve": Measure(ranking.roc_curve, shares_by_threshold, OF_BOTH),
    "ranking.roc_auc": Measure(ranking.roc_auc, area_of_classes_by_pairs, OF_EVERY),
    "ranking.precision_recall_curve": Measure(
        ranking.precision_recall_curve, precision_recall_by_threshold, OF_BOTH
    ),
    "ranking.average_precision": Measure(
        ranking.average_precision, average_precision_by_threshold, LIKELY
    ),
    "errors.mean_absolute_error": Measure(
        errors.mean_absolute_error, sklearn.mean_absolute_error, NUMBERS, 0
    ),
    "errors.root_mean_squared_error": Measure(
        errors.root_mean_squared_error, sklearn.root_mean_squared_error, NUMBERS, 0
    ),
    "errors.r_squared": Measure(errors.r_squared, sklearn.r2_score, VARIED, 1),
    "errors.mean_absolute_percentage_error": Measure(
        errors.mean_absolute_percentage_error,
        lambda *case: 100 * sklearn.mean_absolute_percentage_error(*case),
        NO_ZERO,
        0,
    ),
    "errors.mean_absolute_scaled_error": Measure(
        lambda *case: errors.mean_absolute_scaled_error(*case, naive_error=2.5),
        lambda truth, answer: (
            sum(abs(t - y) for t, y in zip(truth, answer, strict=True)) / len(truth) / 2.5
        ),
        NUMBERS,
        0,
    ),
}
every_measure = pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES.keys())
few = settings(max_examples=40, deadline=None)


def drawn(measure: Measure, data: st.DataObject) -> Sample:
    truth, answer = zip(*data.draw(measure.samples), strict=True)
    return np.asarray(truth), np.asarray(answer)


def test_every_metric_is_tested_here() -> None:
    found = set()
    for name in METRICS.names():
        module = METRICS.find(name, place="here")
        functions = inspect.getmembers(module, inspect.isfunction)
        found |= {
            f"{name}.{each}"
            for each, what in functions
            if what.__module__ == module.__name__ and each[0] != "_"
        }
    assert set(MEASURES) == found


@every_measure
@few
@given(data=st.data())
def test_it_is_what_scikit_learn_says(measure: Measure, data: st.DataObject) -> None:
    case = drawn(measure, data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = measure.witness(*case)
    np.testing.assert_allclose(measure.ours(*case), expected, rtol=1e-9, atol=1e-12)


@every_measure
@few
@given(data=st.data())
def test_the_order_of_the_samples_does_not_count(measure: Measure, data: st.DataObject) -> None:
    truth, answer = drawn(measure, data)
    order = np.asarray(data.draw(st.permutations(range(len(truth)))))
    expected = measure.ours(truth, answer)
    np.testing.assert_allclose(
        measure.ours(truth[order], answer[order]), expected, rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize(
    "name", [name for name, measure in MEASURES.items() if measure.perfect is not None]
)
@few
@given(data=st.data())
def test_the_truth_itself_scores_perfectly_and_nothing_scores_better(
    name: str, data: st.DataObject
) -> None:
    measure = MEASURES[name]
    truth, answer = drawn(measure, data)
    assert measure.ours(truth, truth) == pytest.approx(measure.perfect, abs=1e-12)
    better = 1 if measure.perfect == 1 else -1
    assert better * measure.ours(truth, answer) <= better * measure.perfect + 1e-12


@few
@given(samples=LIKELY)
def test_the_area_is_the_share_of_pairs_in_order_whichever_classes_occur(
    samples: list[Sample],
) -> None:
    truth, shares = (np.asarray(each) for each in zip(*samples, strict=True))
    expected = area_of_classes_by_pairs(truth, shares)
    assert ranking.roc_auc(truth, shares) == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_of_equally_likely_classes_the_first_are_the_likeliest() -> None:
    assert [ranking.top_k([each], [[0.25] * CLASSES], 2) for each in range(CLASSES)] == [1, 1, 0, 0]


def test_of_two_classes_the_area_is_that_of_the_second() -> None:
    truth, yes = np.array([0, 1, 0, 1]), np.array([0.2, 0.2, 0.1, 0.9])
    # four pairs of a positive and a negative: three in order, one tie that counts half
    assert ranking.roc_auc(truth, np.stack([1 - yes, yes], axis=1)) == 3.5 / 4


def test_f1_of_all_answers_together_is_the_accuracy() -> None:
    truth, answer = [0, 1, 2, 2, 3], [0, 2, 2, 2, 1]
    assert (
        rates.accuracy(matrix(truth, answer))
        == sklearn.f1_score(truth, answer, average="micro")
        == 3 / 5
    )


@pytest.mark.parametrize(("answer", "expected"), [([0.1] * 3, 1.0), ([0.1, 0.1, 0.2], 0.0)])
def test_r_squared_of_a_truth_that_is_constant(answer: list[float], expected: float) -> None:
    assert errors.r_squared([0.1] * 3, answer) == expected


def test_certain_and_wrong_is_a_large_surprise_but_a_finite_one() -> None:
    # float32 knows no probability between 0 and 2^-23 beside 1
    assert ranking.log_loss([0, 1], [[0.0, 1.0], [0.0, 1.0]]) == pytest.approx(23 * math.log(2) / 2)


def test_what_has_no_value_is_not_a_number() -> None:
    assert math.isnan(rates.accuracy(matrix([], [])))
    assert math.isnan(rates.balanced_accuracy(matrix([], [])))
    assert math.isnan(rates.macro(np.zeros(CLASSES), matrix([], [])))
    two = [[0.7, 0.3], [0.6, 0.4]]
    np.testing.assert_array_equal(ranking.average_precision([0, 0], two), [1, math.nan])
    assert np.isnan(ranking.precision_recall_curve([False, False], [0.3, 0.4])[0]).all()
    assert np.isnan(ranking.roc_curve([False, False], [0.3, 0.4])[1]).all()
    assert math.isnan(ranking.roc_auc([1, 1], two))
    assert math.isnan(ranking.roc_auc([0, 0], two))
    assert math.isnan(errors.mean_absolute_percentage_error([0.0, 0.0], [1.0, 2.0]))
    assert math.isnan(errors.mean_absolute_scaled_error([1.0], [2.0], naive_error=0.0))


def test_a_truth_of_zero_does_not_count_in_percent() -> None:
    assert errors.mean_absolute_percentage_error(
        [0.0, 4.0, -8.0], [9.0, 5.0, -6.0]
    ) == pytest.approx(25.0)

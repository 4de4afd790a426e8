"""Every metric equals scikit-learn's, and ignores the order of the samples."""

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


def by_class(metric: Callable[..., Any]) -> Callable[[Any, Any], Any]:
    return lambda truth, answer: metric(
        truth, answer, labels=range(CLASSES), average=None, zero_division=0
    )


def _present(truth: Any, answer: Any, metric: Callable[[Any, Any], Any]) -> Any:
    """NaN for classes that are neither in the truth nor predicted."""
    present = [index in truth or index in answer for index in range(CLASSES)]
    return np.where(present, metric(truth, answer), math.nan)


def area_by_pairs(truth: Any, scores: Any) -> float:
    """The probability that a positive scores above a negative, over all pairs."""
    pairs = list(product(scores[truth], scores[~truth]))
    return (
        sum((yes > no) + 0.5 * (yes == no) for yes, no in pairs) / len(pairs) if pairs else math.nan
    )


def area_of_classes_by_pairs(truth: Any, probabilities: Any) -> float:
    return float(
        np.mean(
            [area_by_pairs(truth == index, probabilities[:, index]) for index in np.unique(truth)]
        )
    )


def _positives(truth: Any, scores: Any) -> list[Any]:
    """The samples predicted positive at every threshold, from none to all."""
    return [
        scores >= minimum for minimum in (math.inf, *sorted(set(scores.tolist()), reverse=True))
    ]


def rates_by_threshold(truth: Any, scores: Any) -> Any:
    """FPR and TPR, counted at every threshold."""
    positives = _positives(truth, scores)
    return [positive[~truth].mean() for positive in positives], [
        positive[truth].mean() for positive in positives
    ]


def precision_recall_by_threshold(truth: Any, scores: Any) -> Any:
    """Recall and precision at every threshold; precision is 1 without positives."""
    positives = _positives(truth, scores)
    return [positive[truth].mean() for positive in positives], [
        truth[positive].mean() if positive.any() else 1.0 for positive in positives
    ]


def average_precision_by_threshold(truth: Any, probabilities: Any) -> list[float]:
    """The sum of (R_n - R_n-1) · P_n per class."""
    values = []
    for index in range(CLASSES):
        positive = truth == index
        recall, precision = (
            precision_recall_by_threshold(positive, probabilities[:, index])
            if positive.any()
            else ([0.0], [1])
        )
        steps = [
            (high - low) * rate
            for low, high, rate in zip(recall, recall[1:], precision[1:], strict=False)
        ]
        values.append(sum(steps) if positive.any() else math.nan)
    return values


def negative_log_likelihood(truth: Any, probabilities: Any) -> float:
    rows = zip(truth, probabilities, strict=True)
    return -sum(math.log(row[index]) for index, row in rows) / len(truth)


LABELS = st.lists(st.tuples(*[st.integers(0, CLASSES - 1)] * 2), min_size=1, max_size=30)
SHARES = st.lists(st.integers(1, 4), min_size=CLASSES, max_size=CLASSES).map(
    lambda x: [value / sum(x) for value in x]
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
    lambda samples: [*((index, [1 / CLASSES] * CLASSES) for index in range(CLASSES)), *samples]
)


@dataclass(frozen=True)
class Metric:
    """A metric, its reference, random (truth, answer) samples, its perfect score."""

    ours: Callable[[Any, Any], Any]
    witness: Callable[[Any, Any], Any]
    samples: st.SearchStrategy[list[Sample]]
    perfect: float | None = None


METRIC_CASES = {
    "confusion.confusion": Metric(
        matrix,
        lambda truth, answer: sklearn.confusion_matrix(truth, answer, labels=range(CLASSES)),
        LABELS,
    ),
    "rates.accuracy": Metric(
        lambda *case: rates.accuracy(matrix(*case)), sklearn.accuracy_score, LABELS, 1
    ),
    "rates.precision": Metric(
        lambda *case: rates.precision(matrix(*case)), by_class(sklearn.precision_score), LABELS
    ),
    "rates.recall": Metric(
        lambda *case: rates.recall(matrix(*case)), by_class(sklearn.recall_score), LABELS
    ),
    "rates.f1": Metric(lambda *case: rates.f1(matrix(*case)), by_class(sklearn.f1_score), LABELS),
    "overlap.iou": Metric(
        lambda *case: overlap.iou(matrix(*case)),
        lambda *case: _present(*case, by_class(sklearn.jaccard_score)),
        LABELS,
    ),
    "overlap.dice_coefficient": Metric(
        lambda *case: overlap.dice_coefficient(matrix(*case)),
        lambda *case: _present(*case, by_class(sklearn.f1_score)),
        LABELS,
    ),
    "rates.balanced_accuracy": Metric(
        lambda *case: rates.balanced_accuracy(matrix(*case)),
        sklearn.balanced_accuracy_score,
        LABELS,
        1,
    ),
    "rates.macro": Metric(
        lambda *case: rates.macro(rates.f1(matrix(*case)), matrix(*case)),
        lambda *case: sklearn.f1_score(*case, average="macro", zero_division=0),
        LABELS,
        1,
    ),
    "ranking.top_k": Metric(
        lambda *case: ranking.top_k(*case, 2),
        lambda *case: sklearn.top_k_accuracy_score(*case, k=2, labels=range(CLASSES)),
        RANKED,
    ),
    "ranking.log_loss": Metric(ranking.log_loss, negative_log_likelihood, LIKELY),
    "ranking.roc_curve": Metric(ranking.roc_curve, rates_by_threshold, OF_BOTH),
    "ranking.roc_auc": Metric(ranking.roc_auc, area_of_classes_by_pairs, OF_EVERY),
    "ranking.precision_recall_curve": Metric(
        ranking.precision_recall_curve, precision_recall_by_threshold, OF_BOTH
    ),
    "ranking.average_precision": Metric(
        ranking.average_precision, average_precision_by_threshold, LIKELY
    ),
    "errors.mean_absolute_error": Metric(
        errors.mean_absolute_error, sklearn.mean_absolute_error, NUMBERS, 0
    ),
    "errors.root_mean_squared_error": Metric(
        errors.root_mean_squared_error, sklearn.root_mean_squared_error, NUMBERS, 0
    ),
    "errors.r_squared": Metric(errors.r_squared, sklearn.r2_score, VARIED, 1),
    "errors.mean_absolute_percentage_error": Metric(
        errors.mean_absolute_percentage_error,
        lambda *case: 100 * sklearn.mean_absolute_percentage_error(*case),
        NO_ZERO,
        0,
    ),
    "errors.mean_absolute_scaled_error": Metric(
        lambda *case: errors.mean_absolute_scaled_error(*case, naive_error=2.5),
        lambda truth, answer: (
            sum(abs(t - y) for t, y in zip(truth, answer, strict=True)) / len(truth) / 2.5
        ),
        NUMBERS,
        0,
    ),
}
every_metric = pytest.mark.parametrize("metric", METRIC_CASES.values(), ids=METRIC_CASES.keys())
few = settings(max_examples=25, deadline=None)


def drawn(metric: Metric, data: st.DataObject) -> Sample:
    truth, answer = zip(*data.draw(metric.samples), strict=True)
    return np.asarray(truth), np.asarray(answer)


def test_every_metric_has_a_case() -> None:
    functions = set()
    for name in METRICS.names():
        module = METRICS.find(name, place="here")
        functions |= {
            f"{name}.{function}"
            for function, value in inspect.getmembers(module, inspect.isfunction)
            if value.__module__ == module.__name__ and function[0] != "_"
        }
    # they do not compare pairs of targets and predictions, and are tested elsewhere:
    # test_s36_maps.py, test_s40_dcgan.py and test_s48_hot_spots.py in tests/systems;
    # test_detection.py, test_coco_and_voc.py, test_edit_distance.py,
    # test_text_metrics.py, test_entities.py, test_squad_metrics.py, test_top_items.py
    # in tests/output
    elsewhere = ("frechet.", "detection.", "edit_distance.", "bleu.", "rouge.", "squad.")
    elsewhere += ("entities.", "top_items.", "counts.", "neighborhoods.")
    elsewhere += ("box_matching.", "coco.", "voc.")
    assert set(METRIC_CASES) == {name for name in functions if not name.startswith(elsewhere)}


@every_metric
@few
@given(data=st.data())
def test_metric_equals_its_reference(metric: Metric, data: st.DataObject) -> None:
    case = drawn(metric, data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = metric.witness(*case)
    np.testing.assert_allclose(metric.ours(*case), expected, rtol=1e-9, atol=1e-12)


@every_metric
@few
@given(data=st.data())
def test_metric_ignores_the_order_of_samples(metric: Metric, data: st.DataObject) -> None:
    truth, answer = drawn(metric, data)
    order = np.asarray(data.draw(st.permutations(range(len(truth)))))
    expected = metric.ours(truth, answer)
    np.testing.assert_allclose(
        metric.ours(truth[order], answer[order]), expected, rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize(
    "name", [name for name, metric in METRIC_CASES.items() if metric.perfect is not None]
)
@few
@given(data=st.data())
def test_metric_of_the_truth_is_the_best_score(name: str, data: st.DataObject) -> None:
    metric = METRIC_CASES[name]
    truth, answer = drawn(metric, data)
    assert metric.ours(truth, truth) == pytest.approx(metric.perfect, abs=1e-12)
    better = 1 if metric.perfect == 1 else -1
    assert better * metric.ours(truth, answer) <= better * metric.perfect + 1e-12


@few
@given(samples=LIKELY)
def test_roc_auc_is_the_fraction_of_ordered_pairs(
    samples: list[Sample],
) -> None:
    truth, probabilities = (np.asarray(column) for column in zip(*samples, strict=True))
    expected = area_of_classes_by_pairs(truth, probabilities)
    assert ranking.roc_auc(truth, probabilities) == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_top_k_takes_the_first_of_equal_classes() -> None:
    rates = [ranking.top_k([index], [[0.25] * CLASSES], 2) for index in range(CLASSES)]
    assert rates == [1, 1, 0, 0]


def test_roc_auc_of_two_classes_is_that_of_the_second() -> None:
    truth, positive = np.array([0, 1, 0, 1]), np.array([0.2, 0.2, 0.1, 0.9])
    # four pairs of a positive and a negative: three in order, one tie that counts half
    assert ranking.roc_auc(truth, np.stack([1 - positive, positive], axis=1)) == 3.5 / 4


def test_accuracy_equals_micro_f1() -> None:
    truth, answer = [0, 1, 2, 2, 3], [0, 2, 2, 2, 1]
    assert (
        rates.accuracy(matrix(truth, answer))
        == sklearn.f1_score(truth, answer, average="micro")
        == 3 / 5
    )


@pytest.mark.parametrize(("answer", "expected"), [([0.1] * 3, 1.0), ([0.1, 0.1, 0.2], 0.0)])
def test_r_squared_of_a_constant_truth(answer: list[float], expected: float) -> None:
    assert errors.r_squared([0.1] * 3, answer) == expected


def test_log_loss_of_a_certain_error_is_finite() -> None:
    # 2^-23 is the epsilon of float32
    assert ranking.log_loss([0, 1], [[0.0, 1.0], [0.0, 1.0]]) == pytest.approx(23 * math.log(2) / 2)


def test_metric_without_a_value_is_nan() -> None:
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


def test_percentage_error_ignores_a_truth_of_zero() -> None:
    assert errors.mean_absolute_percentage_error(
        [0.0, 4.0, -8.0], [9.0, 5.0, -6.0]
    ) == pytest.approx(25.0)

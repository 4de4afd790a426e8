"""Inspection: the cheapest threshold beside brute force, and counts by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from math import nextafter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.metrics import f1_score, recall_score

import kissipo as ki
from kissipo.cli.main import main
from kissipo.core.errors import TaskError
from kissipo.core.frame import Frame, strings
from kissipo.output.answers.category import Category, Decode, Options
from kissipo.output.decode.cost import calibrated_threshold, cheapest, cost
from kissipo.output.inspection import Inspection
from kissipo.output.macro_average import balanced_accuracy_by_sample, macro_f1_by_sample
from kissipo.output.verdict import verdict

SAMPLES = st.lists(
    st.tuples(st.integers(0, 12).map(lambda value: value / 12), st.booleans()),
    min_size=1,
    max_size=25,
)
LABELS = st.lists(st.tuples(*[st.integers(0, 3)] * 2), min_size=3, max_size=40)
KINDS = Frame((strings("kind", ["chip", "crack", "good", "good"]),))


@settings(max_examples=100, deadline=None)
@given(SAMPLES, st.sampled_from([0.1, 0.5, 1.0, 3.0, 20.0, 400.0]))
def test_cheapest_threshold_has_the_minimum_cost(
    samples: list[Any], false_negative_cost: float
) -> None:
    suspicion, defect = (np.asarray(column) for column in zip(*samples, strict=True))

    def by_hand(threshold: float) -> float:
        return sum(
            (false_negative_cost if is_defect else 0)
            if value < threshold
            else (0 if is_defect else 1)
            for value, is_defect in samples
        )

    threshold = cheapest(suspicion, defect, false_negative_cost=false_negative_cost)
    candidates = [
        *np.unique(suspicion),
        nextafter(1, 2),
        *((np.arange(601)) / 600),
        calibrated_threshold(false_negative_cost),
    ]
    costs = [by_hand(value) for value in candidates]
    assert (
        by_hand(threshold)
        == pytest.approx(
            cost(suspicion, defect, threshold, false_negative_cost=false_negative_cost)
        )
        == pytest.approx(min(costs))
    )
    # between two scores every threshold gives the same predictions
    for low, high in pairwise([-1.0, *np.unique(suspicion), 2.0]):
        if (
            by_hand(min(high, nextafter(1, 2))) <= min(costs) + 1e-12
            and low < calibrated_threshold(false_negative_cost) <= high
        ):
            assert threshold == calibrated_threshold(false_negative_cost)


def test_cheapest_threshold_is_the_midpoint_of_two_scores() -> None:
    # one false positive (0.4) costs less than a false negative (0.3)
    suspicion, defect = (
        np.array([0.1, 0.2, 0.4, 0.3, 0.8]),
        np.array([False, False, False, True, True]),
    )
    for false_negative_cost, threshold in (
        (5.0, 0.25),  # 1/6 is below 0.2
        (3.5, 1 / 4.5),  # between 0.2 and 0.3 itself
        (0.5, 2 / 3),  # nothing is gained below 0.4
    ):
        value = cheapest(suspicion, defect, false_negative_cost=false_negative_cost)
        assert value == pytest.approx(threshold)


def test_cheapest_threshold_of_one_class_predicts_that_class() -> None:
    certain = np.array([0.0, 1.0, 1.0])
    assert (certain >= cheapest(certain, np.ones(3, dtype=bool), false_negative_cost=2.0)).all()
    assert not (
        certain >= cheapest(certain, np.zeros(3, dtype=bool), false_negative_cost=2.0)
    ).any()


def test_counts_equal_those_by_hand() -> None:
    inspection = Inspection(false_negative_cost=20.0, threshold=0.5)
    predicted, defect = (
        np.array([True, False, True, False, False]),
        np.array([True, True, False, False, False]),
    )
    expected = {
        "false_negatives": 1,
        "positives": 2,
        "false_positives": 1,
        "negatives": 3,
        "cost": 100 * 21 / 5,
    }
    assert inspection.counts(predicted, defect) == expected


@pytest.mark.parametrize(
    ("defects", "negatives", "reason"),
    [
        (0, 0, "there is no validation split"),
        (2, 3, "the validation split has too few samples (5)"),
        (4, 30, "the validation split has too few defects (4)"),
        (30, 4, "the validation split has too few negatives (4)"),
    ],
)
def test_inspection_with_too_few_samples_uses_the_calibrated_threshold(
    defects: int, negatives: int, reason: str
) -> None:
    defect = np.arange(defects + negatives) < defects
    inspection = Inspection(false_negative_cost=9.0).calibrated(
        np.linspace(0, 1, defects + negatives), defect
    )
    assert (inspection.threshold, inspection.reason) == (pytest.approx(0.1), reason)


def test_category_predicts_a_defect_by_suspicion_and_its_top_class() -> None:
    answer = Category("kind", Options(negative_class="good", false_negative_cost=9.0)).fit(KINDS)
    scores = np.array(
        [[0.05, 0.2, 0.75], [0.03, 0.02, 0.95], [0.4, 0.25, 0.35], [0.06, 0.05, 0.89]]
    )
    assert [prediction.value for prediction in answer.decode(scores)] == [
        "good",
        "good",
        "chip",
        "good",
    ]  # no threshold yet
    answer.inspection = Inspection(9.0, threshold=0.1)
    assert [prediction.value for prediction in answer.decode(scores)] == [
        "crack",
        "good",
        "chip",
        "chip",
    ]
    evaluation = answer.evaluate(scores, np.array([1, 0, 2, 2]))
    counts = evaluation.details["inspection"]
    names = ("false_negatives", "positives", "false_positives", "negatives", "cost")
    assert counts["at_threshold"] == dict(zip(names, (1, 2, 2, 2, 100 * 11 / 4), strict=True))
    top = dict(zip(names, (2, 2, 1, 2, 100 * 19 / 4), strict=True))
    assert {name: counts["at_argmax"][name] for name in top} == top
    assert counts["at_argmax"]["accuracy"] == 1 / 4
    assert (
        evaluation.metrics["false_negative_rate"],
        evaluation.metrics["false_positive_rate"],
        evaluation.metrics["cost"],
    ) == (0.5, 1, 275)


def test_baselines_do_not_use_the_threshold_of_the_model() -> None:
    answer = Category("kind", Options(negative_class="good", false_negative_cost=9.0)).fit(KINDS)
    answer.inspection = Inspection(9.0, threshold=0.7)
    plain = answer.for_baselines()
    assert isinstance(plain, Category)
    assert plain.inspection is not None
    assert (plain.inspection.threshold, answer.inspection.threshold) == (pytest.approx(0.1), 0.7)


@settings(max_examples=100, deadline=None)
@given(LABELS)
def test_macro_averages_per_sample_have_the_metric_as_their_mean(samples: list[Any]) -> None:
    truth, predicted = (np.asarray(column) for column in zip(*samples, strict=True))
    assert macro_f1_by_sample(truth, predicted, 4).mean() == pytest.approx(
        f1_score(truth, predicted, average="macro")
    )
    present = sorted(set(truth.tolist()))
    recalls = recall_score(truth, predicted, labels=present, average="macro")
    assert balanced_accuracy_by_sample(truth, predicted, 4).mean() == pytest.approx(recalls)


def test_macro_averages_per_sample_give_the_standard_error() -> None:
    generator = np.random.default_rng(5)
    truth = generator.choice(4, size=400, p=[0.6, 0.25, 0.1, 0.05])
    predicted = np.where(generator.random(400) < 0.7, truth, generator.integers(4, size=400))
    drawn = [generator.integers(400, size=400) for _ in range(600)]
    again = [f1_score(truth[index], predicted[index], average="macro") for index in drawn]
    error = macro_f1_by_sample(truth, predicted, 4).std() / 400**0.5
    assert error == pytest.approx(np.std(again), rel=0.06)


def test_verdict_names_the_eval_metric() -> None:
    answer = Category("kind", Options(eval_metric="macro_f1")).fit(KINDS)
    truth = np.tile([0, 1, 2], 50)
    good, poor = np.eye(3)[truth], np.tile([0.1, 0.1, 0.8], (150, 1))
    result = verdict(
        answer.evaluate(good, truth),
        {"other": answer.evaluate(poor, truth)},
        main="macro_f1",
        higher_is_better=True,
    )
    assert result is not None
    # always the third class: its F1 is 2 · 50 / (150 + 50), that of the others 0
    assert (result.better, result.sentence) == (
        1,
        f"{100 - 100 / 6:.1f} points of macro-F1 above other",
    )


@pytest.fixture
def tumors() -> Path:
    """A table of two classes, malignant and benign."""
    table = load_breast_cancer(as_frame=True).frame
    table["target"] = np.where(table["target"] == 0, "malignant", "benign")
    table.to_csv("tumors.csv", index=False)
    return Path("tumors.csv")


def test_threshold_of_the_validation_split_is_used_everywhere(
    tumors: Path,
    capsys: pytest.CaptureFixture[str],
    content_of: Callable[[Path | str], Any],
    records_of: Callable[..., Any],
) -> None:
    words = [
        "output.negative_class=benign",
        "output.false_negative_cost=20",
        "epochs=15",
        "input.split.validation=0.3",
        "net=ffn",
    ]
    assert main(["fit", str(tumors), "--output", "target", *words, "--out", "run", "--quiet"]) == 0
    text = capsys.readouterr().out
    run = ki.open("run")
    answer = run.answers[0]
    assert isinstance(answer, Category)
    assert answer.classes == ("benign", "malignant")
    inspection = json.loads(Path("run/codecs.json").read_text(encoding="utf-8"))["answers"][0][
        "inspection"
    ]
    assert inspection["reason"] == ""
    pipeline = run.pipeline()
    shares = {}
    for part in ("validation", "test"):
        inputs = pipeline.datasets[part].batch(slice(None)).inputs
        outputs = run.net(inputs[0])  # type: ignore[arg-type]
        shares[part] = answer.scores(outputs)[:, 1], pipeline.datasets[part].targets[0].numpy() == 1
    assert inspection["threshold"] == pytest.approx(
        cheapest(*shares["validation"], false_negative_cost=20.0), rel=1e-4
    )
    share, bad = shares["test"]
    counts = run.metrics["answers"][0]["details"]["inspection"]["at_threshold"]
    predicted = share >= inspection["threshold"]
    missed, false = int((bad & ~predicted).sum()), int((predicted & ~bad).sum())
    assert (counts["false_negatives"], counts["false_positives"]) == (missed, false)
    assert counts["cost"] == pytest.approx(100 * (20 * missed + false) / len(bad))
    assert (
        f"{missed} of {bad.sum()} defects missed, {false} false alarms on {(~bad).sum()} negatives"
        in " ".join(text.split())
    )
    assert main(["evaluate", "run", "--json"]) == 0
    assert (
        json.loads(capsys.readouterr().out)["answers"][0]["details"]["inspection"]["at_threshold"]
        == counts
    )
    frame = pipeline.frame.take(pipeline.splits["test"])
    rows = [{name: frame[name].show(row) for name in frame.names} for row in range(len(frame))]
    values = run.predict(*rows)  # type: ignore[union-attr]
    assert [value == "malignant" for value in values] == predicted.tolist()
    page = content_of("run/report.html")
    (costs,) = records_of(page, "table", "Cost of errors")
    at_threshold = costs["rows"][0]
    assert at_threshold[0]["text"].startswith("at the threshold ")
    assert at_threshold[1:3] == [f"{missed} of {bad.sum()}", f"{false} of {(~bad).sum()}"]
    (line,) = records_of(page, "line", "Cost of errors")
    assert line["text"].startswith("One false negative costs 20 false positives; ")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["output.negative_class=fine"],
            "output.negative_class is not a class of 'target'; got 'fine'.",
        ),
        (
            ["output.negative_class=benign", "output.false_negative_cost=-3"],
            "output.false_negative_cost must be a number above 0",
        ),
        (
            ["output.false_negative_cost=3"],
            "output.false_negative_cost needs output.negative_class, the class without a defect.",
        ),
        (
            ["output.negative_class=benign", "output.decode.threshold=0.2"],
            "both set the decision threshold.",
        ),
        (
            ["output.negative_class=benign", "output.positive_class=benign"],
            "output.positive_class and output.negative_class name the same class",
        ),
        (
            ["output.eval_metric=f2"],
            "output.eval_metric must be one of accuracy, balanced_accuracy, macro_f1",
        ),
    ],
)
def test_fit_refuses_wrong_options_of_inspection(
    tumors: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", str(tumors), "--output", "target", *words]) == 2
    error = " ".join(capsys.readouterr().err.split())
    assert message in error
    assert "Traceback" not in error


def test_fit_names_a_defect_without_validation_samples(
    capsys: pytest.CaptureFixture[str],
) -> None:
    table = load_wine(as_frame=True).frame
    table["target"] = table["target"].map({0: "good", 1: "chip", 2: "crack"})
    table["bottle"] = np.where(
        table["target"] == "crack", "same", [f"bottle {row}" for row in range(len(table))]
    )
    table.loc[table.index[table["target"] == "crack"][:2], "bottle"] = "other"
    table.to_csv("wine.csv", index=False)
    words = ["output.negative_class=good", "input.split.group=bottle", "epochs=1"]
    assert main(["fit", "wine.csv", "--output", "target", *words]) == 2
    error = " ".join(capsys.readouterr().err.split())
    assert (
        "the validation split contains no 'crack', so the threshold of output.negative_class "
        "would ignore that defect"
    ) in error
    assert (
        main(
            ["fit", "wine.csv", "--output", "target", *words, "input.split.validation=0", "--quiet"]
        )
        == 0
    )
    assert "there is no validation split: 1 / (1 + output.false_negative_cost)" in " ".join(
        capsys.readouterr().out.split()
    )


def test_category_refuses_two_options_for_one_threshold() -> None:
    with pytest.raises(TaskError, match=r"output\.negative_class and output\.decode\.threshold"):
        Category("kind", Options(negative_class="good", decode=Decode(threshold=0.3)))

"""What a missed defect costs: the cheapest threshold beside brute force, counts by hand, one threshold from training to prediction."""

from __future__ import annotations

import json
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
from kissipo.output.decode.cost import cheapest, cost, even
from kissipo.output.inspection import Inspection
from kissipo.output.macro_average import balanced_accuracy_by_sample, macro_f1_by_sample
from kissipo.output.verdict import verdict

PIECES = st.lists(
    st.tuples(st.integers(0, 12).map(lambda each: each / 12), st.booleans()),
    min_size=1,
    max_size=25,
)
CHOSEN = st.lists(st.tuples(*[st.integers(0, 3)] * 2), min_size=3, max_size=40)
KINDS = Frame((strings("kind", ["chip", "crack", "good", "good"]),))


@settings(max_examples=300, deadline=None)
@given(PIECES, st.sampled_from([0.1, 0.5, 1.0, 3.0, 20.0, 400.0]))
def test_no_threshold_is_cheaper_and_none_as_cheap_is_nearer_to_the_even_one(
    pieces: list[Any], missed: float
) -> None:
    suspicion, defect = (np.asarray(each) for each in zip(*pieces, strict=True))

    def by_hand(least: float) -> float:
        return sum(
            (missed if bad else 0) if each < least else (0 if bad else 1) for each, bad in pieces
        )

    found = cheapest(suspicion, defect, missed=missed)
    every = [*np.unique(suspicion), nextafter(1, 2), *((np.arange(601)) / 600), even(missed)]
    costs = [by_hand(each) for each in every]
    assert (
        by_hand(found)
        == pytest.approx(cost(suspicion, defect, found, missed=missed))
        == pytest.approx(min(costs))
    )
    levels = [
        -1.0,
        *np.unique(suspicion),
        2.0,
    ]  # between two of them every threshold calls the same pieces
    for low, high in pairwise(levels):
        if by_hand(min(high, nextafter(1, 2))) <= min(costs) + 1e-12 and low < even(missed) <= high:
            assert found == even(missed)


def test_the_threshold_lies_in_the_middle_between_two_scores() -> None:
    # one false alarm (0.4) costs less than a missed defect (0.3): from 0.2 to 0.3 all defects and two sound ones are called
    suspicion, defect = (
        np.array([0.1, 0.2, 0.4, 0.3, 0.8]),
        np.array([False, False, False, True, True]),
    )
    assert cheapest(suspicion, defect, missed=5.0) == pytest.approx(
        0.25
    )  # 1/6 would call the one of 0.2, too
    assert cheapest(suspicion, defect, missed=3.5) == pytest.approx(
        1 / 4.5
    )  # lies between 0.2 and 0.3 itself
    assert cheapest(suspicion, defect, missed=0.5) == pytest.approx(
        2 / 3
    )  # nothing is gained below 0.4


def test_with_no_sound_piece_all_are_called_and_with_no_defect_none() -> None:
    certain = np.array([0.0, 1.0, 1.0])
    assert (certain >= cheapest(certain, np.ones(3, dtype=bool), missed=2.0)).all()
    assert not (certain >= cheapest(certain, np.zeros(3, dtype=bool), missed=2.0)).any()


def test_what_is_missed_is_counted_by_hand() -> None:
    inspection = Inspection(false_negative_cost=20.0, threshold=0.5)
    called, defect = (
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
    assert inspection.counts(called, defect) == expected


@pytest.mark.parametrize(
    ("defects", "sound", "reason"),
    [
        (0, 0, "there is no validation part to choose by"),
        (2, 3, "5 samples of the validation part are too few to choose by"),
        (4, 30, "4 defects of the validation part are too few to choose by"),
        (30, 4, "4 sound pieces of the validation part are too few to choose by"),
    ],
)
def test_where_too_few_are_known_the_threshold_follows_from_the_costs_and_that_is_told(
    defects: int, sound: int, reason: str
) -> None:
    defect = np.arange(defects + sound) < defects
    learned = Inspection(false_negative_cost=9.0).learned(
        np.linspace(0, 1, defects + sound), defect
    )
    assert (learned.threshold, learned.reason) == (pytest.approx(0.1), reason)


def test_a_piece_is_called_by_its_suspicion_and_named_by_its_likeliest_defect() -> None:
    answer = Category("kind", Options(negative_class="good", false_negative_cost=9.0)).fit(KINDS)
    scores = np.array(
        [[0.05, 0.2, 0.75], [0.03, 0.02, 0.95], [0.4, 0.25, 0.35], [0.06, 0.05, 0.89]]
    )
    assert [each.value for each in answer.decide(scores)] == [
        "good",
        "good",
        "chip",
        "good",
    ]  # no threshold yet
    answer.inspection = Inspection(9.0, threshold=0.1)
    assert [each.value for each in answer.decide(scores)] == ["crack", "good", "chip", "chip"]
    evaluation = answer.evaluate(scores, np.array([1, 0, 2, 2]))
    found = evaluation.details["inspection"]
    names = ("false_negatives", "positives", "false_positives", "negatives", "cost")
    assert found["at_threshold"] == dict(zip(names, (1, 2, 2, 2, 100 * 11 / 4), strict=True))
    top = dict(zip(names, (2, 2, 1, 2, 100 * 19 / 4), strict=True))
    assert {name: found["at_argmax"][name] for name in top} == top
    assert found["at_argmax"]["accuracy"] == 1 / 4
    assert (
        evaluation.metrics["false_negative_rate"],
        evaluation.metrics["false_positive_rate"],
        evaluation.metrics["cost"],
    ) == (0.5, 1, 275)


def test_simple_answers_are_not_judged_by_the_threshold_of_the_net() -> None:
    answer = Category("kind", Options(negative_class="good", false_negative_cost=9.0)).fit(KINDS)
    answer.inspection = Inspection(9.0, threshold=0.7)
    plain = answer.for_baselines()
    assert isinstance(plain, Category)
    assert plain.inspection is not None
    assert (plain.inspection.threshold, answer.inspection.threshold) == (pytest.approx(0.1), 0.7)


@settings(max_examples=100, deadline=None)
@given(CHOSEN)
def test_macro_measures_by_sample_have_the_measure_as_their_mean(samples: list[Any]) -> None:
    truth, chosen = (np.asarray(each) for each in zip(*samples, strict=True))
    assert macro_f1_by_sample(truth, chosen, 4).mean() == pytest.approx(
        f1_score(truth, chosen, average="macro")
    )
    there = sorted(set(truth.tolist()))
    recalls = recall_score(truth, chosen, labels=there, average="macro")
    assert balanced_accuracy_by_sample(truth, chosen, 4).mean() == pytest.approx(recalls)


def test_their_spread_is_the_uncertainty_of_the_measure() -> None:
    generator = np.random.default_rng(5)
    truth = generator.choice(4, size=400, p=[0.6, 0.25, 0.1, 0.05])
    chosen = np.where(generator.random(400) < 0.7, truth, generator.integers(4, size=400))
    drawn = [generator.integers(400, size=400) for _ in range(2000)]
    again = [f1_score(truth[some], chosen[some], average="macro") for some in drawn]
    error = macro_f1_by_sample(truth, chosen, 4).std() / 400**0.5
    assert error == pytest.approx(np.std(again), rel=0.06)


def test_the_verdict_speaks_of_the_measure_that_was_chosen() -> None:
    answer = Category("kind", Options(eval_metric="macro_f1")).fit(KINDS)
    truth = np.tile([0, 1, 2], 50)
    good, poor = np.eye(3)[truth], np.tile([0.1, 0.1, 0.8], (150, 1))
    found = verdict(
        answer.evaluate(good, truth),
        {"other": answer.evaluate(poor, truth)},
        main="macro_f1",
        higher_is_better=True,
    )
    assert found is not None
    # of the likeliest class alone: F1 of the third 2 · 50 / (150 + 50), of the others 0
    assert (found.better, found.sentence) == (
        1,
        f"{100 - 100 / 6:.1f} points of macro-F1 above other",
    )


@pytest.fixture
def tumours() -> Path:
    """A table of two classes, the malignant ones to be found."""
    table = load_breast_cancer(as_frame=True).frame
    table["target"] = np.where(table["target"] == 0, "malignant", "benign")
    table.to_csv("tumours.csv", index=False)
    return Path("tumours.csv")


def test_one_threshold_goes_from_the_validation_part_to_every_answer(
    tumours: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        "output.negative_class=benign",
        "output.false_negative_cost=20",
        "epochs=15",
        "input.split.validation=0.3",
        "net=ffn",
    ]
    assert main(["fit", str(tumours), "--output", "target", *words, "--out", "run", "--quiet"]) == 0
    told = capsys.readouterr().out
    run = ki.open("run")
    answer = run.answers[0]
    assert isinstance(answer, Category)
    assert answer.levels == ("benign", "malignant")
    kept = json.loads(Path("run/codecs.json").read_text(encoding="utf-8"))["answers"][0][
        "inspection"
    ]
    assert kept["reason"] == ""
    pipeline = run.pipeline()
    shares = {}
    for part in ("validation", "test"):
        outputs = run.net(pipeline.datasets[part].batch(slice(None)).inputs[0])  # type: ignore[arg-type]
        shares[part] = answer.scores(outputs)[:, 1], pipeline.datasets[part].targets[0].numpy() == 1
    assert kept["threshold"] == pytest.approx(
        cheapest(*shares["validation"], missed=20.0), rel=1e-4
    )
    share, bad = shares["test"]
    found = run.metrics["answers"][0]["details"]["inspection"]["at_threshold"]
    called = share >= kept["threshold"]
    missed, false = int((bad & ~called).sum()), int((called & ~bad).sum())
    assert (found["false_negatives"], found["false_positives"]) == (missed, false)
    assert found["cost"] == pytest.approx(100 * (20 * missed + false) / len(bad))
    assert (
        f"{missed} of {bad.sum()} defects missed, {false} of {(~bad).sum()} sound ones called"
        in " ".join(told.split())
    )
    assert main(["evaluate", "run", "--json"]) == 0
    assert (
        json.loads(capsys.readouterr().out)["answers"][0]["details"]["inspection"]["at_threshold"]
        == found
    )
    frame = pipeline.frame.take(pipeline.parts["test"])
    rows = [{name: frame[name].show(at) for name in frame.names} for at in range(len(frame))]
    assert [each.value == "malignant" for each in run.predict(*rows)] == called.tolist()  # type: ignore[union-attr]
    page = Path("run/report.html").read_text(encoding="utf-8")
    assert "What missing costs" in page
    assert "One missed defect counts as 20 false alarms" in page


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ["output.negative_class=fine"],
            "output.negative_class is no level of 'target'; got 'fine'.",
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
def test_what_cannot_be_is_refused_in_one_paragraph(
    tumours: Path, words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", str(tumours), "--output", "target", *words]) == 2
    error = " ".join(capsys.readouterr().err.split())
    assert told in error
    assert "Traceback" not in error


def test_a_defect_that_the_validation_part_lacks_is_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    table = load_wine(as_frame=True).frame
    table["target"] = table["target"].map({0: "good", 1: "chip", 2: "crack"})
    table["bottle"] = np.where(
        table["target"] == "crack", "same", [f"bottle {at}" for at in range(len(table))]
    )
    table.loc[table.index[table["target"] == "crack"][:2], "bottle"] = "other"
    table.to_csv("wine.csv", index=False)
    words = ["output.negative_class=good", "input.split.group=bottle", "epochs=1"]
    assert main(["fit", "wine.csv", "--output", "target", *words]) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert (
        "the validation split contains no 'crack', so the threshold of output.negative_class would ignore that defect"
        in told
    )
    assert (
        main(
            ["fit", "wine.csv", "--output", "target", *words, "input.split.validation=0", "--quiet"]
        )
        == 0
    )
    assert (
        "there is no validation part to choose by: 1 / (1 + output.false_negative_cost)"
        in " ".join(capsys.readouterr().out.split())
    )


def test_two_words_for_one_threshold_are_refused_from_python_too() -> None:
    with pytest.raises(TaskError, match=r"output\.sound and output\.decode\.threshold"):
        Category("kind", Options(negative_class="good", decode=Decode(threshold=0.3)))

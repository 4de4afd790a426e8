"""Classes or numbers: a decision of its own, with its reason."""

from __future__ import annotations

import string
from pathlib import Path

import numpy as np
import pandas
import pytest

import kissipo as ki
from kissipo.core.errors import DataError
from kissipo.core.frame import Column, numbers, strings
from kissipo.input.formats.tables import FileWords, table_reading
from kissipo.input.infer_types import guess_answer
from kissipo.pipeline.experiment import build_experiment
from kissipo.runs.check_data import check_data
from kissipo.runs.load import load

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("column", "kind", "doubtful"),
    [
        (numbers("a", [0, 1, 2] * 15), "category", False),
        (numbers("a", [1, 2, 3, 4, 5] * 12), "category", False),
        (numbers("a", list(range(26)) * 5), "category", False),
        (numbers("a", [0, 1] * 4), "category", False),
        (numbers("a", [3, 4, 5, 6, 7, 8] * 200), "category", True),
        (numbers("a", RNG.poisson(4, 60)), "number", True),
        (numbers("a", RNG.poisson(200, 500)), "number", False),
        (numbers("a", list(range(2000, 2020)) * 40), "number", True),
        (numbers("a", RNG.normal(size=50)), "number", False),
        (numbers("a", np.round(RNG.uniform(10, 90, 300))), "number", False),
        (numbers("a", [0.5, 1.5] * 40), "number", False),
        (Column("a", "number", np.array([10.0, 20.0, 30.0] * 40), unit="%"), "number", False),
        (strings("a", list(string.ascii_letters) * 2), "category", False),
    ],
)
def test_answer_is_classes_or_numbers(column: Column, kind: str, doubtful: bool) -> None:
    guess = guess_answer(column)
    assert (guess.kind, guess.doubtful) == (kind, doubtful)


def test_both_readings_are_named_in_the_data_check() -> None:
    rows = [f"{RNG.normal():.3f},{row % 3}" for row in range(45)]
    Path("flowers.csv").write_text("a,species\n" + "\n".join(rows) + "\n")
    assert load("flowers.csv", output="species").output == {"category": "species"}
    assert (
        "PASS  read with output.category=species: 'species' has 3 different whole numbers, "
        "0 to 2, in 45 rows; output.number=species reads them as numbers"
    ) in [finding.describe() for finding in check_data("flowers.csv", output="species")]
    assert load("flowers.csv", words={"output.number": "species"}).inferred == ()


@pytest.mark.parametrize("kind", ["csv", "jsonl", "frame"])
def test_labels_with_more_digits_than_a_float_stay_apart(kind: str) -> None:
    labels = [2**53 + 1, 2**53, 2**53 + 1]
    frame = pandas.DataFrame({"a": labels, "b": [1.5, 2.5, 3.5]})
    frame.to_csv("big.csv", index=False)
    frame.to_json("big.jsonl", orient="records", lines=True)
    data = frame if kind == "frame" else f"big.{kind}"
    read = table_reading(data, FileWords()).frame["a"]
    assert read.texts() == ["9007199254740993", "9007199254740992", "9007199254740993"]


@pytest.mark.parametrize(
    ("labels", "groups"),
    [
        (["Yes", "yes", "YES", "No", "no"], "Yes/yes/YES, No/no"),
        (["Ja", "ja", "nein"], "Ja/ja"),
        (["Straße", "STRASSE", "Weg"], "Straße/STRASSE"),
        (["ДА", "да", "нет"], "ДА/да"),
        (["a", "A", "b", "B", "c"], "a/A, b/B"),
    ],
)
def test_classes_that_differ_in_case_are_a_warning(labels: list[str], groups: str) -> None:
    rows = [f"{row * 1.5},{labels[row % len(labels)]}" for row in range(20 * len(labels))]
    Path("sold.csv").write_text("a,sold\n" + "\n".join(rows) + "\n", encoding="utf-8")
    findings = check_data("sold.csv", output="sold")
    case = [finding for finding in findings if finding.check == "classes by case"]
    assert [finding.level for finding in case] == ["WARN"]
    assert case[0].message.endswith(f"differ only in case: {groups}")
    assert case[0].action.endswith("output.ignore_case=true joins them")


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["Yes", "yes", "yes", "YES", "No", "no", "no"], ["no", "yes"]),
        (["Ja", "ja", "Ja", "nein"], ["Ja", "nein"]),
        (["Straße", "STRASSE", "STRASSE", "Weg"], ["STRASSE", "Weg"]),
        (["ДА", "да", "ДА", "нет"], ["ДА", "нет"]),
        (["a", "A", "A", "b", "B", "B", "c"], ["A", "B", "c"]),
    ],
)
def test_classes_are_joined_in_the_most_frequent_spelling(
    labels: list[str], classes: list[str]
) -> None:
    rows = [f"{row * 1.5},{labels[row % len(labels)]}" for row in range(20 * len(labels))]
    Path("sold.csv").write_text("a,sold\n" + "\n".join(rows) + "\n", encoding="utf-8")
    task = ki.load("sold.csv", output="sold", words={"output.ignore_case": True})
    pipeline = build_experiment(task, seed=0).pipeline
    assert list(pipeline.answers[0].classes) == classes
    findings = [finding for finding in pipeline.findings if finding.check == "classes by case"]
    assert [finding.level for finding in findings] == ["PASS"]
    assert "the most frequent spelling is used" in findings[0].action


def test_joined_classes_are_joined_in_prediction_and_evaluation() -> None:
    rows = [
        (row % 20, ("Yes", "yes", "yes")[row % 3] if row % 20 > 9 else "no") for row in range(240)
    ]
    Path("sold.csv").write_text("a,sold\n" + "".join(f"{value},{label}\n" for value, label in rows))
    words = {
        "output.ignore_case": True,
        "process.net": "linear",
        "process.epochs": 30,
        "process.learning_rate": 0.1,
    }
    run = ki.load("sold.csv", output="sold", words=words).fit(out="run")
    assert [run.predict({"a": 19}), run.predict({"a": 0})] == ["yes", "no"]
    Path("new.csv").write_text("a,sold\n19,YES\n18,Yes\n0,NO\n1,no\n")
    for trained in (run, ki.open("run")):
        assert trained.evaluate("new.csv")[0].net.metrics["accuracy"] == 1
    Path("odd.csv").write_text("a,sold\n19,Yess\n0,no\n")
    with pytest.raises(DataError, match=r"'Yess' .*, which is not in the training split"):
        run.evaluate("odd.csv")


def test_classes_of_a_data_frame_are_joined_without_blanks() -> None:
    frame = pandas.DataFrame({"a": range(0, 80, 2), "sold": ["yes", "yes ", "no", " no"] * 10})
    findings = [finding.describe() for finding in check_data(frame, output="sold")]
    assert (
        "PASS  some classes of 'sold' are equal but for blanks around them: 'yes', 'no' "
        "-> read as one class each" in findings
    )
    assert "PASS  2 classes of 'sold', the rarest with 20 of 40 rows" in findings

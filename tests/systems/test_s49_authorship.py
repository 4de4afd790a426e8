"""S49: essays are attributed to authors; those of unknown authors get probabilities."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path
from random import Random

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

import kissipo as ki
from kissipo.cli.main import main
from kissipo.input.datasets import federalist
from kissipo.recipes.authorship import RECIPE
from kissipo.runs.cross_validation import cross_validate
from kissipo.runs.fit import fit

STYLES = {"ann": "upon while there a enough", "bob": "on whilst also the by"}
TOPICS = ["house", "tree", "water", "stone", "wind", "sky", "bread", "town", "road", "bird"]
OPTIONS = ["--output", "author", "bag_of_words=relative", "net=linear", "--quiet"]
CLASSES = "output.classes=[ann,bob]"


def essay(author: str, random: Random) -> str:
    return " ".join(random.choices([*STYLES[author].split(), *TOPICS], k=40))


@pytest.fixture
def essays() -> str:
    """14 essays of two authors; row 15 has no author, and rows 16 to 18 another one."""
    random = Random(0)
    rows = [(essay(author, random), author) for author in ("ann", "bob") * 7]
    rows += [(essay("ann", random), ""), (essay("bob", random), "disputed")]
    rows += [(essay("ann", random), "disputed"), (essay("bob", random), "carol")]
    with open("essays.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "author"), *rows])
    return "essays.csv"


def witness(
    train: list[str], authors: list[str], others: list[str], *, strength: float, **counted: object
) -> tuple[list[str], NDArray[np.float64]]:
    """Returns classes and probabilities of scikit-learn, from words it counts itself.

    strength:  of the L2 penalty, for the sum of the losses and half the squared weights
    """
    vectorizer = CountVectorizer(**counted)
    every = CountVectorizer(token_pattern=vectorizer.token_pattern).build_analyzer()

    def frequencies(texts: list[str]) -> NDArray[np.float64]:
        lengths = np.array([len(every(text)) for text in texts])[:, None]
        return np.asarray(vectorizer.transform(texts).toarray() / lengths)

    vectorizer.fit(train)
    scaler = StandardScaler().fit(frequencies(train))
    model = LogisticRegression(C=1 / strength, max_iter=5000, tol=1e-8)
    model.fit(scaler.transform(frequencies(train)), authors)
    shares = model.predict_proba(scaler.transform(frequencies(others)))
    return list(model.classes_), np.asarray(shares)


def test_essays_of_other_authors_are_predicted_and_not_trained_on(
    essays: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", essays, *OPTIONS, CLASSES, "epochs=40", "--out", "run"]) == 0
    printed = capsys.readouterr().out
    assert "4 samples without a target, predicted:" in printed
    run = ki.open("run")
    assert run.classes == ("ann", "bob")
    rows = json.loads(Path("run/metrics.json").read_text())["answers"][0]["details"]["unlabeled"]
    assert [row["row"] for row in rows] == [15, 16, 17, 18]
    texts = [row["text"] for row in csv.DictReader(open(essays, encoding="utf-8"))]
    shares = run.predict_proba(texts[14:])
    for row, expected in zip(rows, shares, strict=True):
        chances = row["probabilities"]
        assert [chances["ann"], chances["bob"]] == pytest.approx(expected.tolist(), abs=1e-6)
        assert row["answer"] == max(chances, key=lambda name: chances[name])
    splits = json.loads(Path("run/split.json").read_text())["rows"]
    assert not any(str(row) in spans.split(", ") for spans in splits.values() for row in (15, 18))
    report = Path("run/report.html").read_text(encoding="utf-8")
    assert "Samples without a target" in report and "What speaks for each class" in report
    assert "4 rows without a target (rows 15, 16, 17, 18)" in report
    assert "'disputed' 2, 'carol' 1" in report


def test_each_class_may_be_unknown_only_if_a_person_says_so(
    essays: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(essays).write_text(Path(essays).read_text().replace(",carol", ",ann"))
    assert main(["data", "check", essays, "--output", "author"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "'disputed' 2 rows" in printed and "output.classes=[ann,bob] predicts" in printed
    assert main(["data", "check", essays, "--output", "author", CLASSES]) == 0
    assert "not known" not in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("output.classes=[ann,bobb]", "'bobb', which no row of 'author' has."),
        ("output.classes=[ann,carol]", "have a single row: 'carol'."),
        ("input.terms=[Upon]", "has a term of input.terms; got 'Upon'."),
        ("input.tokenizer=wordpieces", "and input.bag_of_words both say how texts are read. Leave"),
        ("input.vocab_size=50", "reads all of their terms. Use input.max_features."),
    ],
)
def test_bad_essays_are_refused(
    change: str, message: str, essays: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [CLASSES, change] if change.startswith("input") else [change]
    assert main(["fit", essays, *OPTIONS, *words]) == 2
    assert message in capsys.readouterr().err


def test_terms_need_a_bag_of_words(essays: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", essays, "--output", "author", CLASSES, "terms=[upon]"]) == 2
    assert "of documents or with input.bag_of_words" in capsys.readouterr().err


def test_equal_essays_of_two_authors_and_empty_ones_are_reported(
    essays: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = Path(essays).read_text().splitlines()
    lines += [lines[1].replace(",ann", ",bob"), lines[2], ",ann"]
    Path(essays).write_text("\n".join(lines))
    assert main(["data", "check", essays, *OPTIONS[:3], CLASSES]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "2 rows have equal inputs and different 'author' (rows 1, 19)" in printed
    assert "1 of 17 rows repeat an earlier one (row 20)" in printed
    assert "'text' has no value in 1 of 17 rows (row 21)" in printed


def test_leave_one_out_predicts_each_essay_once(
    essays: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["epochs=3", "split.validation=0", "baselines=[majority]", "--folds", "14"]
    assert main(["fit", essays, *OPTIONS, CLASSES, *words, "--out", "runs"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2:] == ["Predictions: runs/predictions.csv", "Runs: runs/fold-1 to runs/fold-14"]
    table = list(csv.DictReader(open("runs/predictions.csv", encoding="utf-8")))
    assert [int(row["row"]) for row in table] == list(range(1, 15))
    assert sorted(int(row["fold"]) for row in table) == list(range(1, 15))
    assert [row["author"] for row in table] == ["ann", "bob"] * 7
    for row in table[:3]:
        run = json.loads(Path(f"runs/fold-{row['fold']}/metrics.json").read_text())
        right = row["author"] == row["author predicted"]
        assert run["answers"][0]["metrics"]["accuracy"] == float(right)
    (accuracy,) = [line.split() for line in lines if line.startswith("accuracy")]
    right = [row["author"] == row["author predicted"] for row in table]
    assert float(accuracy[4]) == pytest.approx(np.mean(right), abs=1e-4)
    assert any(line.startswith("roc_auc") for line in lines)  # pooled only


def test_xray_adds_up_to_the_difference_of_two_outputs(data: Path) -> None:
    run = fit(RECIPE.task.with_words({"process.epochs": 30}), out="run")
    sections = {section.title: section for section in run.xray().trace.sections}
    (title,) = [title for title in sections if title.startswith("What speaks for")]
    table, line = sections[title].content
    pipeline = run.pipeline()
    (x,) = pipeline.datasets["test"].batch(slice(0, 1)).inputs
    outputs = run.net(x)[0].detach().topk(2)
    assert f"the sum is {float(outputs.values[0] - outputs.values[1]):+.3f}." in line.text
    first, second = outputs.indices.tolist()
    weights, names = run.net[1].weight.detach(), pipeline.codecs[0].spec.labels
    for name, value, added in table.rows[:5]:
        place = names.index(name)
        expected = float((weights[first] - weights[second])[place] * x[0, place])
        assert float(added) == pytest.approx(expected, abs=1e-3)
        assert float(value) == pytest.approx(float(x[0, place]), rel=1e-3)
    assert abs(float(table.rows[0][2])) >= abs(float(table.rows[1][2]))


def test_federalist_has_85_essays_in_their_order(data: Path) -> None:
    frame = federalist.read().frame
    assert len(frame) == 85 and frame["author"].counts() == {
        "HAMILTON": 51,
        "MADISON": 14,
        "HAMILTON OR MADISON": 12,
        "JAY": 5,
        "HAMILTON AND MADISON": 3,
    }
    texts = [text or "" for text in frame["text"].texts()]
    assert "AMONG the numerous advantages promised by a wellconstructed Union, none" in texts[9]
    assert not any(mark in text for text in texts for mark in "<>")
    disputed = [row + 1 for row, name in enumerate(frame["author"].texts()) if " OR " in str(name)]
    assert disputed == [*range(49, 59), 62, 63]


def test_recipe_gives_the_probabilities_of_sklearn(data: Path) -> None:
    run = fit(RECIPE.task, out="run")
    frame, splits = run.pipeline().frame, run.pipeline().splits
    texts, authors = ([str(text) for text in frame[name].texts()] for name in ("text", "author"))
    train = splits["train"].tolist()
    every = federalist.read().frame
    names = every["author"].texts()
    rows = [row for row in range(85) if " " in str(names[row])]
    task = RECIPE.task
    classes, expected = witness(
        [texts[row] for row in train],
        [authors[row] for row in train],
        [str(every["text"].show(row)) for row in rows],
        strength=2 * len(train) * float(task.process["l2"]),
        vocabulary=list(task.input["terms"]),
        token_pattern=task.input["token_pattern"],
    )
    saved = run.metrics["answers"][0]["details"]["unlabeled"]
    assert [item["row"] for item in saved] == [row + 1 for row in rows]
    ours = [[item["probabilities"][name] for name in classes] for item in saved]
    np.testing.assert_allclose(ours, expected, atol=0.01)
    disputed = {item["row"]: item["answer"] for item in saved if item["row"] > 20}
    assert Counter(disputed.values()) == {"MADISON": 11, "HAMILTON": 1}
    assert disputed[55] == "HAMILTON"


@pytest.mark.slow
def test_leave_one_out_is_that_of_sklearn(data: Path) -> None:
    result = cross_validate(RECIPE.task, 70, out="runs")
    assert result["pooled"]["accuracy"] == pytest.approx(68 / 70)
    table = list(csv.DictReader(open("runs/predictions.csv", encoding="utf-8")))
    wrong = {int(row["row"]) for row in table if row["author"] != row["author predicted"]}
    frame = federalist.read().frame
    texts, authors = ([str(text) for text in frame[name].texts()] for name in ("text", "author"))
    labeled = [row for row in range(85) if " " not in authors[row]]
    assert [int(row["row"]) - 1 for row in table] == labeled
    missed = set()
    for row in labeled:
        others = [other for other in labeled if other != row]
        classes, shares = witness(
            [texts[other] for other in others],
            [authors[other] for other in others],
            [texts[row]],
            strength=2 * 69 * float(RECIPE.task.process["l2"]),
            vocabulary=list(RECIPE.task.input["terms"]),
            token_pattern=RECIPE.task.input["token_pattern"],
        )
        if classes[int(shares[0].argmax())] != authors[row]:
            missed.add(row + 1)
    assert wrong == missed

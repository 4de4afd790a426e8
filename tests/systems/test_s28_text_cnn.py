"""S28: a text CNN on a person's own table, and which n-gram won."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

import kissipo as ki
from kissipo.cli.main import main

PLAIN = [
    "the",
    "film",
    "was",
    "seen",
    "by",
    "many",
    "people",
    "in",
    "a",
    "small",
    "old",
    "house",
    "near",
    "river",
    "and",
    "they",
    "said",
    "it",
]
SMALL = ["net=text_cnn", "filters=4", "embedding_dim=6", "epochs=1", "--quiet"]


def sentences() -> list[str]:
    """Sentences whose class is the order of two words."""
    random, rows = Random(0), []
    for number in range(200):
        order = "not good" if number % 2 else "good not"
        around = [" ".join(random.choices(PLAIN, k=random.randint(1, 8))) for _ in "ab"]
        rows.append(f"{around[0]} {order} {around[1]},{'bad' if number % 2 else 'fine'}")
    return rows


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on such sentences."""
    folder = tmp_path_factory.mktemp("films")
    table = folder / "films.csv"
    table.write_text("\n".join(["text,kind", *sentences()]), encoding="utf-8")
    words = ["net=text_cnn", "filters=16", "embedding_dim=8", "learning_rate=0.02", "epochs=7"]
    options = ["input.text=[text]", "baselines=[majority,tfidf_svm]", "--quiet"]
    run = str(folder / "run")
    assert main(["fit", str(table), "--output", "kind", *words, *options, "--out", run]) == 0
    return folder / "run"


def test_order_of_words_decides_and_the_ngram_is_named(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ki.open(trained).metrics["answers"][0]["metrics"]["accuracy"] >= 0.95
    assert "TF-IDF + linear SVM" in ki.open(trained).metrics["answers"][0]["baselines"]
    capsys.readouterr()
    assert main(["xray", str(trained), "the old house was not good and they said it"]) == 0
    output = capsys.readouterr().out
    assert "The n-grams of 'text' that won" in output
    table = output.split("filters it won")[1].splitlines()[1:]
    best = max(table[:3], key=lambda line: abs(float(line.split()[-1])))
    assert "not good" in best or ("not" in best and "good" in best)
    report = (trained / "report.html").read_text(encoding="utf-8")
    assert "What the filters over 'text' look for" in report


@pytest.mark.parametrize(
    ("text", "remark"),
    [
        ("good", ""),
        ("", "1 empty 'text', read as no words"),
        ("not good " * 5_000, "1 of 1 'text' longer than"),
        ("😀 🎉", "2 words of 'text' rare or never seen in training"),
        ("Это not good 中文", "read as unknown"),
    ],
    ids=["one word", "empty", "10,000 words", "emoji", "mixed scripts"],
)
def test_unusual_texts_are_predicted_with_a_remark(
    text: str, remark: str, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["predict", str(trained), text]) == 0
    output = capsys.readouterr()
    assert output.out.split("\t")[0] in ("bad", "fine")
    assert remark in output.err.replace("\n", " ")
    assert main(["xray", str(trained), text]) == 0


@pytest.mark.parametrize(
    ("header", "change", "words", "value"),
    [
        ("text,tags", lambda text, kind: f"{text},{kind};seen", ["input.text=[text]"], "bad;seen"),
        ("text,price", lambda text, kind: f"{text},{len(text)}.5", ["input.characters=[text]"], ""),
        ("text,kind", lambda text, kind: f"the same text,{kind}", ["input.text=[text]"], ""),
    ],
    ids=["labels of words", "a number of characters", "identical texts"],
)
def test_other_answers_and_columns(
    header: str, change: object, words: list[str], value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [change(*row.split(",")) for row in sentences()[:60]]  # type: ignore[operator]
    Path("own.csv").write_text("\n".join([header, *rows]), encoding="utf-8")
    output = header.split(",")[1]
    assert main(["fit", "own.csv", "--output", output, *SMALL, *words, "--out", "run"]) == 0
    capsys.readouterr()
    assert main(["xray", "run", "not good"]) == 0
    assert "that won" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("output", "more", "message"),
    [
        ("kind", ["a new one,odd"], "have a single row: 'odd'"),
        ("text", [], "classes of 'text' have a single row"),
    ],
    ids=["a label with one example", "swapped columns"],
)
def test_classes_of_one_row_are_refused(
    output: str, more: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("own.csv").write_text("\n".join(["text,kind", *sentences()[:60], *more]), encoding="utf-8")
    assert main(["fit", "own.csv", "--output", output, *SMALL, "--out", "run"]) == 2
    assert message in capsys.readouterr().err.replace("\n", " ")


def test_ejected_script_trains_to_the_same_accuracy(
    trained: Path, run_script: Callable[[str], str]
) -> None:
    shutil.copytree(trained, "run")
    assert main(["eject", "run", "--out", "script"]) == 0
    printed = run_script("script")
    accuracy = ki.open("run").metrics["answers"][0]["metrics"]["accuracy"]
    assert f"test accuracy: {accuracy:.6f}" in printed

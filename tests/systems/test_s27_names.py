"""S27: the language of a single word, and new names, from the command line."""

from __future__ import annotations

import gzip
import json
import re
from collections import defaultdict
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import kissipo as ki
from kissipo.cli.main import main

BASELINE = "TF-IDF + logistic regression"


@pytest.fixture
def words(data: Path) -> Path:
    """Writes every fourth word of four languages' captions that is of one language."""
    languages_of = defaultdict(set)
    for language in ("cs", "de", "en", "fr"):
        text = gzip.decompress((data / "multi30k" / f"val.{language}.gz").read_bytes()).decode(
            "utf-8"
        )
        for word in re.findall(r"[^\W\d_]{2,}", text.lower()):
            languages_of[word].add(language)
    rows = sorted(
        f"{word},{language}\n"
        for word, languages in languages_of.items()
        if len(languages) == 1
        for language in languages
    )
    path = Path("words.csv")
    path.write_text("word,language\n" + "".join(rows[::4]), encoding="utf-8")
    return path


def fit(path: Path, capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, Any]:
    assert main(["fit", str(path), "--output", "language", *more, "--out", "run", "--json"]) == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)["answers"][0]
    return answer


def by_hand() -> float:
    """Returns the accuracy of character n-grams and logistic regression."""
    pipeline = ki.open("run").pipeline()
    splits = {name: pipeline.frame.take(pipeline.splits[name]) for name in ("train", "test")}
    pieces = TfidfVectorizer(
        analyzer="char_wb", ngram_range=(1, 3), lowercase=False, sublinear_tf=True, min_df=2
    )
    model = make_pipeline(pieces, LogisticRegression(C=30, max_iter=1000))
    words = {name: [word or "" for word in part["word"].texts()] for name, part in splits.items()}
    model.fit(words["train"], splits["train"]["language"].texts())
    return float(model.score(words["test"], splits["test"]["language"].texts()))


@pytest.mark.parametrize(
    "more", [("epochs=10",), ("epochs=6", "process.cell=gru", "process.bidirectional=true")]
)
def test_language_of_a_word(
    words: Path, more: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    answer = fit(words, capsys, *more)
    task = ki.open("run").task
    assert list(task.input["characters"]) == ["word"] and task.process["net"] == "recurrent"
    accuracies = {name: values["accuracy"] for name, values in answer["baselines"].items()}
    assert answer["metrics"]["accuracy"] > accuracies["majority class"] + 0.3
    assert accuracies[BASELINE] == pytest.approx(by_hand(), abs=1e-9)
    assert answer["verdict"]["compared_with"] == BASELINE
    assert main(["predict", "run", "übermorgen", "příroda", "promenaient"]) == 0
    assert [line.split("\t")[0] for line in capsys.readouterr().out.splitlines()] == [
        "de",
        "cs",
        "fr",
    ]


def test_generated_names_are_one_per_line(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    training_names = (data / "names-makemore" / "names.txt").read_text(encoding="utf-8").split()
    Random(0).shuffle(
        training_names
    )  # rare names stand in alphabetical order, which the net would learn
    Path("names.txt").write_text("\n".join(training_names[:6000]), encoding="utf-8")
    assert main(["fit", "names.txt", "epochs=6", "units=64", "--out", "run", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)["answers"][0]
    assert answer["metrics"]["nll"] < answer["baselines"]["bigram"]["nll"]
    assert main(["generate", "run", "--start", "ma", "--length", "1500", "--seed", "1"]) == 0
    names = capsys.readouterr().out.split("\n")[:-2]  # the last may be cut
    assert names[0].startswith("ma") and 100 < len(names) < 400
    assert sum(re.fullmatch("[a-z]{3,11}", name) is not None for name in names) > 0.9 * len(names)
    written = set(names)
    assert len(written & set(training_names)) > 10 and len(written - set(training_names)) > 20

"""A user's text column: SMS spam from the command line.

The verdict is compared with TF-IDF and logistic regression of scikit-learn.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.pipeline import make_pipeline

import kissipo as ki
from kissipo.cli.main import main

BASELINE = "TF-IDF + logistic regression"


def fit(path: Path, capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    """The answer's part of the result of `kissipo fit`."""
    header = ["input.header=[kind, message]", "input.quoting=false"]
    assert (
        main(["fit", str(path), "--output", "kind", *header, *words, "--out", "run", "--json"]) == 0
    )
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)["answers"][0]
    return answer


def by_hand() -> tuple[float, float]:
    """Accuracy and F1 (of spam) of TF-IDF and logistic regression on the same rows."""
    pipeline = ki.open("run").pipeline()
    splits = {name: pipeline.frame.take(positions) for name, positions in pipeline.splits.items()}
    texts = {
        name: [text or "" for text in part["message"].texts()] for name, part in splits.items()
    }
    kinds = {name: part["kind"].texts() for name, part in splits.items()}
    model = make_pipeline(
        TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2)),
        LogisticRegression(C=100, max_iter=1000),
    )
    answers = model.fit(
        texts["train"] + texts["validation"], kinds["train"] + kinds["validation"]
    ).predict(texts["test"])
    return accuracy_score(kinds["test"], answers), f1_score(
        kinds["test"], answers, pos_label="spam"
    )


def refuse_false_verdict(answer: dict[str, Any]) -> None:
    """The verdict names the best baseline and says whether the net is above it."""
    net, best = (
        answer["metrics"]["accuracy"],
        max(answer["baselines"].items(), key=lambda pair: pair[1]["accuracy"]),
    )
    verdict = answer["verdict"]
    assert answer["baselines"][verdict["compared_with"]]["accuracy"] == best[1]["accuracy"]
    side = "above" if net > best[1]["accuracy"] else "below"
    points = f"{100 * abs(net - best[1]['accuracy']):.1f} points {side} {verdict['compared_with']}"
    assert verdict["sentence"].startswith(
        f"equal to {verdict['compared_with']}" if net == best[1]["accuracy"] else points
    )


def test_a_part_of_the_messages(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = (
        (data / "sms-spam" / "SMSSpamCollection.tsv")
        .read_text(encoding="utf-8")
        .splitlines(keepends=True)
    )
    Path("sms.tsv").write_text("".join(lines[:1200]), encoding="utf-8")
    answer = fit(Path("sms.tsv"), capsys, "epochs=6")
    assert answer["metrics"]["accuracy"] >= 0.93
    assert {"f1", "precision", "recall", "roc_auc"} <= set(
        answer["metrics"]
    ) and BASELINE in answer["baselines"]
    refuse_false_verdict(answer)
    assert (
        main(["predict", "run", "URGENT! You have won a FREE prize, call 09061234567 now to claim"])
        == 0
    )
    assert capsys.readouterr().out.startswith("spam\t")


def test_missing_header_is_reported_and_keeps_every_row(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = (
        (data / "sms-spam" / "SMSSpamCollection.tsv")
        .read_text(encoding="utf-8")
        .splitlines(keepends=True)
    )
    Path("sms.tsv").write_text("".join(lines[:300]), encoding="utf-8")
    words = ["--output", "column1", "input.quoting=false", "epochs=1", "--out", "run"]
    assert main(["fit", "sms.tsv", *words]) == 0
    output = " ".join("".join(capsys.readouterr()).split())
    assert (
        "WARN sms.tsv seems to have no header: its first line looks "
        "like a row of data ('ham' occurs again in its column)" in output
    )
    frame = ki.open("run").pipeline().frame
    assert sorted(
        map("\t".join, zip(frame["column1"].texts(), frame["column2"].texts(), strict=True))
    ) == sorted(line.rstrip("\n") for line in lines[:300])
    assert main(["predict", "run", "--file", "sms.tsv"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 300


@pytest.mark.slow
def test_all_messages_reach_97_percent_and_the_verdict_is_true(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = fit(data / "sms-spam" / "SMSSpamCollection.tsv", capsys)
    accuracy, f1 = by_hand()
    assert answer["metrics"]["accuracy"] >= 0.97 and answer["metrics"]["f1"] >= 0.9
    assert abs(answer["baselines"][BASELINE]["accuracy"] - accuracy) <= 0.005
    assert abs(answer["baselines"][BASELINE]["f1"] - f1) <= 0.03
    refuse_false_verdict(answer)


@pytest.mark.slow
def test_five_lines_of_yaml_are_the_same_task(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("spam.yaml").write_text(
        f"input:\n  {{table: {data}/sms-spam/SMSSpamCollection.tsv, "
        "header: [kind, message], quoting: false, text: message}\n"
        "process:\n  {net: recurrent, cell: lstm, embedding_dim: 20, units: 15, "
        "pooling: max, epochs: 5}\n"
        "output: {category: kind}\n"
    )
    assert main(["fit", "spam.yaml", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["answers"][0]["metrics"]["accuracy"] >= 0.97

"""S35: questions about paragraphs, from a file of SQuAD to an answer in its words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import kissipo as ki
from kissipo.cli.main import main

PEOPLE = {"Ada": ("red", "Prague"), "Bob": ("blue", "Oslo"), "Eve": ("green", "Lima")}
NET = [
    "process.num_layers=1",
    "process.units=32",
    "process.dropout=0",
    "process.learning_rate=3e-3",
]


def squad(folder: Path, *, unanswerable: bool = False, before: str = "") -> Path:
    """Writes three articles about people, with two questions each.

    before:  the beginning of every paragraph
    """
    articles = []
    for name, (color, city) in PEOPLE.items():
        context = f"{before}{name} has a {color}-brown hat, and lives in {city} (since 1999)."
        questions: list[dict[str, Any]] = [
            {
                "id": f"{name} {question}",
                "question": question,
                "answers": [{"text": text, "answer_start": context.index(text)}],
            }
            for question, text in (("What color?", f"{color}-brown"), ("Where?", city))
        ]
        if unanswerable:
            why = {
                "id": f"{name} why",
                "question": "Why so late?",
                "answers": [],
                "is_impossible": True,
            }
            questions.append(why)
        articles.append({"title": name, "paragraphs": [{"context": context, "qas": questions}]})
    path = folder / "squad.json"
    path.write_text(json.dumps({"version": "2.0", "data": articles}))
    return path


@pytest.mark.parametrize("unanswerable", [False, True])
def test_net_learns_questions_by_heart_and_answers_in_the_words_of_the_paragraph(
    tmp_path: Path, unanswerable: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    path, folder = squad(tmp_path, unanswerable=unanswerable), tmp_path / "run"
    split = ["input.split.test=0", "input.split.validation=0"]
    words = [*NET, *split, "epochs=60", "input.batch_size=3", "--out", str(folder), "--quiet"]
    assert main(["fit", str(path), *words]) == 0
    capsys.readouterr()
    assert main(["evaluate", str(folder), str(path), "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    metrics = content["answers"][0]["metrics"]
    assert metrics["f1"] == metrics["exact_match"] == 1.0
    row = {"question": "What color?", "context": "Ada has a red-brown hat, and lives in Prague."}
    (prediction,) = ki.open(folder).predict([row])
    assert prediction == "red-brown"
    report = (folder / "report.html").read_text()
    assert "Right answers" in report and "red-brown" in report
    if unanswerable:
        assert metrics["unanswerable_accuracy"] == 1.0


def test_answer_behind_the_first_window_is_found_at_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = "The sun was warm and the river was wide. " * 9
    path, folder = squad(tmp_path, before=before, unanswerable=True), tmp_path / "run"
    sizes = ["input.max_length=200", "process.max_positions=48", "input.batch_size=3"]
    split = ["input.split.test=0", "input.split.validation=0"]
    words = [*NET, *split, *sizes, "epochs=60", "--out", str(folder), "--quiet"]
    assert main(["fit", str(path), *words]) == 0
    assert "text_window: 48" in (folder / "task.yaml").read_text()  # inferred
    capsys.readouterr()
    assert main(["evaluate", str(folder), str(path), "--json"]) == 0
    metrics = json.loads(capsys.readouterr().out)["answers"][0]["metrics"]
    assert metrics["exact_match"] == metrics["unanswerable_accuracy"] == 1.0
    context = f"{before}Ada has a red-brown hat, and lives in Prague (since 1999)."
    row = {"question": "Where?", "context": context}
    assert main(["predict", str(folder), json.dumps(row), "--json"]) == 0
    (content,) = json.loads(capsys.readouterr().out)["predictions"]
    span = content["answer"]["spans"][0]
    assert row["context"][span["start"] : span["end"]] == span["text"] == "Prague"
    assert span["start"] > len(before)


def test_without_windows_a_truncated_answer_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = squad(tmp_path, before="The sun was warm and the river was wide. " * 9)
    task = [str(path), *NET, "input.max_length=48", "input.split.test=0", "epochs=1"]
    words = ["input.split.validation=0", "--out", str(tmp_path / "run")]
    assert main(["fit", *task, *words]) == 0
    text = " ".join(capsys.readouterr().err.split())
    assert "lie behind the 48 pieces that the net reads" in text
    assert "the net reads long texts in windows" in text

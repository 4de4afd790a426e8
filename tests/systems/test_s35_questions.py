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


def squad(folder: Path, *, unanswerable: bool = False) -> Path:
    """Writes three articles about people, with two questions each."""
    articles = []
    for name, (color, city) in PEOPLE.items():
        context = f"{name} has a {color}-brown hat, and lives in {city} (since 1999)."
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

"""S35: which ending fits a text, from a table to the ending that was chosen."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import kissipo as ki
from kissipo.cli.main import main
from kissipo.input.datasets import answer_sentences
from tests.systems.test_s35_bert import published

__all__ = ["published"]
TITLES = ["before", "ending0", "ending1", "ending2", "label"]
ANIMALS, SOUNDS = ["cat", "dog", "cow", "duck"], ["meows", "barks", "moos", "quacks"]
THINGS = ["chair", "table", "lamp", "spoon"]
NET = ["process.units=32", "process.num_heads=2", "process.dropout=0", "process.num_layers=1"]


@pytest.fixture(scope="module")
def animals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Animals make sounds, and are no things; some rows have two endings only."""
    generator = np.random.default_rng(4)
    path = tmp_path_factory.mktemp("choice") / "animals.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(TITLES)
        for number in range(240):
            place = int(generator.integers(2 if number % 6 == 0 else 3))
            endings = [f"a {thing}" for thing in generator.choice(THINGS, 3)]
            endings[place] = f"it {generator.choice(SOUNDS)}"
            if number % 6 == 0:
                endings[2] = ""
            writer.writerow([f"the {generator.choice(ANIMALS)} is here and", *endings, place])
    return path


@pytest.fixture(scope="module")
def run(animals: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "animals"
    words = [*NET, "process.learning_rate=3e-3", "epochs=12", "input.batch_size=24"]
    output = ["output.choice=label", "input.text=before"]
    assert main(["fit", str(animals), *output, *words, "--out", str(folder), "--quiet"]) == 0
    return folder


def test_net_learns_which_ending_belongs_to_a_text(run: Path) -> None:
    scores = json.loads((run / "metrics.json").read_text())
    metrics = scores["answers"][0]["metrics"]
    assert metrics["accuracy"] == 1.0 and metrics["mean_reciprocal_rank"] == 1.0
    task = (run / "task.yaml").read_text()
    assert "ending0" in task and "tokenizer: wordpieces" in task
    row = {"before": "the cow is", "ending0": "a lamp", "ending1": "it moos", "ending2": ""}
    assert ki.open(run).predict([row]) == [1]


def test_predictions_say_the_number_and_the_text(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {"before": "the cat", "ending0": "it meows", "ending1": "a lamp", "ending2": "a spoon"}
    assert main(["predict", str(run), json.dumps(row), "--json"]) == 0
    (content,) = json.loads(capsys.readouterr().out)["predictions"]
    prediction = content["label"]
    assert (prediction["answer"], prediction["text"]) == (0, "it meows")
    assert [item["answer"] for item in prediction["others"]] in ([1, 2], [2, 1])
    assert main(["predict", str(run), json.dumps(row)]) == 0
    assert capsys.readouterr().out.strip().endswith("\tit meows")
    empty = {**row, "ending1": "", "ending2": ""}
    assert main(["predict", str(run), json.dumps(empty)]) == 2
    assert "has fewer than two options" in capsys.readouterr().err


def test_report_and_page_show_the_options(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = (run / "report.html").read_text()
    assert "mean reciprocal rank" in report and "option overlap" in report
    assert main(["show", str(run)]) == 0
    assert "score of the text" in capsys.readouterr().out
    assert main(["xray", str(run), "--out", str(run / "xray.html")]) == 0
    assert "Attention heads" in (run / "xray.html").read_text()


def test_published_weights_fit_a_choice(animals: Path, published: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    words = ["output.choice=label", f"process.weights={published}", "input.text=before"]
    more = ["epochs=1", "baselines=random_option", "--quiet", "--out", str(folder)]
    assert main(["fit", str(animals), *words, *more]) == 0
    assert "choice" in (folder / "task.yaml").read_text()


@pytest.mark.usefixtures("data")
def test_answer_sentences_are_four_for_each_question() -> None:
    frame = answer_sentences.read().frame
    assert len(frame) == 5_954
    counts = frame["label"].counts()
    assert set(counts) == set("0123") and min(counts.values()) > 0.23 * len(frame)
    options = [[frame[name].show(row) for name in answer_sentences.OPTIONS] for row in range(500)]
    assert all(len(set(texts)) == 4 for texts in options)
